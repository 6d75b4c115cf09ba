package protocol_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// read collects the types of a turn's events until its end.
func read(t *testing.T, turn *protocol.Turn) (types []string, err error) {
	t.Helper()
	events := turn.Iterate()
	for {
		event, err := events.Next(within(t))
		if err == io.EOF {
			return types, nil
		}
		if err != nil {
			return types, err
		}
		types = append(types, event.EventType())
	}
}

func TestREQ_TURN_01_SendReturnsAtOnce(t *testing.T) {
	r := connected(t)
	turn := r.client.SendMessage(t.Context(), protocol.SendMessage{
		SessionID: "s", Message: "hi", RequestID: "mine", Model: "m", Skill: "k", Stream: new(false),
		Images: []protocol.ImageAttachment{{URL: "u", Detail: protocol.ImageDetailLow}},
		Files:  []protocol.FileAttachment{{Name: "f", URL: "u"}},
	})
	if turn.RequestID() != "mine" || turn.State() != protocol.TurnStateSent || turn.Err() != nil {
		t.Error(turn.RequestID(), turn.State())
	}
	got := r.recv("send_message")
	image := got["images"].([]any)[0].(frame)
	if got["requestId"] != "mine" || got["stream"] != false || image["detail"] != "low" || got["model"] != "m" {
		t.Error(got)
	}
}

func TestREQ_TURN_02_EveryIteratorSeesEveryItem(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	early := later(func() ([]string, error) { return read(t, turn) })
	r.send(
		token("r1", "a"), frame{"type": "keepalive", "data": frame{"requestId": "r1"}},
		frame{"type": "news", "data": frame{"requestId": "r1"}}, token("r1", "b"),
		frame{"type": "immediate_response", "requestId": "r1", "status": 200, "data": frame{}}, final("r1", "ab"),
	)
	want := []string{"stream_token", "unknown", "stream_token", "eventual_response"}
	if got := receive(t, early, "the end"); got.err != nil || !slices.Equal(got.value, want) {
		t.Error(got)
	}
	if got, err := read(t, turn); err != nil || !slices.Equal(got, want) { // REQ-TURN-15
		t.Error(got, err)
	}
	var seen []string
	for event := range turn.Events() {
		seen = append(seen, event.EventType())
	}
	if !slices.Equal(seen, want) || turn.State() != protocol.TurnStateSettled {
		t.Error(seen)
	}
}

func TestREQ_TURN_03_AFailedTurnRaisesAfterItsItems(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	r.send(token("r1", "par"), failure("r1", "AGENT_ERROR"), token("r1", "late"))
	types, err := read(t, turn)
	if !slices.Equal(types, []string{"stream_token", "error"}) {
		t.Error(types)
	}
	wantKind(t, err, protocol.ErrorKindServerError)
	var agent *protocol.AgentError
	if !errors.As(err, &agent) || agent.PartialText != "par" || agent.SessionID != "s" || agent.RequestID != "r1" || agent.Code != "AGENT_ERROR" {
		t.Errorf("%+v", agent)
	}
	var raised []error
	for event, err := range turn.Stream() {
		if (event == nil) != (err != nil) {
			t.Error(event, err)
		}
		if err != nil {
			raised = append(raised, err)
		}
	}
	if len(raised) != 1 || raised[0] != turn.Err() || turn.PartialText() != "par" {
		t.Error(raised)
	}
}

func TestREQ_TURN_04_AStatusOf400FailsTheTurn(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	answer := final("r1", "x")
	answer["status"], answer["data"].(frame)["status"] = 200, 500
	r.send(answer)
	_, err := turn.Wait(within(t))
	wantKind(t, err, protocol.ErrorKindProtocol)
	var agent *protocol.AgentError
	if !errors.As(err, &agent) || agent.Status != 500 {
		t.Errorf("%+v", err)
	}
}

func TestREQ_TURN_05_CancelledIsNoError(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	r.send(token("r1", "half"), frame{"type": "cancelled", "requestId": "r1", "status": 499})
	got := wait(t, turn)
	if got.Outcome != protocol.OutcomeCancelled || !*got.Confirmed || got.Text != "half" || got.Event.EventType() != "cancelled" {
		t.Errorf("%+v", got)
	}
}

