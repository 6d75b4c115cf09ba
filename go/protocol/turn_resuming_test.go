package protocol_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// A turn outlives its link: what no frame shows of it (REQ-RESUME-01 to REQ-RESUME-11).

// replaying returns a client that seeks its link, with a conversation of a replay session; more is added
// to the answer that opened it.
func replaying(t *testing.T, more frame, change ...func(*protocol.Options)) (*rig, *protocol.Conversation) {
	t.Helper()
	r := connected(t, append([]func(*protocol.Options){seeks}, change...)...)
	done := later(func() (*protocol.Conversation, error) {
		return r.client.StartConversation(within(t), protocol.StartOptions{AgentID: "a"})
	})
	asked := r.recv("create_conversation_session")
	if !slices.Contains(asked["supports"].([]any), any("replay")) {
		t.Error("supports:", asked["supports"])
	}
	data := frame{
		"sessionId": "s", "conversationId": "c", "agentId": "a", "agentName": "A", "userParticipantId": "u",
		"agentParticipantId": "p", "capabilities": []string{"replay", "spec_1_2"},
	}
	for name, value := range more {
		data[name] = value
	}
	r.send(frame{"type": "immediate_response", "requestId": asked["requestId"], "status": 200, "data": data})
	opened := receive(t, done, "the conversation")
	if opened.err != nil {
		t.Fatal(opened.err)
	}
	return r, opened.value
}

// sent sends a message and returns its turn with the events that its server will tell.
func sent(r *rig, c *protocol.Conversation, tokens ...string) (*protocol.Turn, []frame) {
	r.peerLink.t.Helper()
	turn := c.Send(r.peerLink.t.Context(), "hi", nil)
	r.recv("send_message")
	return turn, script(turn.RequestID(), tokens...)
}

// script returns the numbered events of a whole turn: its acceptance, tokens, its end.
func script(id string, tokens ...string) []frame {
	events := []frame{{"type": "immediate_response", "requestId": id, "status": 202, "data": frame{}}}
	for _, text := range tokens {
		events = append(events, token(id, text))
	}
	events = append(events, final(id, nil))
	for i, event := range events {
		event["seq"] = i + 1
	}
	return events
}

func resumed(id any, state string, last int) frame {
	return frame{"type": "turn_resumed", "requestId": id, "data": frame{
		"requestId": id, "data": frame{"state": state, "lastSeq": last},
	}}
}

// cut drops the link of a client, lets the next one come and returns what asks for the turn there.
func (r *rig) cut(t *testing.T, told <-chan protocol.StateChange) frame {
	t.Helper()
	r.lose(t, told)
	return r.recv("resume_turn")
}

func wantState(t *testing.T, turn *protocol.Turn, want protocol.TurnState) {
	t.Helper()
	until(t, string(want), func() bool { return turn.State() == want })
}

// until waits for what another goroutine brings about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func TestREQ_RESUME_02_ReadersWaitWhileTheTurnIsSuspended(t *testing.T) {
	r, c := replaying(t, nil)
	told := moves(r.client)
	turn, events := sent(r, c, "a", "b")
	wantState(t, turn, protocol.TurnStateSent)
	type heard struct {
		pieces string
		words  []string
	}
	items := later(func() (got heard, err error) {
		for event, err := range turn.Stream() {
			if err != nil {
				return got, err
			}
			got.words = append(got.words, event.EventType())
		}
		return got, nil
	})
	text := later(func() (got heard, err error) {
		for piece, err := range turn.Text() {
			if err != nil {
				return got, err
			}
			got.pieces += piece + "|"
		}
		return got, nil
	})
	ended := later(func() (*protocol.TurnResult, error) { return turn.Wait(within(t)) })
	r.send(events[:2]...)
	until(t, "the first token", func() bool { return turn.PartialText() == "a" })
	wantState(t, turn, protocol.TurnStateRunning)
	asked := r.cut(t, told)
	wantState(t, turn, protocol.TurnStateSuspended)
	if asked["requestId"] != turn.RequestID() || asked["sessionId"] != "s" || asked["afterSeq"] != 2. {
		t.Error(asked)
	}
	if len(items)+len(text)+len(ended) != 0 || turn.Err() != nil {
		t.Error("something ended while the turn was suspended")
	}
	r.send(resumed(turn.RequestID(), "running", 3))
	r.send(events[1:]...)
	result := receive(t, ended, "the result")
	if result.err != nil || result.value.Text != "ab" {
		t.Fatalf("%+v", result)
	}
	wantState(t, turn, protocol.TurnStateSettled)
	if got := receive(t, text, "the text"); got.err != nil || got.value.pieces != "a|b|" {
		t.Errorf("%+v", got)
	}
	words := []string{protocol.TypeStreamToken, protocol.TypeStreamToken, protocol.TypeEventualResponse}
	if got := receive(t, items, "the items"); got.err != nil || !slices.Equal(got.value.words, words) {
		t.Errorf("%+v", got)
	}
	if got := r.client.Counters(); got.ResumedTurns != 1 || got.OpenTurns != 0 {
		t.Errorf("%+v", got)
	}
}

