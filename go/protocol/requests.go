package protocol

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// inFlight is a call or a turn, as the router sees it. The client's mutex is held during all calls;
// none may block.
type inFlight interface {
	// eventReceived takes an event of this id; false sends it on to the event listeners.
	eventReceived(event Event) bool
	// brokenReceived takes a known event of this id with a broken body; false sends it on as well.
	brokenReceived(broken *DecodeError) bool
	// linkEvent takes a local event of the link: lost, close, connect_failed, …
	linkEvent(end ending, err error)
}

// requests routes what the link reads to its owner. Fields are guarded by the client's mutex.
type requests struct {
	options    Options
	mu         *sync.Mutex
	listeners  *listeners
	connection *supervisor

	owners map[string]inFlight
	order  []string // ids of owners, oldest first
	// settled ids are remembered so that late frames find nobody.
	settled map[string]struct{}
	ring    []string

	// latest is the owner of the event before, under its id.
	latest   inFlight
	latestID string
	// fresh has items that waiting readers were not told of.
	fresh []interface{ wakeReaders() }
	// seen is when the batch of frames of the moment came; zero between batches.
	seen time.Time
}

// now is when what is being read came.
func (r *requests) now() time.Time {
	if r.seen.IsZero() {
		r.seen = r.options.Clock.Now()
	}
	return r.seen
}

// batchEnded wakes the readers of what came: once a batch, not once a frame.
func (r *requests) batchEnded() {
	r.seen = time.Time{}
	for i, t := range r.fresh {
		r.fresh[i] = nil
		t.wakeReaders()
	}
	r.fresh = r.fresh[:0]
}

// check refuses an id that is in flight (REQ-CALL-01). The mutex is held.
func (r *requests) check(id string) error {
	if _, taken := r.owners[id]; taken {
		return invalidArgument(fmt.Sprintf("requestId %q is in flight already", id))
	}
	return nil
}

func (r *requests) add(id string, owner inFlight) {
	r.owners[id] = owner
	r.order = append(r.order, id)
}

// settle routes events of the id to nobody from now on and remembers that it was ours.
func (r *requests) settle(id string, owner inFlight) {
	if r.owners[id] == owner {
		delete(r.owners, id)
		r.latest = nil
		if i := slices.Index(r.order, id); i >= 0 {
			r.order = slices.Delete(r.order, i, i+1)
		}
	}
	if _, known := r.settled[id]; known {
		return
	}
	r.settled[id] = struct{}{}
	if r.ring = append(r.ring, id); len(r.ring) > limitSettledIds {
		delete(r.settled, r.ring[0])
		r.ring = r.ring[1:]
	}
}

// eventReceived hands an event to its turn or call, else to the event listeners (REQ-WIRE-12).
func (r *requests) eventReceived(event Event) {
	id := event.correlation()
	if owner := r.owner(id); owner != nil {
		if owner.eventReceived(event) {
			return
		}
	} else if _, ours := r.settled[id]; ours || event.EventType() == TypeKeepalive {
		return
	}
	tell(r.listeners, &r.listeners.event, event)
}

// owner returns who is in flight under an id, nil for nobody. Most events have the id of the one
// before.
func (r *requests) owner(id string) inFlight {
	if id != r.latestID || r.latest == nil {
		r.latest, r.latestID = r.owners[id], id
	}
	return r.latest
}

// brokenReceived hands a broken event to its owner, else to the listeners as an unknown one.
func (r *requests) brokenReceived(broken *DecodeError) {
	r.options.Logger.Warn("a broken event", "type", broken.WireType, "pointer", broken.Pointer)
	id := broken.frame.id
	if owner, ok := r.owners[id]; ok {
		if owner.brokenReceived(broken) {
			return
		}
	} else if _, ours := r.settled[id]; ours {
		return
	}
	tell(r.listeners, &r.listeners.event, Event(broken.Unknown()))
}

// linkEnded fails everything that is in flight (REQ-CONN-15).
func (r *requests) linkEnded(end ending) { r.each(end, nil) }

// attemptFailed fails everything that waited for the attempt (REQ-CONN-04).
func (r *requests) attemptFailed(err error) { r.each(ending{word: "connect_failed"}, err) }