func TestREQ_TURN_06_LateFramesReachNobody(t *testing.T) {
	r := connected(t)
	pushed, frames := make(chan protocol.Event, 8), make(chan protocol.FrameInfo, 64)
	r.client.OnEvent(func(e protocol.Event) { pushed <- e })
	turn := r.turn()
	r.send(final("r1", "ok"))
	wait(t, turn)
	r.client.OnFrame(func(f protocol.FrameInfo) { frames <- f })
	r.send(token("r1", "late"), failure("r1", "INTERNAL_ERROR"), failure("other", "INTERNAL_ERROR"))
	if got := receive(t, pushed, "the foreign error"); got.(*protocol.ErrorEvent).RequestID == nil || len(pushed) != 0 {
		t.Error(got)
	}
	if f := receive(t, frames, "the tap"); f.Type != "stream_token" || f.RequestID != "r1" || f.Direction != protocol.DirectionIn {
		t.Error(f)
	}
	if wait(t, turn).Text != "ok" {
		t.Error("the result changed")
	}
}

func TestREQ_TURN_07_WhichErrorsEndATurn(t *testing.T) {
	for name, c := range map[string]struct {
		before []frame // besides the 202
		error  frame
		verb   bool
		ends   bool
	}{
		"unknown code":        {error: failure("r1", "NEW"), ends: true},
		"says not terminal":   {error: failure("r1", "NEW", "lives")},
		"never":               {error: failure("r1", "OTP_SEND_FAILED")},
		"never, says it does": {error: failure("r1", "OTP_SEND_FAILED", "terminal")},
		"no verb":             {error: failure("r1", "VALIDATION_ERROR"), ends: true},
		"verb":                {before: []frame{confirmation("r1")}, error: failure("r1", "VALIDATION_ERROR"), verb: true},
		"verb, always":        {before: []frame{confirmation("r1")}, error: failure("r1", "AGENT_ERROR"), verb: true, ends: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t)
			turn := r.turn()
			r.send(c.before...)
			r.fence(r.client)
			if c.verb {
				done := later(func() (any, error) { return nil, turn.Confirm(within(t), true) })
				r.recv("confirm_tool_action")
				defer func() {
					if receive(t, done, "confirm").err == nil {
						t.Error("the verb succeeded")
					}
				}()
			}
			r.send(c.error)
			r.fence(r.client)
			if (turn.State() == protocol.TurnStateSettled) != c.ends {
				t.Error(turn.State())
			}
		})
	}
}

