package protocol

import (
	"slices"
	"strings"
)

// What a turn does while it waits to be taken up, and when it goes on.

// suspend lets all limits stand but those that run on (REQ-RESUME-09).
func (t *Turn) suspend() {
	now := t.client.options.Clock.Now()
	t.resuming.suspend(now, t.state.verbs)
	t.arm("resume", t.resuming.left, func() { t.local("resume_timeout") })
	t.questions.stop()
	for _, v := range t.state.verbs {
		v.pause()
	}
	t.touch(now)
}

// resume starts the limits anew and writes what was answered meanwhile (REQ-RESUME-08).
func (t *Turn) resume(told *TurnResumed) {
	held := t.resuming.resume(told, t.client.options.Clock.Now())
	t.client.connection.counters.ResumedTurns++
	t.disarm("resume")
	t.disarm("again")
	for i, state := range t.state.questions {
		if state == stateOpen {
			t.questions.start(kindOfQuestion(i), 0)
		}
	}
	for _, v := range t.state.verbs {
		t.limit(v)
		if slices.Contains(held, v) {
			t.client.connection.put(v.out)
		}
	}
}

// sendResume asks for the turn, and stops it where that was wanted meanwhile. Without a link there is
// nothing to do yet.
func (t *Turn) sendResume() {
	if !t.client.connection.linked() {
		return
	}
	action := &ResumeTurn{RequestID: t.requestID, SessionID: t.sessionID, AfterSeq: t.resuming.last}
	text, _ := EncodeAction(action) // texts and a number: nothing in it can fail
	t.client.connection.put(newOutgoing(action, t.requestID, t.sessionID, text))
	if t.resuming.cancel != nil {
		t.writeCancel()
	}
}

// askAgain asks once more after a while: the refusal was not for good (REQ-RESUME-05).
func (t *Turn) askAgain(refusal *ErrorEvent) {
	wait := t.resuming.pause(t.client.connection.seeking.draw(), refusal)
	t.disarm("again")
	t.stops["again"] = due(t.client.options.Clock, t.client.mu, wait, func() { t.local("resume_due") })
}

// caughtUp decides what became of the verbs whose frames may be lost (REQ-RESUME-07).
func (t *Turn) caughtUp() {
	for _, v := range slices.Clone(t.state.verbs) {
		if v.unsure {
			t.act(t.state.local("caught_up", t.stepFacts(false), v), cause{word: "caught_up"})
		}
	}
}

// limit starts the limit of a verb anew; a cancel has the turn's own.
func (t *Turn) limit(v *verb) {
	if v.out == nil {
		return
	}
	v.pause()
	v.stop = armed(t.client, t.client.options.RequestTimeout, func() {
		if t.state.forget(v) {
			v.settle(nil, newError(leafRequestTimeout, t.ids()))
			t.after()
		}
	})
}

// echoesID says whether the frame of a verb names its question, by which the server knows it again.
func echoesID(verb string, frame []byte) bool {
	return slices.ContainsFunc(verbRows[verb].echo, func(name string) bool {
		return strings.HasSuffix(name, "Id") && memberOf(frame, name) != nil
	})
}
