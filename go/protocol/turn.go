package protocol

import (
	"context"
	"sync/atomic"
	"time"
)

// TurnState says how far a turn is.
type TurnState string

// States of a turn.
const (
	// TurnStateSent: no frame of the turn came yet.
	TurnStateSent TurnState = "sent"
	// TurnStateRunning: the server works on it.
	TurnStateRunning TurnState = "running"
	// TurnStateSuspended: the link was lost, or frames are missing: it waits to be taken up (REQ-RESUME-02).
	TurnStateSuspended TurnState = "suspended"
	// TurnStateSettled: it has its outcome.
	TurnStateSettled TurnState = "settled"
)

// TurnResult is what came of a turn (REQ-TURN-18). It does not change any more.
type TurnResult struct {
	// Text is the authoritative text, or what a cancelled turn had streamed (REQ-TURN-09).
	Text    string
	Outcome Outcome
	// Confirmed says whether the server confirmed that the turn was cancelled (REQ-STOP-02); nil for a
	// turn that was not.
	Confirmed *bool
	RequestID string
	SessionID string
	// MessageID is the stored message of the agent, empty when there is none.
	MessageID string
	// Citations are the sources of the answer; nil when the server gave none.
	Citations []Citation
	// Usage is what the turn spent; nil when the server did not count.
	Usage *Usage
	// NeedsEscalation says whether a human should take over; nil when the server did not say.
	NeedsEscalation *bool
	// EscalationReason is why; nil when the server did not say.
	EscalationReason *string
	// Event is the terminal event, *EventualResponse or *Cancelled; nil when the end was local.
	Event Event
	// Duration is the time from the sending to the outcome, by the client's clock (REQ-LOG-03).
	Duration time.Duration
	// TimeToFirstToken is the time from the sending to the first stream_token; nil when none came.
	TimeToFirstToken *time.Duration
}

// Turn is one message and all it causes. Iterate it with Stream, Text or Events, wait for it with
// Wait; both at once is fine, and every iteration sees every event from the first one on
// (REQ-TURN-02). All methods are safe for concurrent use.
type Turn struct {
	client    *router
	sessionID string
	session   turnSession
	began     time.Time
	ctx       context.Context // of send; governs the turn
	unbind    func() bool

	// The rest is guarded by the client's mutex.
	requestID string
	out       *outgoing
	// again makes the frame of the message once more; nil where another client sent it.
	again     func(requestID string) *outgoing
	waits     bool // for the turns before it (REQ-TURN-31)
	resent    bool // after its code (REQ-ASK-11)
	retried   bool // after a refusal (REQ-TURN-32)
	sentAt    time.Time
	state     turnState
	questions *questions
	resuming  *resuming // nil where the session is no replay session (REQ-RESUME-01)
	handling  *handling // nil as long as nothing was asked
	text      accumulator
	items     turnItems
	fresh     bool // there are items that waiting readers were not told of
	waiters   int
	detached  bool
	lookedAt  bool         // somebody iterates its items, or did (REQ-ASK-10)
	cancelOut *outgoing    // our cancel; there is at most one
	native    bool         // the context of send ended the turn
	asked     QuestionKind // open before the step of the moment, which may close it
	lastSeen  time.Time
	// firstToken is the time from the sending to the first token; nil until it came.
	firstToken *time.Duration
	stops      map[string]func()
	ending     []*verb // verbs that the end of the turn settles
	done       chan struct{}
	ended      bool        // result or err is there to be seen; done is closed
	held       *TurnResult // came while a handler is to give a code (REQ-ASK-11)
	result     *TurnResult
	err        error
	fate       *fate
}

// turnSession is what a turn needs of its session.
type turnSession struct {
	// handlers answer its questions.
	handlers *Handlers
	// line has the other turns of the session.
	line *turnLine
	// parks says whether the server keeps a turn open for a code. The mutex is not held.
	parks func() bool
	// replays says whether a turn that begins now outlives its link (REQ-RESUME-01).
	replays bool
	// recovery tells what became of the message of a turn; mark is called with the mutex.
	recovery func(ctx context.Context, mark func() turnMark) (*Recovery, error)
}

// fate outlives its turn by as much as it takes to tell that nobody saw it fail (REQ-TURN-16).
type fate struct {
	kind     ErrorKind
	observed atomic.Bool
}

func newTurn(ctx context.Context, r *router, a SendMessage, session turnSession) *Turn {
	t := &Turn{
		client: r, requestID: a.RequestID, sessionID: a.SessionID, ctx: ctx,
		session: session, began: r.options.Clock.Now(),
		unbind: func() bool { return true }, stops: map[string]func(){}, done: make(chan struct{}), fate: &fate{},
	}
	t.items.text = &t.text
	t.questions = newQuestions(r, func() { t.local("question_timeout") })
	if session.replays {
		t.resuming = newResuming(&r.options)
	}
	t.state = newTurnState(func(kind QuestionKind, event Event, word string) bool {
		return t.questions.expired(kind, event, word, t.resuming)
	})
	return t
}

// adopted returns a turn that began elsewhere and goes on here with its acceptance. The mutex is held.
func adopted(r *router, requestID, sessionID string, session turnSession, accepted Event) *Turn {
	t := begunElsewhere(r, requestID, sessionID, session)
	t.eventReceived(accepted)
	return t
}