func TestREQ_TURN_09_TheTextOfAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		response any
		want     string
	}{
		"string": {"whole", "whole"}, "empty string": {"", ""}, "null": {nil, "tok"}, "number": {7, "tok"},
		"parts":         {frame{"responseParts": []any{"a", 1, "b"}}, "a\n\nb"},
		"no parts":      {frame{"responseParts": []any{}}, "tok"},
		"null parts":    {frame{"responseParts": nil}, "tok"},
		"missing parts": {frame{}, "tok"},
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t)
			turn := r.turn()
			r.send(
				frame{"type": "stream_preamble", "requestId": "r1", "data": frame{"requestId": "r1", "token": "no"}},
				frame{"type": "stream_reasoning", "requestId": "r1", "data": frame{"requestId": "r1", "token": "no"}},
				token("r1", "tok"), final("r1", c.response),
			)
			if got := wait(t, turn).Text; got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestREQ_TURN_10_TheTextStream(t *testing.T) {
	for name, c := range map[string]struct {
		tokens []string
		final  string
		want   []string
	}{
		"streamed": {[]string{"a", "", "🗑️"}, "other", []string{"a", "", "🗑️"}},
		"not":      {nil, "whole", []string{"whole"}},
		"empty":    {nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t)
			turn := r.turn()
			for _, piece := range c.tokens {
				r.send(token("r1", piece))
			}
			r.send(final("r1", c.final))
			var got []string
			for piece, err := range turn.Text() {
				if err != nil {
					t.Error(err)
				}
				got = append(got, piece)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestREQ_TURN_11_SilenceEndsATurn(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	r.send(token("r1", "par"))
	r.fence(r.client)
	r.clock.Advance(119 * time.Second)
	r.send(frame{"type": "keepalive", "data": frame{"requestId": "r1"}})
	r.fence(r.client)
	r.clock.Advance(119 * time.Second)
	r.send(confirmation("r1"))
	r.fence(r.client)
	r.clock.Advance(200 * time.Second) // the clock stands still while a human is asked
	done := later(func() (any, error) { return nil, turn.Confirm(within(t), true) })
	r.recv("confirm_tool_action")
	r.send(frame{"type": "immediate_response", "requestId": "r1", "status": 200, "data": frame{}})
	if err := receive(t, done, "confirm").err; err != nil {
		t.Fatal(err)
	}
	r.fence(r.client)
	r.clock.Advance(119 * time.Second)
	if turn.State() != protocol.TurnStateRunning {
		t.Fatal("too early")
	}
	r.clock.Advance(time.Second)
	if got := r.recv("cancel"); got["requestId"] != "r1" || got["sessionId"] != "s" {
		t.Error(got)
	}
	_, err := turn.Wait(within(t))
	wantKind(t, err, protocol.ErrorKindTurnTimeout)
	var agent *protocol.AgentError
	if !errors.As(err, &agent) || agent.PartialText != "par" || !errors.Is(err, protocol.ErrTimeout) {
		t.Errorf("%+v", err)
	}
	r.fence(r.client)
	if r.clock.Armed() != 0 {
		t.Error("timers are armed")
	}
}

func TestREQ_TURN_12_NothingExtendsTheTotalLimit(t *testing.T) {
	r := connected(t, func(o *protocol.Options) { o.TurnTimeout = 10 * time.Second })
	turn := r.turn()
	for range 9 {
		r.clock.Advance(time.Second)
		r.send(token("r1", "x"))
		r.fence(r.client)
	}
	r.clock.Advance(time.Second)
	_, err := turn.Wait(within(t))
	wantKind(t, err, protocol.ErrorKindTurnTimeout)
	r.recv("cancel")
}

func TestREQ_TURN_13_AQuestionHasALimit(t *testing.T) {
	for name, c := range map[string]struct {
		details frame
		stamp   any
		after   time.Duration
		off     bool
	}{
		"default":      {frame{}, nil, 330 * time.Second, false},
		"expires":      {frame{"expiresAt": 61_000}, 1_000, 70 * time.Second, false},
		"negative":     {frame{"expiresAt": 1}, 1_000, 10 * time.Second, false},
		"over a day":   {frame{"expiresAt": 86_400_001}, 0, 330 * time.Second, false},
		"no timestamp": {frame{"expiresAt": 61_000}, nil, 330 * time.Second, false},
		"off":          {frame{"expiresAt": 61_000}, 1_000, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t, func(o *protocol.Options) {
				if c.off {
					o.QuestionTimeout = protocol.Off
				}
			})
			turn := r.turn()
			c.details["toolId"], c.details["actionDescription"] = "t", "d"
			asked := question("r1", "write_confirmation_required", c.details)
			if c.stamp != nil {
				asked["timestamp"] = c.stamp
			}
			r.send(asked)
			r.fence(r.client)
			if c.off {
				r.clock.Advance(time.Hour)
				if turn.State() != protocol.TurnStateRunning {
					t.Error("the limit is off")
				}
				return
			}
			r.clock.Advance(c.after - time.Millisecond)
			if turn.State() != protocol.TurnStateRunning {
				t.Fatal("too early")
			}
			r.clock.Advance(time.Millisecond)
			r.recv("cancel")
			_, err := turn.Wait(within(t))
			wantKind(t, err, protocol.ErrorKindTurnTimeout)
			var agent *protocol.AgentError
			if !errors.As(err, &agent) || agent.Question != protocol.QuestionKindConfirmation {
				t.Errorf("%+v", err)
			}
		})
	}
}

func TestREQ_TURN_14_ASecondSendIsPassedThrough(t *testing.T) {
	r := connected(t)
	first := r.turn()
	second := r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "again"})
	r.recv("send_message")
	r.send(failure("r2", "TURN_IN_PROGRESS"))
	_, err := second.Wait(within(t))
	if !errors.Is(err, protocol.ErrTurnInProgress) || !errors.Is(err, protocol.ErrConflict) {
		t.Error(err)
	}
	r.send(final("r1", "ok"))
	if wait(t, first).Text != "ok" {
		t.Error("the first turn was disturbed")
	}
}

