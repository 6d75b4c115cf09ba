package protocol

import "context"

// What Recover finds out of a turn before it reads the history (REQ-RESUME-12).

// verdict is what that comes to.
type verdict string

const (
	// verdictOver: nothing more comes of the turn, or nobody can say: the history decides.
	verdictOver verdict = "over"
	// verdictNever: the message never arrived.
	verdictNever verdict = "never"
	// verdictUnknown: the time was over first.
	verdictUnknown verdict = "unknown"
)

// turnMark names a turn and the newest number that it has taken, 0 for none.
type turnMark struct {
	requestID, sessionID string
	last                 int64
}

// mark returns what is known of the turn. The mutex is held.
func (t *Turn) mark() turnMark {
	at := turnMark{requestID: t.requestID, sessionID: t.sessionID}
	if t.resuming != nil {
		at.last = t.resuming.last
	}
	return at
}

// asking is one call of Recover, as long as it does not read. Fields are guarded by the client's mutex.
type asking struct {
	router  *router
	own     *inquiry        // the last one of its own, if any
	waits   <-chan struct{} // is closed when what is waited for is there
	expired bool
	late    chan struct{} // is closed when the time was over first
}

// inquire returns what the server does with a turn, once it has ended there or ResumeTimeout is over. mark
// is called with the mutex: a message that is sent again has another id. An error is that of a call which
// cannot wait for a link, or that of ctx.
func (r *router) inquire(ctx context.Context, mark func() turnMark) (verdict, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a := &asking{router: r, late: make(chan struct{})}
	stop := armed(r, r.options.ResumeTimeout, a.expire)
	defer stop()
	for !a.expired {
		if found, err := a.look(ctx, mark()); found != "" || err != nil {
			return found, err
		}
	}
	return verdictUnknown, nil
}

// look asks for the turn, or waits for what is in flight under its id, which cannot be asked for beside it.
// It returns "" when the id is free now.
func (a *asking) look(ctx context.Context, at turnMark) (verdict, error) {
	var asked *inquiry
	var done <-chan struct{}
	found := verdict("")
	switch owner := a.router.owners[at.requestID].(type) {
	case *Turn:
		if found = verdictOver; owner.decided() {
			return found, nil
		}
		done = owner.done
	case *pending:
		done = owner.done
	case *inquiry:
		asked, done = owner, owner.done
	default:
		asked = newInquiry(a.router, at)
		a.own, done = asked, asked.done
		defer asked.drop()
		asked.begin()
	}
	if !a.await(ctx, done) {
		return a.gaveUp(ctx)
	}
	if asked != nil {
		return asked.verdict, asked.err
	}
	return found, nil
}

// await waits without the mutex; false says that something else was first: see gaveUp.
func (a *asking) await(ctx context.Context, done <-chan struct{}) bool {
	a.waits = done
	a.router.mu.Unlock()
	select {
	case <-done:
	case <-a.late:
	case <-ctx.Done():
	}
	a.router.mu.Lock()
	return !isClosed(a.late) && isClosed(done)
}

func (a *asking) gaveUp(ctx context.Context) (verdict, error) {
	if isClosed(a.late) {
		return verdictUnknown, nil
	}
	return "", ctx.Err()
}

