package protocol

import (
	"slices"
	"time"
)

// outgoing is one frame on its way out: it steps through the machine frame. Its fields are guarded by
// the client's mutex.
type outgoing struct {
	action    string
	requestID string
	sessionID string
	text      []byte
	// state is where the frame is, in the words of the table.
	state string
	// until is when the frame is late: no link takes it then; zero: never.
	until time.Time
	// box holds the frame while it waits for a link.
	box *outbox
	// gone is called once the frame is out of our hands or will never leave. The mutex is held.
	gone func()
}

func newOutgoing(action Action, requestID, sessionID string, text []byte) *outgoing {
	return &outgoing{
		action: action.ActionName(), requestID: requestID, sessionID: sessionID, text: text,
		state: frameSteps.initial,
	}
}

// Words of the machine frame that the client asks for.
const (
	frameWriting = "writing"
	frameWritten = "written"
	frameDropped = "dropped"
)

// mayHaveLeft says whether the frame may have left this machine: then it cannot be taken back
// (REQ-CONN-16).
func (o *outgoing) mayHaveLeft() bool { return o.state == frameWriting || o.state == frameWritten }

// over says whether nothing more becomes of the frame.
func (o *outgoing) over() bool { return o.state == frameWritten || o.state == frameDropped }

// again returns the same frame, to be written once more (REQ-CALL-13, REQ-RESUME-04, REQ-RESUME-07).
func (o *outgoing) again() *outgoing {
	return &outgoing{
		action: o.action, requestID: o.requestID, sessionID: o.sessionID, text: o.text,
		state: frameSteps.initial,
	}
}

// on steps on what happens to the frame; sought says that another link follows this one.
func (o *outgoing) on(word string, sought bool) {
	next, effects := frameSteps.step(o.state, word, &stepFacts{sought: stepKnown(sought)})
	o.state = next
	for _, e := range effects {
		e.do(o)
	}
	if gone := o.gone; gone != nil && o.over() {
		o.gone = nil
		gone()
	}
}

var _ frameActs = (*outgoing)(nil)

// offer gives the frame to the link that is ready.
func (o *outgoing) offer() { o.box.taker.take(o) }

// withdraw takes the frame back, if that is still possible.
func (o *outgoing) withdraw() {
	o.on("withdrawn", false)
	if b := o.box; b != nil && o.state == frameDropped {
		b.queue = slices.DeleteFunc(b.queue, func(other *outgoing) bool { return other == o })
	}
}

// taker is the link that takes frames; by then they may have left. It does not block.
type taker interface{ take(o *outgoing) }

// outbox holds the frames of a client that no link has taken yet, in the order of the calls that
// caused them (REQ-CONN-16). It outlives a link. Each frame belongs to a call, verb or turn that
// waits, which bounds their number; what has ended is forgotten. Guarded by the client's mutex.
type outbox struct {
	taker taker // nil while no link is ready
	queue []*outgoing
	// taken holds what the link has and nobody knows to be out of our hands.
	taken []*outgoing
	// flushedOne hears of each frame that a socket took.
	flushedOne func()
	// now tells the client's time.
	now func() time.Time
}

// full says whether that many frames wait for a link (REQ-CONN-40).
func (b *outbox) full(limit int) bool {
	if len(b.queue) >= limit {
		b.dropLate()
	}
	return len(b.queue) >= limit
}

// dropLate takes back what is too late for a link (REQ-RESUME-08).
func (b *outbox) dropLate() {
	for _, o := range slices.Clone(b.queue) {
		if !o.until.IsZero() && !b.now().Before(o.until) {
			o.withdraw()
		}
	}
}

// put queues a frame behind all others; a link that is ready takes it at once.
func (b *outbox) put(o *outgoing) {
	o.box = b
	if b.taker == nil {
		b.queue = append(b.queue, o)
		return
	}
	b.give(o)
}

// linkReady offers all that waits to a link, which takes it; what first puts goes before.
func (b *outbox) linkReady(l taker, first func()) {
	b.dropLate()
	b.taker = l
	first()
	waiting := b.queue
	b.queue = nil
	for _, o := range waiting {
		b.give(o)
	}
}

func (b *outbox) give(o *outgoing) {
	o.on("link_ready", false)
	o.on("taken", false)
	b.taken = append(b.taken, o)
}

// flushed takes note that a frame is out of our hands; ok says that the socket has it.
func (b *outbox) flushed(o *outgoing, ok bool) {
	if ok && b.flushedOne != nil {
		b.flushedOne()
	}
	if len(b.taken) > 0 && b.taken[0] == o { // else the link is gone, and the frame with it
		b.taken = b.taken[1:]
	}
	o.on("flushed", false)
}

// linkGone says what happened to the link or the attempt: the table knows what becomes of the frames.
// What it leaves where it is waits for the next link, if another one is sought.
func (b *outbox) linkGone(word string, sought bool) {
	b.taker = nil
	frames := slices.Concat(b.taken, b.queue)
	b.taken, b.queue = nil, nil
	for _, o := range frames {
		if o.on(word, sought); !o.over() {
			b.queue = append(b.queue, o)
		}
	}
}