func TestREQ_TURN_16_AFailureThatNobodySawIsLoggedOnce(t *testing.T) {
	log := newLog()
	r := connected(t, func(o *protocol.Options) { o.Logger = log.logger() })
	for range 2 {
		r.turn()
	}
	seen := r.turn()
	for _, id := range []string{"r1", "r2", "r3"} {
		r.send(failure(id, "AGENT_ERROR"))
	}
	r.fence(r.client)
	_ = seen.Err()
	seen = nil
	for end := time.Now().Add(patience); log.count("failed unseen") < 2 && time.Now().Before(end); {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if log.count("failed unseen") != 2 {
		t.Error(log.count("failed unseen"))
	}
	_ = seen
}

func TestREQ_TURN_17_AnIteratorThatDoesNotReadHoldsUpNobody(t *testing.T) {
	r := connected(t)
	slow, fast := r.turn(), r.turn()
	events := slow.Iterate()
	for range 500 {
		r.send(token("r1", strings.Repeat("x", 100)))
	}
	r.send(final("r2", "ok"))
	if wait(t, fast).Text != "ok" {
		t.Error("held up")
	}
	if event, err := events.Next(within(t)); err != nil || event.EventType() != protocol.TypeStreamToken {
		t.Error(event, err)
	}
}

func TestREQ_TURN_18_WhatAResultCarries(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	answer := final("r1", "ok")
	details := answer["data"].(frame)["data"].(frame)
	details["usage"] = frame{"promptTokens": 3, "costUsd": 0.5, "more": 1}
	details["citations"] = []any{frame{"id": "c", "title": "T", "snippet": "S", "score": 0.25}}
	details["needsEscalation"], details["escalationReason"] = true, "why"
	r.send(answer)
	got := wait(t, turn)
	if got.MessageID != "m1" || *got.Usage.PromptTokens != 3 || *got.Usage.CostUsd != 0.5 || got.Usage.CompletionTokens != nil ||
		got.Citations[0].Score != 0.25 || !*got.NeedsEscalation || *got.EscalationReason != "why" || got.RequestID != "r1" ||
		got.Event.(*protocol.EventualResponse).MessageID != "m1" || got.SessionID != "s" {
		t.Errorf("%+v", got)
	}
}

func TestREQ_TURN_19_ToolCallsAreTyped(t *testing.T) {
	chunk := func(raw string) *protocol.StreamChunk {
		event, err := protocol.DecodeEvent([]byte(
			`{"type":"stream_chunk","data":{"requestId":"r","node":"n","state":{"rawResponse":` + raw + `}}}`))
		if err != nil {
			t.Fatal(err)
		}
		return event.(*protocol.StreamChunk)
	}
	for raw, want := range map[string]string{
		`{"toolCall":{"name":"f","arguments":{"a":1}}}`:            `{"a":1}`,
		`{"toolCall":{"name":"f","arguments":"{\"a\":1}"}}`:        `{"a":1}`,
		`{"toolCall":{"name":"f","arguments":"no","callId":"k"}}`:  `{}`,
		`{"toolCall":{"name":"f"}}`:                                `{}`,
		`{"toolResult":{"name":"f","isError":true,"result":null}}`: ``,
		`null`: ``, `"text"`: ``, `{"toolCall":[]}`: ``,
	} {
		e := chunk(raw)
		call, result := e.ToolCall(), e.ToolResult()
		if (call != nil) != strings.Contains(raw, `"toolCall":{`) || (result != nil) != strings.Contains(raw, "toolResult") {
			t.Error(raw, call, result)
		}
		if call != nil && string(call.Arguments) != want {
			t.Errorf("%s: %s", raw, call.Arguments)
		}
		if result != nil && (!*result.IsError || result.Result != nil) {
			t.Errorf("%+v", result)
		}
	}
}

func TestREQ_WIRE_03_ABrokenTerminalFailsTheTurn(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	r.send(frame{"type": "stream_token", "requestId": "r1", "data": frame{"requestId": "r1", "token": 1}},
		frame{"type": "eventual_response", "requestId": "r1", "data": frame{}})
	types, err := read(t, turn)
	var broken *protocol.InvalidFrameError
	if !errors.As(err, &broken) || broken.WireType != "eventual_response" || broken.Problem.Kind != protocol.ProblemKindMissing {
		t.Errorf("%v %+v", types, err)
	}
	events := turn.Iterate()
	event, _ := events.Next(within(t))
	unknown, ok := event.(*protocol.UnknownEvent)
	if !ok || unknown.WireType != "stream_token" || *unknown.Problem != (protocol.Problem{Kind: protocol.ProblemKindType, Pointer: "/data/token"}) {
		t.Errorf("%+v", event)
	}
	_ = events.Close()
}

func TestConversationAsksAndSends(t *testing.T) {
	r := connected(t)
	opened := later(func() (*protocol.Conversation, error) {
		return r.client.StartConversation(within(t), protocol.StartOptions{AgentID: "a", UserName: "Ada"})
	})
	r.session("create_conversation_session")
	chat := receive(t, opened, "start").value
	asked := later(func() (*protocol.TurnResult, error) {
		return chat.Ask(within(t), "hi", &protocol.SendOptions{Model: "m", RequestID: "own"})
	})
	if got := r.recv("send_message"); got["sessionId"] != "s" || got["model"] != "m" {
		t.Error(got)
	}
	r.send(final("own", "there"))
	if got := receive(t, asked, "the answer"); got.err != nil || got.value.Text != "there" {
		t.Error(got)
	}
	short, cancel := context.WithCancel(context.Background())
	asked = later(func() (*protocol.TurnResult, error) { return chat.Ask(short, "long", nil) })
	r.recv("send_message")
	cancel()
	if err := receive(t, asked, "the end").err; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.recv("cancel")
}
