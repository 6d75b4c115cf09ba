package protocol

import (
	"context"
	"slices"
)

// expected is what answers an action.
type expected struct {
	events []string
	// shared says that the id is a turn's that is not live here: what is no answer is somebody
	// else's (REQ-VERB-08).
	shared bool
	// opens makes the value of a verb that status 202 answers before any other frame: a turn begins
	// with it (REQ-VERB-15). Nil for actions that open none.
	opens func(accepted Event) any
}

// answersTo returns what the table names for a verb.
func answersTo(verb string) expected {
	found := expected{shared: true}
	for event := range facts {
		if event != TypeError && slices.Contains(answering(event, &stepFacts{}), verb) {
			found.events = append(found.events, event)
		}
	}
	return found
}

// pending is one action that waits for its answer; it steps through the call machine.
type pending struct {
	router   *router
	out      *outgoing
	expected expected
	valueOf  func(Event) (any, error)
	state    string
	stop     func()
	begun    bool // a frame of this id came
	repeated bool // it was written a second time (REQ-CALL-13)

	done  chan struct{}
	value any
	err   error
}

// await sends an action with one answer and returns the value that valueOf makes of it. When ctx
// ends, only the wait ends; a frame that was not handed to a link yet is not sent (REQ-CALL-09).
func (r *router) await(
	ctx context.Context, out *outgoing, expected expected, valueOf func(Event) (any, error),
) (any, error) {
	r.mu.Lock()
	if err := r.check(out.requestID); err != nil {
		r.mu.Unlock()
		return nil, err
	}
	p := &pending{
		router: r, out: out, expected: expected, valueOf: valueOf,
		state: callSteps.initial, done: make(chan struct{}),
	}
	r.add(out.requestID, p)
	if refusal := r.connection.submit(out); refusal != "" {
		p.linkEvent(ending{word: refusal}, nil, false)
	} else {
		p.stop = armed(r, r.options.RequestTimeout, func() { p.step("request_timeout", &stepFacts{}, outcome{}) })
	}
	r.mu.Unlock()
	select {
	case <-p.done:
		return p.value, p.err
	case <-ctx.Done():
		r.mu.Lock()
		defer r.mu.Unlock()
		p.settle(nil, ctx.Err())
		return p.value, p.err
	}
}

// outcome is what a step of the call machine is about.
type outcome struct {
	event  Event
	broken *DecodeError
	end    ending
	err    error
}

// eventReceived steps on an event of this id (REQ-CALL-03).
func (p *pending) eventReceived(event Event) bool {
	word := event.EventType()
	status := statusOf(event)
	first := !p.begun
	p.begun = true
	if first && status == 202 && word == TypeImmediateResponse && p.expected.opens != nil {
		p.settle(p.expected.opens(event), nil)
		return true
	}
	switch {
	case slices.Contains(p.expected.events, word) && !(p.expected.shared && status == 202):
		word = "result"
	case word == TypeError || word == TypeKeepalive || word == TypeUnknown:
	case p.expected.shared:
		word = TypeUnknown
	default:
		word = "unexpected"
	}
	facts := factsFor(event, stepFacts{})
	return p.step(word, &facts, outcome{event: event})
}

// brokenReceived ends the call by a broken answer; a broken event of another type is an unknown one.
func (p *pending) brokenReceived(broken *DecodeError) bool {
	word := TypeUnknown
	p.begun = true
	if broken.WireType == TypeError || slices.Contains(p.expected.events, broken.WireType) {
		word = "broken"
	}
	return p.step(word, &stepFacts{}, outcome{broken: broken})
}

func (p *pending) linkEvent(end ending, err error, sought bool) {
	p.step(end.word, &stepFacts{
		mayHaveLeft: stepKnown(p.out.mayHaveLeft()), sought: stepKnown(sought),
		repeatable: stepKnown(!p.repeated && readsOnly(p.out.action)),
	}, outcome{end: end, err: err})
}

// linkOpened: a call waits in the outbox, if it still has to be written.
func (p *pending) linkOpened() {}

func (p *pending) step(word string, facts *stepFacts, o outcome) (taken bool) {
	next, effects := callSteps.step(p.state, word, facts)
	p.state = next
	taken = true
	for _, e := range effects {
		e.do(callActor{p, o, &taken})
	}
	return taken
}

// callActor carries out what the table asks for in one step of a call.
type callActor struct {
	*pending
	o     outcome
	taken *bool
}

var _ callActs = callActor{}

// tap: the connection has shown the frame already.
func (callActor) tap() {}

func (a callActor) push() { *a.taken = false }

// repeat lets the frame wait for the next link, once. It is queued in the step that lost the link, before
// all that is called later.
func (a callActor) repeat() {
	a.repeated, a.out = true, a.out.again()
	a.router.connection.put(a.out)
}

func (a callActor) settle(outcome stepOutcome, ending stepEnding) {
	if outcome == stepOutcomeCompleted {
		a.complete(a.o.event)
		return
	}
	a.pending.settle(nil, a.failure(ErrorKind(ending), a.o))
}

func (p *pending) complete(event Event) {
	value, err := p.valueOf(event)
	switch value.(type) {
	case *CreateConversationSessionResult, *GetSessionResult:
		p.router.connection.sessionKnown = p.router.connection.sessionKnown || err == nil
	}
	if broken, ok := err.(*DecodeError); ok {
		err = frameError(broken, p.facts(ending{}))
	}
	p.settle(value, err)
}

// settle ends the call; the first outcome counts.
func (p *pending) settle(value any, err error) {
	select {
	case <-p.done:
		return
	default:
	}
	p.state, p.value, p.err = "settled", value, err
	p.router.watch.call(p.out.action, p.out.requestID, err)
	p.out.withdraw()
	if p.stop != nil {
		p.stop()
	}
	p.router.settle(p.out.requestID, p)
	if opened, ok := value.(inFlight); ok {
		p.router.add(p.out.requestID, opened)
	}
	close(p.done)
}

func (p *pending) facts(end ending) AgentError {
	return p.router.facts(p.out.requestID, p.out.sessionID, end)
}

func (p *pending) failure(kind ErrorKind, o outcome) error {
	facts := p.facts(o.end)
	switch kind {
	case "attempt":
		return failedAttempt(o.err, facts)
	case "by_code":
		return serverError(o.event.(*ErrorEvent), facts)
	case ErrorKindProtocol:
		return statusError(statusOf(o.event), facts)
	case ErrorKindInvalidFrame:
		return frameError(o.broken, facts)
	case ErrorKindUnexpectedEvent:
		facts.reason = o.event.EventType()
		return &UnexpectedEventError{newError(leafUnexpectedEvent, facts), o.event}
	}
	return p.router.linkError(kind, facts)
}

// facts begins an error: whom it is about and how the link ended, if it did.
func (r *router) facts(requestID, sessionID string, end ending) AgentError {
	return AgentError{
		RequestID: requestID, SessionID: sessionID, CloseCode: end.code, CloseReason: end.reason, host: r.options.host,
	}
}
