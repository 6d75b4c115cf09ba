package protocol

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
)

// handling calls the handlers of one turn, one at a time, and sends what they give (REQ-ASK). The driver
// tells what happens to questions while it carries out a step, and calls run when the step is over.
// A turn that was asked nothing has none: nil is good for all that happens to it. Guarded by the client's
// mutex.
type handling struct {
	turn    *Turn
	stopped bool
	active  *handlerRun
	queue   []dueHandler
	refused []refusedAnswer
	wrong   map[QuestionKind]int // answers that were wrong, of each question (REQ-ASK-14)
	// untold are codes that nothing said yet to be sent, unwatched are questions whose time of REQ-ASK-10
	// has not begun; unseen stops that time.
	untold, unwatched []QuestionKind
	unseen            map[QuestionKind]func()
}

// handlerRun is one call that counts as long as it is the active one.
type handlerRun struct {
	kind   QuestionKind
	signal context.CancelFunc
	stop   func() // its limit
	closed bool   // its question is not open any more
}

// dueHandler is a call to come; wrong says what was wrong with the answer before, nil for the first one.
type dueHandler struct {
	kind  QuestionKind
	wrong Event
}

type refusedAnswer struct {
	kind QuestionKind
	err  error
}

// gift is what a handler gave: a verb of the turn and its frame; without a verb there is nothing to send.
type gift struct {
	verb  string
	frame func(*Question) Action
}

// questionOf returns the kind of question that an event asks, or shows more of.
func questionOf(event Event) (QuestionKind, bool) {
	for i, m := range stepQuestions {
		row := questionRows[m.name]
		if word := event.EventType(); word == row.shows || slices.Contains(row.updatedBy, word) {
			return kindOfQuestion(i), true
		}
	}
	return "", false
}

// what happens to questions ---------------------------------------------------------------

// opened takes note of a question, or (not fresh) of more about it.
func (h *handling) opened(kind QuestionKind, event Event, fresh bool) {
	row := questionRows[string(kind)]
	updates := slices.Contains(row.updatedBy, event.EventType())
	if fresh || !updates {
		delete(h.wrong, kind)
	}
	if !updates {
		h.ended(kind)
	} else if h.underWay(kind) {
		return
	}
	settled := h.turn.state.settled()
	switch {
	case h.stopped:
	case !h.turn.session.handlers.has(kind, event):
		if fresh && !settled {
			h.unwatched = append(h.unwatched, kind)
		}
	case len(row.updatedBy) > 0 && !updates && !settled:
		h.untold = append(h.untold, kind)
		h.unwatched = append(h.unwatched, kind)
	default:
		h.due(kind, nil)
	}
}

// reopened asks again when the answer was wrong (REQ-ASK-03).
func (h *handling) reopened(kind QuestionKind, event Event) {
	if h == nil {
		return
	}
	switch event.(type) {
	case *OTPInvalid, *InteractionInvalid:
		if !h.stopped && !h.underWay(kind) && h.mine(kind) {
			h.due(kind, event)
		}
	}
}

// ended takes note that a question was answered or closed.
func (h *handling) ended(kind QuestionKind) {
	if h == nil {
		return
	}
	h.seen(kind)
	h.queue = slices.DeleteFunc(h.queue, func(d dueHandler) bool { return d.kind == kind })
	if h.active != nil && h.active.kind == kind {
		h.signal()
	}
}

// stop lets no handler count any more: the turn is stopped (REQ-ASK-06).
func (h *handling) stop() {
	if h == nil {
		return
	}
	h.stopped, h.queue = true, nil
	for i := range stepQuestions {
		h.seen(kindOfQuestion(i))
	}
	h.signal()
}

// settling asks now for a code that nothing said to be sent: the turn settles (REQ-ASK-02).
func (h *handling) settling() {
	if h == nil {
		return
	}
	for i := range stepQuestions {
		kind := kindOfQuestion(i)
		if slices.Contains(h.untold, kind) {
			h.due(kind, nil)
		}
		h.seen(kind)
	}
}

// expectsCode says whether a code may still be given and looked at.
func (h *handling) expectsCode() bool {
	s := &h.turn.state
	if h.stopped || s.question(QuestionKindOTP) == stateNone {
		return false
	}
	return h.underWay(QuestionKindOTP) ||
		slices.ContainsFunc(s.verbs, func(v *verb) bool { return verbRows[v.name].outlivesTurn })
}

func (h *handling) underWay(kind QuestionKind) bool {
	return h.active != nil && h.active.kind == kind ||
		slices.ContainsFunc(h.queue, func(d dueHandler) bool { return d.kind == kind })
}