func TestREQ_RESUME_08_WhoStopsWaitingForASuspendedTurnStopsIt(t *testing.T) {
	r, c := replaying(t, nil)
	told := moves(r.client)
	turn, _ := sent(r, c)
	_ = r.conn.CloseNow()
	wantState(t, turn, protocol.TurnStateSuspended)
	ctx, stop := context.WithCancel(t.Context())
	events := turn.Iterate()
	next := later(func() (protocol.Event, error) { return events.Next(ctx) })
	stop()
	if got := receive(t, next, "the end of the wait"); !errors.Is(got.err, context.Canceled) {
		t.Error(got)
	}
	wantState(t, turn, protocol.TurnStateSuspended)
	move := wantMove(t, told, protocol.ConnectionStateReconnecting, "lost")
	r.clock.Advance(move.RetryIn)
	r.peerLink = r.link()
	r.recv("resume_turn")
	r.recv("cancel")
	r.send(resumed(turn.RequestID(), "never", 0))
	if result := wait(t, turn); result.Outcome != protocol.OutcomeCancelled || *result.Confirmed {
		t.Error(result)
	}
}

func TestREQ_RESUME_04_TheErrorTellsWhatTheServerSaid(t *testing.T) {
	for _, c := range []struct {
		answer func(id string) frame
		state  protocol.ResumeState
		code   string
	}{
		{func(id string) frame { return resumed(id, "gone", 9) }, protocol.ResumeStateGone, ""},
		{func(id string) frame { return resumed(id, "running", 1) }, protocol.ResumeStateGone, ""},
		{func(id string) frame { return resumed(id, "sunk", 9) }, "sunk", ""},
		{func(id string) frame { return failure(id, "SESSION_NOT_FOUND") }, "", "SESSION_NOT_FOUND"},
	} {
		r, chat := replaying(t, nil)
		told := moves(r.client)
		turn, events := sent(r, chat, "a")
		r.send(events[:2]...)
		until(t, "the first token", func() bool { return turn.PartialText() == "a" })
		r.cut(t, told)
		r.send(c.answer(turn.RequestID()))
		_, err := turn.Wait(within(t))
		var interrupted *protocol.TurnInterruptedError
		if !errors.As(err, &interrupted) || interrupted.State != c.state || interrupted.Code != c.code ||
			!interrupted.Sent || interrupted.CloseCode != 0 || interrupted.PartialText != "a" {
			t.Errorf("got %+v; want %+v", interrupted, c)
		}
	}
}

// play sends all events; it loses some at random and sends some twice. It returns how often it was asked.
func play(t *testing.T, r *rig, told <-chan protocol.StateChange, events []frame, chance *rand.Rand) (asked int64) {
	t.Helper()
	at, newest := 0, 0
	for {
		end := newest + 1 + chance.IntN(len(events)-newest)
		r.send(events[at:end]...)
		if end == len(events) {
			return asked
		}
		var question frame
		if end+1 < len(events) && chance.IntN(2) == 0 {
			r.send(events[end+1]) // a gap: the client asks on the same link
			question = r.recv("resume_turn")
		} else {
			question = r.cut(t, told) // what lay in the socket is lost
		}
		after := int(question["afterSeq"].(float64))
		if after < newest || after > end {
			t.Fatalf("asks after %d; has %d, was sent %d", after, newest, end)
		}
		asked, newest = asked+1, after
		at = chance.IntN(newest + 1)
		r.send(resumed(question["requestId"], "running", len(events)))
	}
}