// takenUp returns a turn that runs already, whose events are asked for from the first one on
// (REQ-RESUME-11). The mutex is held.
func takenUp(r *router, requestID, sessionID string, session turnSession) *Turn {
	t := begunElsewhere(r, requestID, sessionID, session)
	t.resuming.takenUp = true
	r.add(requestID, t)
	t.local("take_up")
	return t
}

func begunElsewhere(r *router, requestID, sessionID string, session turnSession) *Turn {
	t := newTurn(context.Background(), r, SendMessage{RequestID: requestID, SessionID: sessionID}, session)
	t.out = &outgoing{requestID: requestID, sessionID: sessionID, state: frameWritten}
	session.line.join(t)
	r.watch.turnStarted(requestID, sessionID)
	t.arm("total", r.options.TurnTimeout, func() { t.local("total_timeout") })
	return t
}

// RequestID returns the id of the turn; its events and verbs carry it. A message that is sent again after
// its code has another one (REQ-ASK-11).
func (t *Turn) RequestID() string {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	return t.requestID
}

// SessionID returns the session that the turn belongs to.
func (t *Turn) SessionID() string { return t.sessionID }

// State says how far the turn is; running while it waits for a code (REQ-ASK-11).
func (t *Turn) State() TurnState {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	if t.state.settled() && !t.ended {
		return TurnStateRunning
	}
	return TurnState(t.state.turn)
}

// PartialText returns the text that was streamed so far; it stays readable (REQ-TURN-15).
func (t *Turn) PartialText() string {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	return t.text.whole()
}

// Question returns the question of a kind that waits for an answer, false when there is none.
func (t *Turn) Question(kind QuestionKind) (Question, bool) {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	if asked := t.questions.current[kind]; asked != nil && t.state.question(kind) == stateOpen {
		return *asked, true
	}
	return Question{}, false
}

// Handled says whether an event asks what a handler of this turn answers (REQ-ASK-09).
func (t *Turn) Handled(event Event) bool {
	kind, asks := questionOf(event)
	return asks && t.session.handlers.has(kind, event)
}

// Err returns the error of a turn that has failed, nil while it runs or when it ended well. An error
// that matches [ErrInvalidArgument] is there as soon as the turn is.
func (t *Turn) Err() error {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	if !t.ended {
		return nil
	}
	t.fate.observed.Store(true)
	return t.err
}

// Wait waits for the end of the turn and returns its result, never nil without an error. A cancelled
// turn has a result; a failed one returns the error. When ctx ends first, its error is returned at
// once, and the turn is stopped unless somebody else follows it or it was detached (REQ-STOP-04).
func (t *Turn) Wait(ctx context.Context) (*TurnResult, error) {
	mu := t.client.mu
	mu.Lock()
	t.waiters++
	mu.Unlock()
	select {
	case <-t.done:
	case <-ctx.Done():
	}
	mu.Lock()
	defer mu.Unlock()
	t.waiters--
	t.fate.observed.Store(true)
	if !t.ended {
		t.left()
		return nil, ctx.Err()
	}
	if err := t.end(ctx); err != nil {
		return nil, err
	}
	return t.result, nil
}

// end returns what a wait with ctx raises at the end of the turn: the context's own error, when it
// was the context of send that ended the turn, else the error of a failed turn.
func (t *Turn) end(ctx context.Context) error {
	if t.native && ctx.Err() != nil {
		return ctx.Err()
	}
	return t.err
}

// Recover tells what became of the message of a turn whose link was lost. It asks the history, reads at most
// ten pages and sends nothing again; an error is that of the reading (REQ-TURN-30). On a session with replay
// it asks the server first (REQ-RESUME-12): it waits while the turn still runs, and after
// Options.ResumeTimeout returns [RecoveryUnknown]; a message that never arrived is [RecoveryNotDelivered] at
// once. Without a link it waits for the one that is sought, or fails as a call does. It follows no turn: one
// that this client still has is neither stopped nor kept from being stopped. When ctx ends, its error is
// returned, and nothing more is asked.
func (t *Turn) Recover(ctx context.Context) (*Recovery, error) {
	return t.session.recovery(ctx, t.mark)
}

// Detach lets the turn run on when nobody follows it any more, and when the context of its send ends
// (REQ-STOP-05).
func (t *Turn) Detach() {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	t.detached = true
}

// Close leaves the turn: it is stopped unless somebody waits for it or iterates it, or it was
// detached or is over (REQ-STOP-05). It does not wait and always returns nil.
func (t *Turn) Close() error {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	t.left()
	return nil
}

// left stops the turn if nobody is interested in it (REQ-STOP-04, REQ-STOP-05).
func (t *Turn) left() {
	if !t.detached && !t.decided() && t.waiters == 0 && len(t.items.readers) == 0 {
		t.stop()
	}
}

// abandoned is called when the context of send ends.
func (t *Turn) abandoned() {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	if !t.detached && !t.decided() {
		t.native = true
		t.stop()
	}
}

// decided says whether the turn has its outcome, which may not be there to be seen yet.
func (t *Turn) decided() bool { return t.result != nil || t.err != nil }

// stop cancels the turn; one whose message was not handed to a link yet ends at once, and nothing
// is sent (REQ-STOP-01), as when it waits for a code alone (REQ-ASK-12).
func (t *Turn) stop() {
	if t.held != nil {
		t.handling.stop()
		t.after()
		return
	}
	t.local("cancel")
}