// mine says whether a question that is known has a handler.
func (h *handling) mine(kind QuestionKind) bool {
	asked := h.turn.questions.current[kind]
	return asked != nil && h.turn.session.handlers.has(kind, asked.Event)
}

// a question that nobody looks at -----------------------------------------------------------

func (h *handling) look(kind QuestionKind) {
	delete(h.unseen, kind)
	switch {
	case slices.Contains(h.untold, kind):
		h.due(kind, nil)
		h.run()
	case !h.turn.lookedAt:
		h.turn.client.options.Logger.Warn(
			"a question waits: it has no handler, and nobody iterates its turn", "question", kind, "requestId", h.turn.requestID,
		)
	}
}

func (h *handling) seen(kind QuestionKind) {
	other := func(k QuestionKind) bool { return k == kind }
	h.untold = slices.DeleteFunc(h.untold, other)
	h.unwatched = slices.DeleteFunc(h.unwatched, other)
	if stop := h.unseen[kind]; stop != nil {
		stop()
		delete(h.unseen, kind)
	}
}

// running -----------------------------------------------------------------------------------

func (h *handling) due(kind QuestionKind, wrong Event) {
	h.seen(kind)
	h.queue = append(h.queue, dueHandler{kind, wrong})
}

// run is called after a step: it fails what was refused and calls who is next.
func (h *handling) run() {
	if h == nil {
		return
	}
	t := h.turn
	for len(h.refused) > 0 {
		answer := h.refused[0]
		h.refused = h.refused[1:]
		if t.state.question(answer.kind) == stateOpen {
			h.fail(answer.kind, answer.err)
		}
	}
	for len(h.unwatched) > 0 && t.current() {
		kind := h.unwatched[0]
		h.unwatched = h.unwatched[1:]
		if h.unseen == nil {
			h.unseen = map[QuestionKind]func(){}
		}
		h.unseen[kind] = armed(t.client, limitQuestionUnseen, func() { h.look(kind) })
	}
	for len(h.queue) > 0 && h.active == nil && t.current() {
		next := h.queue[0]
		h.queue = h.queue[1:]
		switch {
		case !h.mine(next.kind) || t.state.question(next.kind) != stateOpen:
		case next.wrong != nil && h.onceTooOften(next.kind):
			h.fail(next.kind, fmt.Errorf("the server refused %d answers of the handler", limitRefusedAnswers))
		default:
			h.call(next)
		}
	}
	t.releaseHeld()
}

// onceTooOften counts one more wrong answer and says whether its handler has failed with it (REQ-ASK-14).
func (h *handling) onceTooOften(kind QuestionKind) bool {
	if h.wrong == nil {
		h.wrong = map[QuestionKind]int{}
	}
	h.wrong[kind]++
	return h.wrong[kind] >= limitRefusedAnswers
}

// call calls a handler on a goroutine of its own.
func (h *handling) call(next dueHandler) {
	t := h.turn
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.ctx))
	active := &handlerRun{kind: next.kind, signal: cancel}
	h.active = active
	limit := t.client.options.HandlerTimeout
	active.stop = armed(t.client, limit, func() {
		if h.over(active) {
			h.fail(active.kind, fmt.Errorf("the handler took longer than %s: %w", limit, os.ErrDeadlineExceeded))
			t.after()
		}
	})
	ask := t.asks(next)
	t.client.connection.later(func() {
		if active.closed {
			return
		}
		t.client.connection.beside(func() {
			given, err := gift{}, errPanicked
			guarded(t.client.options.Logger, "a handler", func() { given, err = ask(ctx) })
			h.gave(active, given, err)
		})
	})
}

// gave takes what a handler gave, if it still counts.
func (h *handling) gave(run *handlerRun, given gift, err error) {
	t := h.turn
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	if !h.over(run) {
		if err != nil && !errors.Is(err, context.Canceled) {
			h.log(err)
		}
		return
	}
	if err == nil && given.verb != "" {
		err = h.send(given)
	}
	if err != nil {
		h.fail(run.kind, err)
	}
	t.after()
}

// send sends an answer; its error is that of what is no answer. One that comes too late is none.
func (h *handling) send(given gift) error {
	v, err := h.turn.prepared(given.verb, given.frame)
	if err != nil {
		return err
	}
	v.byHandler = true
	_ = h.turn.begin(v)
	return nil
}

// fail answers no, then fails the turn (REQ-ASK-07).
func (h *handling) fail(kind QuestionKind, cause error) {
	t := h.turn
	switch kind {
	case QuestionKindConfirmation:
		_ = h.send(gift{verbConfirm, t.confirming(false)})
	case QuestionKindInteraction:
		_ = h.send(gift{verbDecline, t.submitting(SubmitInteraction{Declined: new(true)})})
	}
	if !t.handlerFailed(kind, cause) {
		h.log(cause)
	}
}

