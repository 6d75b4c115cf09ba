package protocoltest

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// detached is how long a turn runs on without a link (REQ-SRV-36).
const detached = 90 * time.Second

// turn is one turn. Every method is called with the server's mutex.
type turn struct {
	server    *Server
	session   *session
	requestID string
	body      string // of its send_message, to know the same one again
	streams   bool
	message   *message

	holder  *link // that its events go to; nil without one
	since   int   // number of the newest link that has resumed it
	told    map[*link]struct{}
	events  [][]byte // kept on a replay session
	pumped  int      // events that the holder has
	alone   protocol.Timer
	steps   []step
	waits   bool // for a clock or a human
	timer   protocol.Timer
	asked   *question
	answers map[string]string // that were taken, by question
	outcome protocol.StoredTurn
	text    strings.Builder
	usage   *protocol.Usage // that a script counts
	found   []protocol.Citation
}

// question is what a human is asked.
type question struct {
	kind     string // confirmation, otp, interaction
	id       string
	code     string
	attempts int
	form     form
	word     string // kind of an interaction
	answer   func(value any)
	timer    protocol.Timer
}

// head is what every event of a turn has.
type head struct {
	id  string
	seq *int64
	at  *int64
}

func (t *turn) replays() bool { return t.session.knows(wordReplay) }

// emit writes an event of the turn, numbers it, keeps it, and sends it to who holds the turn.
func (t *turn) emit(build func(head) protocol.Event) {
	h := head{id: t.requestID, at: t.server.stamp()}
	if t.replays() {
		h.seq = new(int64(len(t.events) + 1))
	}
	text := frameOf(build(h))
	if !t.replays() {
		if t.holder != nil {
			t.holder.send(text)
		}
		return
	}
	t.events = append(t.events, text)
	t.pump()
}

// pump sends the holder what it has not yet.
func (t *turn) pump() {
	if t.holder == nil {
		return
	}
	for ; t.pumped < len(t.events); t.pumped++ {
		t.holder.send(t.events[t.pumped])
	}
}

// run plays steps until one waits or ends the turn.
func (t *turn) run() {
	for t.outcome == "" && !t.waits && len(t.steps) > 0 {
		next := t.steps[0]
		t.steps = t.steps[1:]
		next.run(t)
	}
}

// cutWhileAsked ends the link while a question is open, where a cut follows it directly.
func (t *turn) cutWhileAsked() {
	if t.asked != nil && len(t.steps) > 0 && t.steps[0].cuts {
		cut := t.steps[0]
		t.steps = t.steps[1:]
		cut.run(t)
	}
}

// goOn is what a wait ends with.
func (t *turn) goOn() {
	t.waits = false
	t.run()
}

// later runs f with the mutex when the clock has moved by d, unless the server was closed.
func (s *Server) later(d time.Duration, f func()) protocol.Timer {
	return s.clock.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			f()
		}
	})
}

func (t *turn) delay(d time.Duration) {
	if d == 0 {
		return
	}
	t.waits = true
	t.timer = t.server.later(d, t.goOn)
}

func (t *turn) accept() {
	t.emit(func(h head) protocol.Event {
		return &protocol.ImmediateResponse{
			RequestID: &h.id, Seq: h.seq, Timestamp: h.at, Status: new(int64(202)), Data: json.RawMessage("{}"),
		}
	})
}

func (t *turn) token(word string) {
	t.text.WriteString(word)
	if t.streams {
		t.emit(func(h head) protocol.Event {
			return &protocol.StreamToken{RequestID: h.id, Seq: h.seq, Timestamp: h.at, Token: word}
		})
	}
}

func (t *turn) reasoning(word string) {
	t.emit(func(h head) protocol.Event {
		return &protocol.StreamReasoning{RequestID: h.id, Seq: h.seq, Timestamp: h.at, Token: word}
	})
}

func (t *turn) preamble(word string) {
	t.emit(func(h head) protocol.Event {
		return &protocol.StreamPreamble{RequestID: h.id, Seq: h.seq, Timestamp: h.at, Token: word}
	})
}

func (t *turn) chunk(node string, raw json.RawMessage) {
	t.emit(func(h head) protocol.Event {
		return &protocol.StreamChunk{
			RequestID: h.id, Seq: h.seq, Timestamp: h.at, Node: node, State: protocol.StreamChunkState{RawResponse: raw},
		}
	})
}

// ask opens a question; then is called with its answer, nil for one that lapsed, before the steps go on.
func (t *turn) ask(q *question, then func(value any)) {
	t.waits, t.asked = true, q
	q.answer = func(value any) {
		t.asked = nil
		q.timer.Stop()
		then(value)
		t.goOn()
	}
	q.timer = t.server.later(t.server.questions, func() { q.answer(nil) })
}

// expiry is told to sessions that know it.
func (t *turn) expiry() *int64 {
	if !t.session.knows(word11) {
		return nil
	}
	return new(t.server.clock.Wall().Add(t.server.questions).UnixMilli())
}

func (t *turn) confirm(tool, description string, then func(approved bool)) {
	q := &question{kind: "confirmation", id: t.server.state.newID()}
	t.ask(q, func(value any) { then(value == true) })
	t.emit(func(h head) protocol.Event {
		event := &protocol.WriteConfirmationRequired{
			RequestID: h.id, Seq: h.seq, Timestamp: h.at, ToolID: tool, ActionDescription: description,
			ExpiresAt: t.expiry(),
		}
		if t.session.knows(word11) {
			event.ConfirmationID = &q.id
		}
		return event
	})
	t.cutWhileAsked()
}

