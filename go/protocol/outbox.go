package protocol

import "sync"

// outgoing is one frame on its way out. Its fields are guarded by the client's mutex.
type outgoing struct {
	action    string
	requestID string
	sessionID string
	text      []byte
	// written says that the frame was handed to an open link.
	written bool
	// dropped frames are not sent.
	dropped bool
	// done is called once the socket took the frame, or once it is sure that it never will. The
	// mutex is held.
	done func()
}

// drop takes the frame back, if it was not handed to a link yet.
func (o *outgoing) drop() { o.dropped = !o.written }

func (o *outgoing) finish() {
	if done := o.done; done != nil {
		o.done = nil
		done()
	}
}

// outbox holds the frames of one link for its writer, so that they leave in the order of the calls
// that caused them (REQ-CONN-16).
type outbox struct {
	mu      *sync.Mutex // the client's
	wake    chan struct{}
	queue   []*outgoing
	pending int // queued or in the writer's hands
	// closeWith ends the box after the last frame with a close frame; 0 while it stays open.
	closeWith int
	// broken says that the socket is gone.
	broken bool
	empty  chan struct{} // closed when nothing is pending; nil while nobody waits
}

func newOutbox(mu *sync.Mutex) *outbox {
	return &outbox{mu: mu, wake: make(chan struct{}, 1)}
}

func (b *outbox) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// put queues a frame. The mutex is held.
func (b *outbox) put(o *outgoing) {
	b.queue = append(b.queue, o)
	b.pending++
	b.signal()
}

// end lets the writer finish: what is queued is written, then the close frame. The mutex is held.
func (b *outbox) end(code int) {
	b.closeWith = code
	b.signal()
}

// destroy gives up on everything that was not written. The mutex is held.
func (b *outbox) destroy() {
	b.broken = true
	for _, o := range b.queue {
		b.settle(o)
	}
	b.queue = nil
	b.signal()
}

// settle counts a frame out. The mutex is held.
func (b *outbox) settle(o *outgoing) {
	b.pending--
	o.finish()
	if b.pending == 0 && b.empty != nil {
		close(b.empty)
		b.empty = nil
	}
}

// emptied returns a channel that is closed once nothing is pending, nil if nothing is. The mutex is
// held.
func (b *outbox) emptied() <-chan struct{} {
	if b.pending == 0 || b.broken {
		return nil
	}
	if b.empty == nil {
		b.empty = make(chan struct{})
	}
	return b.empty
}

// run writes until the box ends; it returns the code of the close frame that is due, 0 when the
// socket is gone.
func (b *outbox) run(write func([]byte) error) int {
	for {
		b.mu.Lock()
		batch := b.queue
		b.queue = nil
		over, code := len(batch) == 0 && (b.broken || b.closeWith != 0), b.closeWith
		if b.broken {
			code = 0
		}
		b.mu.Unlock()
		if over {
			return code
		}
		if len(batch) == 0 {
			<-b.wake
			continue
		}
		for _, o := range batch {
			// A failed write needs no answer of its own: the reader sees the end of the socket.
			_ = write(o.text)
			b.mu.Lock()
			b.settle(o)
			b.mu.Unlock()
		}
	}
}
