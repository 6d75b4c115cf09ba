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

func (a actor) fail() {
	if a.step.verb != nil {
		a.state.forget(a.step.verb)
		a.step.verb.settle(nil, serverError(a.c.event.(*ErrorEvent), a.ids()))
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
	a.questions.opened(a.step.question, a.c.event, !a.state.settled())
	a.client.watch.question(a.requestID, a.step.question)
}

func (a actor) reopen() { a.questions.restart(a.step.question, !a.state.settled()) }

func (a actor) shut() { a.questions.shut(a.step.question) }

// send writes a cancel; the frame of an answer is written by the verb that gave it.
func (a actor) send(action stepAction) {
	if action == stepActionCancel {
		a.sendCancel()
	}
}