func (t *turn) interaction(kind string, spec form, reason string, then func(values any)) {
	q := &question{kind: "interaction", id: t.server.state.newID(), word: kind, form: spec}
	t.ask(q, then)
	t.emit(func(h head) protocol.Event {
		return &protocol.InteractionRequired{
			RequestID: h.id, Seq: h.seq, Timestamp: h.at, InteractionID: q.id, Kind: kind, Spec: spec.text,
			Reason: reason, ExpiresAt: t.expiry(),
		}
	})
	t.cutWhileAsked()
}

// otp asks for a code, in this turn where the client knows how, else for the next one (REQ-OTP-03).
func (t *turn) otp(o OTPOptions, then func(verified bool)) {
	parks := t.session.knows(wordPark)
	if !parks && t.session.verified {
		return
	}
	q := &question{kind: "otp", id: t.server.state.newID(), code: o.Code, attempts: o.Attempts}
	if parks {
		t.ask(q, func(value any) { then(value == true) })
	}
	t.emit(func(h head) protocol.Event {
		return &protocol.OTPVerificationRequired{
			RequestID: h.id, Seq: h.seq, Timestamp: h.at, ToolID: o.ToolID, ActionDescription: "Confirm who you are",
			AvailableChannels: []protocol.OTPChannel{o.Channel}, AuthLevel: "end_user", ExpiresAt: t.expiry(),
		}
	})
	t.emit(func(h head) protocol.Event {
		if o.fails {
			event := errorEvent(&h.id, h.at, "OTP_SEND_FAILED", "the code could not be delivered")
			event.Seq = h.seq
			return event
		}
		return &protocol.OTPSent{
			RequestID: h.id, Seq: h.seq, Timestamp: h.at, Channel: o.Channel, MaskedDestination: o.Masked,
		}
	})
	if !parks {
		t.session.code = q
		t.finish(FinishOptions{Usage: t.usage})
	}
	t.cutWhileAsked()
}

func (t *turn) finish(o FinishOptions) {
	answer := t.text.String()
	if o.Text != nil {
		answer = *o.Text
	}
	said := t.server.state.say(t.session.talk, &message{
		direction: protocol.MessageDirectionOutbound, text: answer, requestID: t.requestID, made: t.server.clock.Wall(),
	})
	t.settle(protocol.StoredTurnCompleted)
	t.emit(func(h head) protocol.Event {
		return &protocol.EventualResponse{
			RequestID: h.id, Seq: h.seq, Timestamp: h.at, Status: 200, MessageID: said.id, Response: response(answer, o.Suggestions),
			NeedsEscalation: new(false), Usage: o.Usage, Citations: o.Citations,
		}
	})
}

// response is the answer in the form that real servers give it.
func response(text string, suggestions []string) json.RawMessage {
	return encoded(map[string]any{
		"responseParts": []string{text}, "customerHappinessScore": 0.5, "needsSatisfactionScore": 0.5,
		"requestSummary": "", "resolutionStatus": "in_progress",
		"suggestedNextActions": append([]string{}, suggestions...),
	})
}

func (t *turn) fail(code, sentence string) {
	t.settle(protocol.StoredTurnFailed)
	t.emit(func(h head) protocol.Event {
		event := errorEvent(&h.id, h.at, code, sentence)
		event.Seq = h.seq
		if t.session.knows(word11) {
			event.Terminal, event.Error.Terminal = new(true), new(true)
		}
		return event
	})
}

func (t *turn) cancel() {
	t.settle(protocol.StoredTurnCancelled)
	t.emit(func(h head) protocol.Event {
		return &protocol.Cancelled{RequestID: &h.id, Seq: h.seq, Timestamp: h.at, Status: 499}
	})
}

// settle ends the turn, wherever it is.
func (t *turn) settle(outcome protocol.StoredTurn) {
	t.outcome, t.message.turn = outcome, outcome
	for _, timer := range []protocol.Timer{t.timer, t.alone} {
		if timer != nil {
			timer.Stop()
		}
	}
	if t.asked != nil {
		t.asked.timer.Stop()
		t.asked = nil
	}
	if t.session.talk.running == t {
		t.session.talk.running = nil
	}
}

// orphaned takes note of the end of the turn's link: without replay the turn is lost with it.
func (t *turn) orphaned() {
	t.holder = nil
	switch {
	case t.outcome != "":
	case !t.replays():
		t.settle(protocol.StoredTurnFailed)
	default:
		t.alone = t.server.later(detached, t.abandoned)
	}
}

func (t *turn) abandoned() {
	if t.asked != nil { // somebody may still answer
		t.alone = t.server.later(detached, t.abandoned)
		return
	}
	t.fail("AGENT_ERROR", "nobody took the turn up again")
}

// takeUp lets a link go on with the turn, after the events that it has, and its session answer the questions
// (REQ-SRV-26, REQ-SRV-30, REQ-SRV-31).
func (t *turn) takeUp(in *session, by *link, after int) {
	_, told := t.told[by]
	if t.holder != nil && t.outcome == "" && t.holder != by && t.since > by.number && !told {
		by.send(t.resumed(protocol.ResumeStateMoved))
		return
	}
	if t.holder != nil && t.holder != by && t.outcome == "" {
		t.holder.send(t.resumed(protocol.ResumeStateMoved))
	}
	if t.alone != nil {
		t.alone.Stop()
	}
	t.session = in
	t.holder, t.since, t.pumped = by, max(t.since, by.number), after
	clear(t.told)
	now := protocol.ResumeStateRunning
	if t.outcome != "" {
		now = protocol.ResumeStateSettled
	}
	by.send(t.resumed(now))
	t.pump()
}

func (t *turn) resumed(now protocol.ResumeState) []byte {
	return t.server.resumed(t.requestID, now, len(t.events))
}