func TestREQ_RESUME_06_RandomCutsGiveTheWholeTextOnce(t *testing.T) {
	for seed := range uint64(16) {
		r, c := replaying(t, nil, func(o *protocol.Options) { o.ResumeTimeout = protocol.Off })
		told := moves(r.client)
		var tokens []string
		for n := range 60 {
			tokens = append(tokens, fmt.Sprintf("%d ", n))
		}
		turn, events := sent(r, c, tokens...)
		asked := play(t, r, told, events, rand.New(rand.NewPCG(seed, 1)))
		if result := wait(t, turn); result.Text != strings.Join(tokens, "") {
			t.Errorf("seed %d: got %q", seed, result.Text)
		}
		items, seq := turn.Iterate(), int64(2)
		for {
			event, err := items.Next(within(t))
			if err == io.EOF {
				break
			}
			if token, ok := event.(*protocol.StreamToken); ok && *token.Seq != seq {
				t.Fatalf("seed %d: item %d, %v", seed, seq, event)
			}
			seq++
		}
		if got := r.client.Counters().ResumedTurns; got != asked || int(seq) != len(events)+1 {
			t.Errorf("seed %d: resumed %d of %d times, %d items", seed, got, asked, seq)
		}
	}
}

func TestREQ_RESUME_09_AThousandSuspensionsLeaveNothingBehind(t *testing.T) {
	r, c := replaying(t, nil)
	turn, events := sent(r, c, make([]string, 1_100)...)
	more := func(from, to int) {
		for n := from; n < to; n++ {
			r.send(events[n], events[n+2]) // a gap
			r.recv("resume_turn")
			r.send(resumed(turn.RequestID(), "running", n+2))
		}
	}
	more(0, 100)
	goroutines, memory, armed := runtime.NumGoroutine(), inUse(), r.clock.Armed()
	more(100, 1_100)
	r.fence(r.client)
	if now := runtime.NumGoroutine(); now > goroutines {
		t.Error(now-goroutines, "goroutines more")
	}
	if now := r.clock.Armed(); now > armed {
		t.Error(now-armed, "timers more")
	}
	if grown := inUse() - memory; grown > 512<<10 { // the items that the turn shows are there
		t.Error(fmt.Sprintf("%d bytes more are in use", grown))
	}
	r.send(events[1_100:]...)
	wait(t, turn)
	r.fence(r.client)
	r.clock.Advance(10 * time.Second) // the link is stable from now on
	if r.clock.Armed() != 0 || r.client.Counters().ResumedTurns != 1_100 {
		t.Error(r.clock.Armed(), "timers are armed", r.client.Counters())
	}
}

func TestREQ_RESUME_11_ATurnThatRunsIsTakenUpOnce(t *testing.T) {
	r, c := replaying(t, frame{"openTurn": frame{"requestId": "old", "lastSeq": 2}})
	turn, runs := c.OpenTurn()
	if !runs || turn.RequestID() != "old" || turn.SessionID() != "s" || turn.State() != protocol.TurnStateSuspended {
		t.Fatal(turn, runs)
	}
	if asked := r.recv("resume_turn"); asked["afterSeq"] != 0. || asked["requestId"] != "old" {
		t.Error(asked)
	}
	if same, _ := c.OpenTurn(); same != turn {
		t.Error("a turn that is here already was taken up once more")
	}
	if same, _ := r.client.Turn("old"); same != turn {
		t.Error("the client does not know its turn")
	}
	r.send(resumed("old", "settled", 3))
	r.send(script("old", "hi")...)
	if result := wait(t, turn); result.Text != "hi" || result.RequestID != "old" {
		t.Error(result)
	}
	if again, runs := c.OpenTurn(); !runs || again == turn || again.State() != protocol.TurnStateSuspended {
		t.Error("a turn that has settled is asked for anew")
	}
}

func TestREQ_RESUME_01_WithoutAutoReconnectNothingIsResumed(t *testing.T) {
	for _, change := range []func(*protocol.Options){
		func(o *protocol.Options) { o.AutoReconnect = new(false) },
		func(o *protocol.Options) { seeks(o); o.MaxReconnectAttempts = new(0) },
	} {
		r := connected(t, change)
		done := later(func() (*protocol.Conversation, error) {
			return r.client.StartConversation(within(t), protocol.StartOptions{AgentID: "a"})
		})
		asked := r.recv("create_conversation_session")
		if slices.Contains(asked["supports"].([]any), any("replay")) {
			t.Error("supports:", asked["supports"])
		}
		r.send(frame{"type": "immediate_response", "requestId": asked["requestId"], "status": 200, "data": frame{
			"sessionId": "s", "conversationId": "c", "agentId": "a", "agentName": "A", "userParticipantId": "u",
			"agentParticipantId": "p", "capabilities": []string{"replay"},
			"openTurn": frame{"requestId": "old", "lastSeq": 2},
		}})
		opened := receive(t, done, "the conversation")
		if turn, runs := opened.value.OpenTurn(); runs {
			t.Error("took up", turn)
		}
	}
}