// signal ends the context of the call of the moment; the next one may begin.
func (h *handling) signal() {
	if h.active != nil {
		h.active.closed = true
		h.over(h.active)
	}
}

// over takes note that a call has ended; it says whether what it gives counts.
func (h *handling) over(run *handlerRun) bool {
	run.signal()
	if h.active != run {
		return false
	}
	h.active = nil
	run.stop()
	return true
}

// log says what nobody is told otherwise, by its type alone (REQ-ERR-04).
func (h *handling) log(err error) {
	h.turn.client.options.Logger.Warn("a handler failed", "requestId", h.turn.requestID, "type", fmt.Sprintf("%T", err))
}

// what is asked -----------------------------------------------------------------------------

// asks returns the call of the handler of an open question.
func (t *Turn) asks(next dueHandler) func(context.Context) (gift, error) {
	asked, handlers := t.questions.current[next.kind], t.session.handlers
	switch next.kind {
	case QuestionKindConfirmation:
		event := asked.Event.(*WriteConfirmationRequired)
		ask := ConfirmAsk{t.requestID, t.sessionID, event.ToolID, event.ActionDescription, event}
		return func(ctx context.Context) (gift, error) {
			approved, err := handlers.Confirm(ctx, ask)
			return gift{verbConfirm, t.confirming(approved)}, err
		}
	case QuestionKindOTP:
		ask := t.otpAsk(asked, next.wrong)
		return func(ctx context.Context) (gift, error) {
			code, err := handlers.OTP(ctx, ask)
			if errors.Is(err, ErrDeclined) {
				return t.decliningCode(), nil
			}
			return gift{verbVerifyOTP, t.verifying(code)}, err
		}
	}
	event := asked.Event.(*InteractionRequired)
	ask := InteractionAsk{
		RequestID: t.requestID, SessionID: t.sessionID, InteractionID: event.InteractionID, Kind: event.Kind,
		Spec: event.Spec, Reason: event.Reason, Event: event,
	}
	if wrong, ok := next.wrong.(*InteractionInvalid); ok {
		ask.Errors, ask.Message = wrong.Errors, wrong.Message
	}
	return func(ctx context.Context) (gift, error) {
		values, err := handlers.Interaction[event.Kind](ctx, ask)
		if errors.Is(err, ErrDeclined) {
			return gift{verbDecline, t.submitting(SubmitInteraction{Declined: new(true)})}, nil
		}
		if err != nil {
			return gift{}, err
		}
		members, err := objectOf(values)
		return gift{verbSubmit, t.submitting(SubmitInteraction{Values: members})}, err
	}
}

func (t *Turn) otpAsk(asked *Question, wrong Event) OTPAsk {
	ask := OTPAsk{RequestID: t.requestID, SessionID: t.sessionID, Event: asked.Event}
	if required := asked.required; required != nil {
		ask.ToolID, ask.ActionDescription = required.ToolID, required.ActionDescription
		ask.AvailableChannels, ask.AuthLevel = required.AvailableChannels, required.AuthLevel
	}
	if sent, ok := asked.Event.(*OTPSent); ok {
		ask.Channel, ask.MaskedDestination = sent.Channel, sent.MaskedDestination
	}
	if invalid, ok := wrong.(*OTPInvalid); ok {
		ask.AttemptsRemaining, ask.Error, ask.Message = &invalid.AttemptsRemaining, invalid.Error, invalid.Message
	}
	return ask
}

// decliningCode is what declines a code; where the server does not park a turn for one nothing is sent,
// and the question stays open for who has its code (REQ-OTP-05).
func (t *Turn) decliningCode() gift {
	if !t.session.parks() {
		return gift{}
	}
	return gift{verbDeclineOTP, t.decliningOTP()}
}

// what the turn does ------------------------------------------------------------------------

// current says whether what the turn shows is the present, and nothing of the past (REQ-ASK-13).
func (t *Turn) current() bool {
	return t.state.turn != stateSuspended && (t.resuming == nil || t.resuming.goal == noGoal)
}

// handlerFailed fails the turn (REQ-ASK-07); false when it had its outcome before.
func (t *Turn) handlerFailed(kind QuestionKind, why error) bool {
	facts := t.facts(ending{})
	facts.cause, facts.Question = why, kind
	failed := newError(leafHandler, facts)
	switch {
	case t.held != nil:
		t.held, t.err = nil, failed
		t.conclude("handler_failed")
	case t.state.settled():
		return false
	default:
		t.asked, _ = t.state.open()
		t.act(t.state.local("handler_failed", t.stepFacts(false), nil), cause{word: "handler_failed", err: failed})
	}
	return true
}
