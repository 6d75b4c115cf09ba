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
func (t *Turn) start() {
	nextSend(t.client, t.sessionID)
	begun := t.waits || t.retried
	t.waits, t.sentAt = false, t.client.options.Clock.Now()
	if len(t.out.text) > limitOutboundBytes {
		t.linkEvent(ending{word: "too_large"}, t.client.tooLarge(t.out), false)
		return
	}
	if refusal := t.client.connection.submit(t.out); refusal != "" {
		t.linkEvent(ending{word: refusal}, nil, false)
		return
	}
	if !begun {
		t.arm("total", t.client.options.TurnTimeout, func() { t.local("total_timeout") })
	}
	t.touch(t.sentAt)
}

func (t *Turn) eventReceived(event Event) bool {
	word := event.EventType()
	if t.state.rests(word) && (t.resuming == nil || t.resuming.follows(event)) {
		t.show(event)
		t.lastSeen = t.client.now()
		return true
	}
	if !t.tooEarly(event) {
		t.received(event, word, nil)
		t.state.rest(word)
	}
	return true
}

// received carries out what the tables say about an event that is word to them.
func (t *Turn) received(event Event, word string, broken *DecodeError) {
	over := t.state.settled()
	c, facts := cause{event: event, broken: broken}, t.stepFacts(false)
	t.asked, _ = t.state.open()
	r := t.resuming
	if r != nil && !over {
		word = r.takes(event, word, t.state.turn)
		if told, ok := event.(*TurnResumed); ok {
			c.state = r.stateOf(told)
			facts.resumeState = stepKnown(string(c.state))
		}
	}
	t.act(t.state.frame(event, word, facts), c)
	if r != nil && r.caughtUp() {
		t.caughtUp()
	}
	if word == TypeOTPVerified && t.held != nil {
		t.sendAgain()
	} else if !over && t.state.settled() {
		t.session.line.terminal(t.sessionID)
	}
	t.touch(t.client.now())
	t.after()
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

// brokenReceived: a broken terminal event fails the turn, any other is an unknown item (REQ-WIRE-03),
// but for what a suspended turn waits for (REQ-RESUME-04).
func (t *Turn) brokenReceived(broken *DecodeError) bool {
	if unknown := broken.Unknown(); !t.tooEarly(unknown) {
		t.received(unknown, brokenWord(broken, t.resuming != nil), broken)
	}
	return true
}

// brokenWord says what a broken event is to the machines of its turn; replays says that its session is a
// replay session.
func brokenWord(broken *DecodeError, replays bool) string {
	role := turnRoles[broken.WireType]
	if role == "terminal" || role == "terminal_by_code" || replays && broken.WireType == TypeTurnResumed {
		return "broken"
	}
	return TypeUnknown
}

func (t *Turn) linkEvent(end ending, err error, sought bool) {
	t.disarm("again")
	t.asked, _ = t.state.open()
	t.act(t.state.local(end.word, t.stepFacts(sought), nil), cause{word: end.word, end: end, err: err})
	if t.state.turn != stateSuspended {
		t.loseVerbs(end, err)
	}
	t.after()
}

// loseVerbs ends those verbs that outlive their turn: the link is gone, and no other one answers them.
func (t *Turn) loseVerbs(end ending, err error) {
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
}

// linkOpened asks for the events of a suspended turn (REQ-RESUME-03).
func (t *Turn) linkOpened() { t.local("opened") }

// the driver ----------------------------------------------------------------------------

// cause is what steps are about.
type cause struct {
	event  Event
	broken *DecodeError
	word   string
	end    ending
	err    error
	// state is what turn_resumed tells of the turn (REQ-RESUME-04).
	state ResumeState
	// refusal takes the error of an answer that the table refuses.
	refusal *error
}

// mayHaveLeft says whether the turn's own frame may have left this machine.
func (t *Turn) mayHaveLeft() bool { return t.out != nil && t.out.mayHaveLeft() }

// stepFacts are what the machines may look at beside the event; sought says that another link follows.
func (t *Turn) stepFacts(sought bool) stepFacts {
	left := t.mayHaveLeft()
	facts := stepFacts{
		turn: stepKnown(t.state.turn), mayHaveLeft: stepKnown(left), sought: stepKnown(sought),
		cancelling: stepKnown(t.cancelOut != nil),
	}
	if r := t.resuming; r != nil {
		facts.resumable = stepKnown(left && !t.state.settled())
		facts.unseen = stepKnown(r.last == 0 && !r.takenUp)
		facts.askedBefore = stepKnown(r.goal != noGoal && t.state.asksOne())
	}
	return facts
}

func (t *Turn) local(word string) {
	t.asked, _ = t.state.open()
	t.act(t.state.local(word, t.stepFacts(false), nil), cause{word: word})
	if t.held != nil && (word == "question_timeout" || word == "total_timeout") {
		t.handling.stop()
	}
	t.after()
}

// after is called after a step: it calls handlers that are due, and lets go what is over.
func (t *Turn) after() {
	t.handling.run()
	t.release()
}

func (t *Turn) act(steps []turnStep, c cause) {
	for _, step := range steps {
		step.do(actor{t, step, c})
	}
}

func (t *Turn) sendCancel() {
	t.handling.stop()
	if t.cancelOut != nil {
		return
	}
	action := &Cancel{RequestID: t.requestID, SessionID: t.sessionID}
	text, _ := EncodeAction(action) // two strings: nothing in it can fail
	t.cancelOut = newOutgoing(action, t.requestID, "", text)
	if t.state.turn == stateSuspended && !t.client.connection.linked() {
		t.resuming.cancel = t.cancelOut
		return
	}
	t.writeCancel()
}

// writeCancel writes the one cancel and waits for what comes of it. That of a turn which is over waits for a
// link no longer than a suspended turn does.
func (t *Turn) writeCancel() {
	if t.resuming != nil {
		t.resuming.cancel = nil
	}
	if t.state.settled() {
		t.cancelOut.until = t.resuming.expiry(t.client.options.Clock.Now())
	}
	t.client.connection.put(t.cancelOut)
	t.stops["cancel"] = due(t.client.options.Clock, t.client.mu, t.client.options.CancelTimeout, func() { t.local("cancel_timeout") })
}

func (t *Turn) arm(name string, limit time.Duration, f func()) {
	t.stops[name] = armed(t.client, limit, f)
}

func (t *Turn) disarm(name string) {
	if stop := t.stops[name]; stop != nil {
		stop()
		delete(t.stops, name)
	}
}

// touch restarts the idle limit; it stands still while a question is open (REQ-TURN-11) and while the turn
// is suspended (REQ-RESUME-09). The timer itself is moved only when it fires: a token costs no timer.
func (t *Turn) touch(now time.Time) {
	limit := t.client.options.TurnIdleTimeout
	if limit == 0 || t.state.settled() {
		return
	}
	if _, open := t.state.open(); open || t.state.turn == stateSuspended {
		t.disarm("idle")
		return
	}
	t.lastSeen = now
	if t.stops["idle"] == nil {
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
