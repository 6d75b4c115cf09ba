package protocol

import (
	"runtime"
	"slices"
	"time"
)

// for the router ------------------------------------------------------------------------

// refuse ends a turn that never began.
func (t *Turn) refuse(err error) {
	t.state.turn, t.err = "settled", err
	t.fate.observed.Store(true) // Err says so at once
	t.publish()
}

// start queues the message and starts the limits.
func (t *Turn) start(out *outgoing) {
	t.out = out
	if len(out.text) > maxOutboundBytes {
		t.linkEvent(ending{word: "too_large"}, t.client.tooLarge(out))
		return
	}
	if !t.client.connection.submit(out) {
		t.linkEvent(ending{word: "not_connected"}, nil)
		return
	}
	t.arm("total", t.client.options.TurnTimeout, func() { t.local("total_timeout") })
	t.touch(t.client.options.Clock.Now())
}

func (t *Turn) eventReceived(event Event) bool {
	if t.state.rests(event.EventType()) {
		t.item(event)
		t.lastSeen = t.client.now()
		return true
	}
	for _, step := range t.state.frame(event) {
		t.do(step, cause{event: event})
	}
	t.touch(t.client.now())
	t.release()
	t.state.rest(event.EventType())
	return true
}

// item adds an event to what the turn shows. Readers that wait get their sign at the end of the batch.
func (t *Turn) item(event Event) {
	from, to := 0, -1
	if token, ok := event.(*StreamToken); ok {
		from, to = t.text.add(token)
	}
	t.items.append(event, from, to)
	if !t.fresh {
		t.fresh = true
		t.client.fresh = append(t.client.fresh, t)
	}
}

// brokenReceived: a broken terminal event fails the turn, any other is an unknown item
// (REQ-WIRE-03).
func (t *Turn) brokenReceived(broken *DecodeError) bool {
	switch turnRoles[broken.WireType] {
	case "terminal", "terminal_by_code":
		t.carryOut(t.state.local("broken", false), cause{broken: broken})
	default:
		t.eventReceived(broken.Unknown())
	}
	return true
}

func (t *Turn) linkEvent(end ending, err error) {
	// The end of the link closes the OTP question before the turn settles; its error names it.
	t.asked, _ = t.state.open()
	t.carryOut(t.state.local(end.word, false), cause{word: end.word, end: end, err: err})
	kind := KindConnectionLost
	if end.word == "close" {
		kind = KindClientClosed
	}
	for _, v := range slices.Clone(t.state.verbs) {
		if v.name != verbVerifyOTP && v.name != verbDeclineOTP {
			continue
		}
		t.state.forget(v)
		failure := err
		if failure == nil {
			failure = t.client.linkError(kind, t.client.facts(t.requestID, t.sessionID, end))
		}
		v.settle(nil, failure)
	}
	t.release()
}

// nextSend closes an OTP question that outlived its turn: the session's next message goes out.
func (t *Turn) nextSend() {
	if t.state.settled() {
		t.local("send")
	}
}

// the driver ----------------------------------------------------------------------------

// cause is what steps are about.
type cause struct {
	event  Event
	broken *DecodeError
	word   string
	end    ending
	err    error
}

func (t *Turn) local(word string) {
	unwritten := t.out == nil || !t.out.written
	t.carryOut(t.state.local(word, unwritten), cause{word: word})
}

func (t *Turn) carryOut(steps []turnStep, c cause) {
	for _, step := range steps {
		t.do(step, c)
	}
	t.release()
}

func (t *Turn) do(step turnStep, c cause) {
	timed := !t.state.settled()
	switch step.name {
	case "item":
		t.item(c.event)
	case "settle":
		t.settle(step.args, c)
	case "send":
		if step.args[0] == "cancel" {
			t.sendCancel()
		}
	case "resolve":
		if step.verb != nil {
			step.verb.settle(c.event, nil)
		}
	case "fail":
		if step.verb != nil {
			step.verb.settle(nil, serverError(c.event.(*ErrorEvent), t.ids()))
		}
	case "open":
		t.questions.opened(step.question, c.event, timed)
	case "reopen":
		t.questions.restart(step.question, timed)
	case "shut":
		t.questions.shut(step.question)
	}
}

func (t *Turn) sendCancel() {
	if t.cancelOut != nil {
		return
	}
	action := &Cancel{RequestID: t.requestID, SessionID: t.sessionID}
	text, _ := EncodeAction(action) // two strings: nothing in it can fail
	t.cancelOut = &outgoing{action: action.ActionName(), requestID: t.requestID, text: text}
	t.cancelOut.done = func() {}
	if !t.client.connection.submit(t.cancelOut) {
		t.cancelOut.done = nil
	}
	t.arm("cancel", max(t.client.options.CancelTimeout, time.Nanosecond), func() { t.local("cancel_timeout") })
}

func (t *Turn) arm(name string, limit time.Duration, f func()) {
	t.stops[name] = armed(t.client, limit, f)
}

// touch restarts the idle limit; it stands still while a question is open (REQ-TURN-11). The timer
// itself is moved only when it fires: a token costs no timer.
func (t *Turn) touch(now time.Time) {
	limit := t.client.options.TurnIdleTimeout
	if limit == 0 || t.state.settled() {
		return
	}
	stop := t.stops["idle"]
	if _, open := t.state.open(); open {
		if stop != nil {
			stop()
			delete(t.stops, "idle")
		}
		return
	}
	t.lastSeen = now
	if stop == nil {
		t.arm("idle", limit, t.idle)
	}
}

func (t *Turn) idle() {
	limit := t.client.options.TurnIdleTimeout
	left := limit - t.client.options.Clock.Now().Sub(t.lastSeen)
	if left > 0 {
		t.arm("idle", left, t.idle)
		return
	}
	t.local("idle_timeout")
}

// facts begins an error of the turn.
func (t *Turn) facts(end ending) AgentError {
	facts := t.client.facts(t.requestID, t.sessionID, end)
	facts.PartialText = t.text.whole()
	return facts
}

// release leaves the router once nothing more of this id can matter (REQ-TURN-06, REQ-OTP-03).
func (t *Turn) release() {
	if t.state.settled() && len(t.state.verbs) == 0 && t.state.questions[QuestionOTP] == "none" {
		t.client.settle(t.requestID, t)
	}
}

// watchFate logs at warning once when the turn is collected and nobody has seen it fail.
func (t *Turn) watchFate(kind ErrorKind) {
	t.fate.kind = kind
	log := t.client.options.Logger
	runtime.AddCleanup(t, func(f *fate) {
		if !f.observed.Load() {
			log.Warn("a turn failed unseen", "kind", f.kind)
		}
	}, t.fate)
}
