package protocol

import (
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
	// sought says that another link follows.
	linkEvent(end ending, err error, sought bool)
	// linkOpened writes what goes before all that waits for the link.
	linkOpened()
}

// router routes what the link reads to its owner. Fields are guarded by the client's mutex.
type router struct {
	options    Options
	mu         *sync.Mutex
	listeners  *listeners
	connection *supervisor
	watch      *watch

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
func (r *router) now() time.Time {
	if r.seen.IsZero() {
		r.seen = r.options.Clock.Now()
	}
	return r.seen
}

// batchEnded wakes the readers of what came: once a batch, not once a frame.
func (r *router) batchEnded() {
	r.seen = time.Time{}
	for i, t := range r.fresh {
		r.fresh[i] = nil
		t.wakeReaders()
	}
	r.fresh = r.fresh[:0]
}

// check refuses an id that is in flight (REQ-CALL-01). The mutex is held.
func (r *router) check(id string) error {
	if _, taken := r.owners[id]; taken {
		return invalidArgument(fmt.Sprintf("requestId %q is in flight already", id))
	}
	return nil
}

// add routes events of the id to the owner from now on; it comes after all others.
func (r *router) add(id string, owner inFlight) {
	if _, again := r.owners[id]; again {
		r.remove(id)
	}
	r.owners[id] = owner
	r.order = append(r.order, id)
}

func (r *router) remove(id string) {
	delete(r.owners, id)
	r.latest = nil
	if i := slices.Index(r.order, id); i >= 0 {
		r.order = slices.Delete(r.order, i, i+1)
	}
}

// settle routes events of the id to nobody from now on and remembers that it was ours.
func (r *router) settle(id string, owner inFlight) {
	if r.owners[id] == owner {
		r.remove(id)
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
func (r *router) eventReceived(event Event) {
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
func (r *router) owner(id string) inFlight {
	if id != r.latestID || r.latest == nil {
		r.latest, r.latestID = r.owners[id], id
	}
	return r.latest
}

// brokenReceived hands a broken event to its owner, else to the listeners as an unknown one.
func (r *router) brokenReceived(broken *DecodeError) {
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

// linkEnded fails everything that is in flight and cannot wait for another link (REQ-CONN-15).
func (r *router) linkEnded(end ending, sought bool) { r.each(end, nil, sought) }

// linkOpened lets suspended turns ask for their events, in the order of their send (REQ-RESUME-03).
func (r *router) linkOpened() {
	for _, owner := range r.inOrder() {
		owner.linkOpened()
	}
}

// attemptFailed fails everything that waited for the attempt and not for the next one (REQ-CONN-04).
func (r *router) attemptFailed(err error, sought bool) {
	r.each(ending{word: "connect_failed"}, err, sought)
}

// closing fails everything that is in flight (REQ-CONN-06).
func (r *router) closing() { r.each(ending{word: "close"}, nil, false) }

func (r *router) each(end ending, err error, sought bool) {
	for _, owner := range r.inOrder() {
		owner.linkEvent(end, err, sought)
	}
}

// ownID draws the id of a ping of the client's own; its answer is that to a call that is over. A source
// that breaks costs the ping.
func (r *router) ownID() (id string) {
	guarded(r.options.Logger, "Options.IDGenerator", func() { id = r.options.IDGenerator() })
	if _, taken := r.owners[id]; taken || id == "" {
		return ""
	}
	r.settle(id, nil)
	return id
}

// anotherID draws the id of a message that the client sends again on its own (REQ-ASK-11); where the source
// of ids breaks it is a random one.
func (r *router) anotherID() (id string) {
	guarded(r.options.Logger, "Options.IDGenerator", func() { id = r.options.IDGenerator() })
	if r.check(id) != nil || id == "" {
		r.options.Logger.Warn("Options.IDGenerator gave no free id for a message")
		id = requestIDs(nil)()
	}
	return id
}

// inOrder returns what is in flight, oldest first.
func (r *router) inOrder() []inFlight {
	owners := make([]inFlight, len(r.order))
	for i, id := range r.order {
		owners[i] = r.owners[id]
	}
	return owners
}

// linkError is what becomes of work when the link ends, a limit is over, or there is no link.
func (r *router) linkError(kind ErrorKind, facts AgentError) error {
	if kind == ErrorKindConnectionLost || kind == ErrorKindTurnInterrupted {
		kind = kindOfEnd(kind, facts.CloseCode)
	}
	if kind == ErrorKindMessageTooLarge {
		facts.limit = r.options.MaxMessageBytes
		return &MessageTooLargeError{AgentError: newError(leafMessageTooLarge, facts), Limit: facts.limit}
	}
	return newError(leafOfKind[kind], facts)
}

// kindOfEnd returns what work fails with at a close code, where the table knows more than that the link
// is lost (REQ-CONN-15).
func kindOfEnd(kind ErrorKind, code int) ErrorKind {
	if row := closeCodeOf(code); row != nil && ErrorKind(row.kind) != ErrorKindConnectionLost {
		return ErrorKind(row.kind)
	}
	return kind
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
