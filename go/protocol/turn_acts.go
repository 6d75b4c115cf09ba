package protocol

// actor carries out what the tables ask for in one step of a turn.
type actor struct {
	*Turn
	step turnStep
	c    cause
}

var _ turnActs = actor{}

func (a actor) item() { a.show(a.c.event) }

// tap: the connection has shown the frame already.
func (actor) tap() {}

func (a actor) settle(outcome stepOutcome, ending stepEnding) { a.Turn.settle(outcome, ending, a.c) }

func (a actor) resolve() {
	if a.step.verb != nil {
		a.state.forget(a.step.verb)
		a.step.verb.settle(a.c.event, nil)
	}
}

func (a actor) fail(kind stepEnding) {
	if a.step.verb == nil {
		return
	}
	err := error(nil)
	if event, ok := a.c.event.(*ErrorEvent); ok && kind == "" {
		err = serverError(event, a.ids())
	} else {
		err = newError(leafOfKind[ErrorKind(kind)], a.client.facts(a.requestID, a.sessionID, a.client.connection.lost))
	}
	a.state.forget(a.step.verb)
	a.step.verb.settle(nil, err)
	if a.step.verb.byHandler {
		a.handling.refused = append(a.handling.refused, refusedAnswer{a.step.question, err})
	}
}

func (a actor) refuse(why stepRefusal) {
	class := leafNoPendingQuestion
	if why == stepRefusalAlreadyAnswered {
		class = leafAlreadyAnswered
	}
	*a.c.refusal = newError(class, a.ids())
}

func (a actor) open() {
	kind := a.step.question
	fresh := a.questions.current[kind] == nil
	a.questions.opened(kind, a.c.event)
	if !a.state.settled() { // a question that outlives its turn has no limit then
		a.questions.start(kind, a.resuming.age(a.c.event))
	}
	a.client.watch.question(a.requestID, kind)
	if a.handling == nil {
		a.handling = &handling{turn: a.Turn, stopped: a.cancelOut != nil}
	}
	a.handling.opened(kind, a.c.event, fresh)
}

func (a actor) reopen() {
	if !a.state.settled() {
		a.questions.start(a.step.question, 0)
	}
	a.handling.reopened(a.step.question, a.c.event)
}

func (a actor) shut() {
	a.handling.ended(a.step.question)
	a.questions.shut(a.step.question)
}

// send writes a cancel or asks for the turn; the frame of an answer is written by the verb that gave it.
func (a actor) send(action stepAction) {
	switch action {
	case stepActionCancel:
		a.sendCancel()
	case stepActionResumeTurn:
		a.sendResume()
	}
}

func (a actor) suspend() { a.Turn.suspend() }

func (a actor) resume() { a.Turn.resume(a.c.event.(*TurnResumed)) }

func (a actor) schedule(stepTimer) { a.askAgain(a.c.event.(*ErrorEvent)) }

// repeat writes the message, or the frame of a verb, once more.
func (a actor) repeat() {
	out := &a.out
	if v := a.step.verb; v != nil {
		v.unsure, out = false, &v.out
	}
	*out = (*out).again()
	a.client.connection.put(*out)
}
