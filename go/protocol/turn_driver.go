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
	if len(out.text) > limitOutboundBytes {
		t.linkEvent(ending{word: "too_large"}, t.client.tooLarge(out), false)
		return
	}
	if refusal := t.client.connection.submit(out); refusal != "" {
		t.linkEvent(ending{word: refusal}, nil, false)
		return
	}
	t.arm("total", t.client.options.TurnTimeout, func() { t.local("total_timeout") })
	t.touch(t.client.options.Clock.Now())
}

func (t *Turn) eventReceived(event Event) bool {
	if t.state.rests(event.EventType()) {
		t.show(event)
		t.lastSeen = t.client.now()
		return true
	}
	t.act(t.state.frame(event), cause{event: event})
	t.touch(t.client.now())
	t.release()
	t.state.rest(event.EventType())
	return true
}

// show adds an event to what the turn shows. Readers that wait get their sign at the end of the batch.
func (t *Turn) show(event Event) {
	from, to := 0, -1
	if token, ok := event.(*StreamToken); ok {
		if t.firstToken == nil {
			t.firstToken = new(t.client.now().Sub(t.began))
		}
		if from, to = t.text.add(token); from == 0 && to > 0 {
			t.client.watch.firstToken(t.requestID)
		}
	}
	t.items.append(event, from, to)
	if !t.fresh {
		t.fresh = true
		t.client.fresh = append(t.client.fresh, t)
	}
}

// wakeReaders gives the readers that wait their sign.
func (t *Turn) wakeReaders() {
	t.fresh = false
	t.items.wake()
}

// brokenReceived: a broken terminal event fails the turn, any other is an unknown item
// (REQ-WIRE-03).
func (t *Turn) brokenReceived(broken *DecodeError) bool {
	switch turnRoles[broken.WireType] {
	case "terminal", "terminal_by_code":
		t.carryOut(t.state.local("broken", true), cause{broken: broken})
	default:
		t.eventReceived(broken.Unknown())
	}
	return true
}

func (t *Turn) linkEvent(end ending, err error, sought bool) {
	t.asked, _ = t.state.open()
	t.carryOut(t.state.link(end.word, t.mayHaveLeft(), sought), cause{word: end.word, end: end, err: err})
	kind := ErrorKindConnectionLost
	if end.word == "close" {
		kind = ErrorKindClientClosed
	}
	for _, v := range slices.Clone(t.state.verbs) {
		if !verbRows[v.name].outlivesTurn {
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
	// refusal takes the error of an answer that the table refuses.
	refusal *error
}

// mayHaveLeft says whether the turn's own frame may have left this machine.
func (t *Turn) mayHaveLeft() bool { return t.out != nil && t.out.mayHaveLeft() }

func (t *Turn) local(word string) {
	t.asked, _ = t.state.open()
	t.carryOut(t.state.local(word, t.mayHaveLeft()), cause{word: word})
}

func (t *Turn) carryOut(steps []turnStep, c cause) {
	t.act(steps, c)
	t.release()
}

func (t *Turn) act(steps []turnStep, c cause) {
	for _, step := range steps {
		step.do(actor{t, step, c})
	}
}

func (t *Turn) sendCancel() {
	if t.cancelOut != nil {
		return
	}
	action := &Cancel{RequestID: t.requestID, SessionID: t.sessionID}
	text, _ := EncodeAction(action) // two strings: nothing in it can fail
	t.cancelOut = newOutgoing(action, t.requestID, "", text)
	t.client.connection.submit(t.cancelOut)
	t.stops["cancel"] = due(t.client.options.Clock, t.client.mu, t.client.options.CancelTimeout, func() { t.local("cancel_timeout") })
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
	if t.state.settled() && len(t.state.verbs) == 0 && t.state.question(QuestionKindOTP) == stateNone {
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