// closing fails everything that is in flight (REQ-CONN-06).
func (r *requests) closing() { r.each(ending{word: "close"}, nil) }

func (r *requests) each(end ending, err error) {
	for _, owner := range r.inOrder() {
		owner.linkEvent(end, err)
	}
}

// inOrder returns what is in flight, oldest first.
func (r *requests) inOrder() []inFlight {
	owners := make([]inFlight, len(r.order))
	for i, id := range r.order {
		owners[i] = r.owners[id]
	}
	return owners
}

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
	requests *requests
	out      *outgoing
	expected expected
	valueOf  func(Event) (any, error)
	state    string
	stop     func()
	begun    bool // a frame of this id came

	done  chan struct{}
	value any
	err   error
}

// await sends an action with one answer and returns the value that valueOf makes of it. When ctx
// ends, only the wait ends; a frame that was not handed to a link yet is not sent (REQ-CALL-09).
func (r *requests) await(
	ctx context.Context, out *outgoing, expected expected, valueOf func(Event) (any, error),
) (any, error) {
	r.mu.Lock()
	if err := r.check(out.requestID); err != nil {
		r.mu.Unlock()
		return nil, err
	}
	p := &pending{
		requests: r, out: out, expected: expected, valueOf: valueOf,
		state: callSteps.initial, done: make(chan struct{}),
	}
	r.add(out.requestID, p)
	if !r.connection.submit(out) {
		p.linkEvent(ending{word: "not_connected"}, nil)
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
	facts := factsFor(event)
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

func (p *pending) linkEvent(end ending, err error) {
	p.step(end.word, &stepFacts{}, outcome{end: end, err: err})
}

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

func (a callActor) settle(outcome stepOutcome, ending stepEnding) {
	if outcome == stepOutcomeCompleted {
		a.complete(a.o.event)
		return
	}
	a.pending.settle(nil, a.failure(ErrorKind(ending), a.o))
}

func (p *pending) complete(event Event) {
	value, err := p.valueOf(event)
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
	p.out.withdraw()
	if p.stop != nil {
		p.stop()
	}
	p.requests.settle(p.out.requestID, p)
	if opened, ok := value.(inFlight); ok {
		p.requests.add(p.out.requestID, opened)
	}
	close(p.done)
}

func (p *pending) facts(end ending) AgentError {
	return p.requests.facts(p.out.requestID, p.out.sessionID, end)
}

func (p *pending) failure(kind ErrorKind, o outcome) error {
	facts := p.facts(o.end)
	switch kind {
	case "attempt":
		return failedAttempt(o.err, facts)
	case "by_code":
		return serverError(o.event.(*ErrorEvent), facts)
	case KindProtocol:
		return statusError(statusOf(o.event), facts)
	case KindInvalidFrame:
		return frameError(o.broken, facts)
	case KindUnexpectedEvent:
		facts.reason = o.event.EventType()
		return &UnexpectedEventError{newError(leafUnexpectedEvent, facts), o.event}
	}
	return p.requests.linkError(kind, facts)
}

// facts begins an error: whom it is about and how the link ended, if it did.
func (r *requests) facts(requestID, sessionID string, end ending) AgentError {
	return AgentError{
		RequestID: requestID, SessionID: sessionID, CloseCode: end.code, CloseReason: end.reason, host: r.options.host,
	}
}

// linkError is what becomes of work when the link ends, a limit is over, or there is no link.
func (r *requests) linkError(kind ErrorKind, facts AgentError) error {
	if facts.CloseCode == closeUnauthorized && (kind == KindConnectionLost || kind == KindTurnInterrupted) {
		kind = KindAuthentication
	}
	if kind == KindMessageTooLarge {
		facts.limit = r.options.MaxMessageBytes
		return &MessageTooLargeError{AgentError: newError(leafMessageTooLarge, facts), Limit: facts.limit}
	}
	return newError(leafOfKind[kind], facts)
}

// statusOf returns the status of a response, 0 for other events.
func statusOf(event Event) int64 {
	switch e := event.(type) {
	case *ImmediateResponse:
		if e.Status != nil {
			return *e.Status
		}
	case *EventualResponse:
		return e.Status
	}
	return 0
}