// expire ends the wait. What its goroutine has not seen yet came in time.
func (a *asking) expire() {
	if a.expired = true; isClosed(a.waits) {
		return
	}
	close(a.late)
	if a.own != nil {
		a.own.drop()
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// inquiry is resume_turn for a turn that nobody sees, on one link after the other: a call to the links, whose
// answers the machine of the turn understands. What else comes with its id goes nowhere. Fields are guarded
// by the client's mutex.
type inquiry struct {
	router   *router
	out      *outgoing
	state    string // of the machine call
	turn     turnState
	resuming *resuming
	pause    func() // stops the wait before it is asked again

	done    chan struct{}
	verdict verdict // with no error: "" when it was dropped
	err     error
}

func newInquiry(r *router, at turnMark) *inquiry {
	action := &ResumeTurn{RequestID: at.requestID, SessionID: at.sessionID, AfterSeq: at.last}
	text, _ := EncodeAction(action) // texts and a number: nothing in it can fail
	q := &inquiry{
		router: r, out: newOutgoing(action, at.requestID, at.sessionID, text), state: callSteps.initial,
		turn:     newTurnState(func(QuestionKind, Event, string) bool { return false }),
		resuming: newResuming(&r.options), pause: func() {}, done: make(chan struct{}),
	}
	q.turn.turn, q.resuming.last = stateSuspended, at.last
	return q
}

// begin asks for the first time, as an action that starts now.
func (q *inquiry) begin() {
	q.router.add(q.out.requestID, q)
	if refusal := q.router.connection.submit(q.out); refusal != "" {
		q.linkEvent(ending{word: refusal}, nil, false)
	}
}

// again asks once more; what was asked before is not answered any more.
func (q *inquiry) again() {
	q.turn.turn = stateSuspended
	q.out = q.out.again()
	q.router.connection.put(q.out)
}

// drop lets nobody wait for it any longer; whoever does looks again who has the id.
func (q *inquiry) drop() { q.end("", nil) }

// end gives the outcome; the first one counts.
func (q *inquiry) end(found verdict, err error) {
	if isClosed(q.done) {
		return
	}
	q.state, q.verdict, q.err = stateSettled, found, err
	q.pause()
	q.out.withdraw()
	q.router.settle(q.out.requestID, q)
	close(q.done)
}

func (q *inquiry) eventReceived(event Event) bool { return q.heard(event, event.EventType()) }

func (q *inquiry) brokenReceived(broken *DecodeError) bool {
	return q.heard(broken.Unknown(), brokenWord(broken, true))
}

// linkOpened: it waits in the outbox, if it still has to be written.
func (q *inquiry) linkOpened() {}

func (q *inquiry) linkEvent(end ending, err error, sought bool) {
	q.pause()
	next, effects := callSteps.step(q.state, end.word, &stepFacts{
		mayHaveLeft: stepKnown(q.out.mayHaveLeft()), sought: stepKnown(sought), repeatable: stepKnown(true),
	})
	q.state = next
	for _, e := range effects {
		e.do(inquiryLink{q, end, err})
	}
}

// heard steps on an event of the turn, which is word to its machine, and always takes it.
func (q *inquiry) heard(event Event, word string) bool {
	if q.turn.turn == stateSuspended && numbered(event) {
		word = string(stepEventRepeated)
		if event.EventType() == TypeError && sequenceOf(event) == 0 {
			word = string(stepEventResumeRefused)
		}
	}
	facts := stepFacts{
		turn: stepKnown(q.turn.turn), unseen: stepKnown(false), cancelling: stepKnown(false),
		askedBefore: stepKnown(false),
	}
	var state ResumeState
	if told, ok := event.(*TurnResumed); ok {
		state = q.resuming.stateOf(told)
		facts.resumeState = stepKnown(string(state))
	}
	for _, step := range q.turn.frame(event, word, facts) {
		step.do(inquiryTurn{inquiry: q, event: event})
	}
	switch {
	case state == ResumeStateNever && q.resuming.last == 0 && q.turn.settled():
		q.end(verdictNever, nil)
	case state == ResumeStateSettled || q.turn.settled():
		q.end(verdictOver, nil)
	}
	return true
}

// inquiryLink carries out what the machine of calls asks for when something happens to the link.
type inquiryLink struct {
	*inquiry
	why ending
	err error
}

var _ callActs = inquiryLink{}

func (inquiryLink) tap()  {}
func (inquiryLink) push() {}

func (a inquiryLink) repeat() { a.again() }

func (a inquiryLink) settle(_ stepOutcome, kind stepEnding) {
	facts := a.router.facts(a.out.requestID, a.out.sessionID, a.why)
	if kind == stepEndingAttempt {
		a.end("", failedAttempt(a.err, facts))
	} else {
		a.end("", a.router.linkError(ErrorKind(kind), facts))
	}
}

// inquiryTurn carries out what the machine of turns asks for: the rest is for those who see the turn.
type inquiryTurn struct {
	*inquiry
	unseenTurn
	event Event
}

var _ turnActs = inquiryTurn{}

// schedule asks once more after a while: the refusal was not for good (REQ-RESUME-05).
func (a inquiryTurn) schedule(stepTimer) {
	r := a.router
	a.inquiry.pause()
	wait := a.resuming.pause(r.connection.seeking.draw(), a.event.(*ErrorEvent))
	a.inquiry.pause = due(r.options.Clock, r.mu, wait, a.again)
}

// unseenTurn does nothing for a turn that nobody sees.
type unseenTurn struct{}

func (unseenTurn) item()                          {}
func (unseenTurn) tap()                           {}
func (unseenTurn) settle(stepOutcome, stepEnding) {}
func (unseenTurn) resolve()                       {}
func (unseenTurn) fail(stepEnding)                {}
func (unseenTurn) refuse(stepRefusal)             {}
func (unseenTurn) open()                          {}
func (unseenTurn) reopen()                        {}
func (unseenTurn) shut()                          {}
func (unseenTurn) send(stepAction)                {}
func (unseenTurn) repeat()                        {}
func (unseenTurn) suspend()                       {}
func (unseenTurn) resume()                        {}
