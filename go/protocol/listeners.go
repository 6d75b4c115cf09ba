package protocol

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// ConnectionState is a state of the link.
type ConnectionState string

// States of the link.
const (
	// ConnectionStateIdle: never opened, or the attempt failed.
	ConnectionStateIdle ConnectionState = "idle"
	// ConnectionStateConnecting: an attempt runs, or follows.
	ConnectionStateConnecting ConnectionState = "connecting"
	// ConnectionStateOpen: frames flow.
	ConnectionStateOpen ConnectionState = "open"
	// ConnectionStateReconnecting: the link was lost, another one is sought (REQ-CONN-30).
	ConnectionStateReconnecting ConnectionState = "reconnecting"
	// ConnectionStateClosed: the link is gone.
	ConnectionStateClosed ConnectionState = "closed"
)

// StateChange is one move of the link, or one wait for another attempt to move it (REQ-CONN-02).
type StateChange struct {
	// Previous and Current are equal where the link goes on being sought.
	Previous, Current ConnectionState
	// Reason is the word of the machine's event: connect, opened, lost, …
	Reason string
	// CloseCode is the close code of a closed link, 0 when there is none.
	CloseCode int
	// CloseReason is what the peer's close frame says beside it.
	CloseReason string
	// Err is the failure of the attempt, or why the link is given up; nil otherwise.
	Err error
	// Attempt is the number of the attempt to come, from 1; 0 when there is none (REQ-CONN-31).
	Attempt int
	// RetryIn is the wait until that attempt; 0 means at once, with another token (REQ-CONN-34).
	RetryIn time.Duration
	// Missed says that the link was found again after a session had been opened: events outside a turn
	// may have been missed (REQ-CONN-42).
	Missed bool
}

// Direction of a frame.
type Direction string

// Directions of frames.
const (
	DirectionIn  Direction = "in"
	DirectionOut Direction = "out"
)

// FrameInfo is what the frame tap sees of one frame (REQ-LOG-02).
type FrameInfo struct {
	Direction Direction
	// Type is the action or type of the frame, empty when it is malformed.
	Type string
	// RequestID of the frame, empty when it has none.
	RequestID string
	// Bytes is the size of the message.
	Bytes int
	// At is the client's time at which the frame was seen.
	At time.Time

	text []byte
}

// Text returns the frame's text. It may hold what must not be logged.
func (f FrameInfo) Text() string { return string(f.text) }

// String leaves the text out (REQ-LOG-01).
func (f FrameInfo) String() string {
	return fmt.Sprintf("%s %s %s %d bytes", f.Direction, f.Type, f.RequestID, f.Bytes)
}

// GoString is String.
func (f FrameInfo) GoString() string { return f.String() }

// ownGrace is how long Close waits for a listener that may be its own caller.
const ownGrace = 20 * time.Millisecond

// listeners calls user code, one call at a time and in order, on a goroutine of its own that lives
// only while there is something to tell (REQ-CONN-07).
type listeners struct {
	logger *slog.Logger

	// taps counts the listeners to frames.
	taps atomic.Int32

	mu      sync.Mutex
	state   hooks[StateChange]
	event   hooks[Event]
	frame   hooks[FrameInfo]
	watched hooks[func()] // of the observer
	queue   []func()
	running bool
	idle    chan struct{} // closed when the queue is empty; nil while nobody waits
	calling bool          // a listener is being called
	// returned is closed when the listener that is being called returns; nil while nobody waits.
	returned chan struct{}
}

// hook is one listener; removed and warned are guarded by listeners.mu.
type hook[T any] struct {
	call    func(T)
	removed bool
	warned  bool
}

type hooks[T any] struct {
	list []*hook[T]
	// fragile hooks are removed when they panic.
	fragile bool
}

func newListeners(logger *slog.Logger) *listeners {
	return &listeners{logger: logger, frame: hooks[FrameInfo]{fragile: true}}
}

// listen adds a listener and returns the function that removes it.
func listen[T any](l *listeners, to *hooks[T], call func(T)) func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	added := &hook[T]{call: call}
	to.list = append(to.list, added)
	l.count()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		remove(to, added)
		l.count()
	}
}

func remove[T any](from *hooks[T], gone *hook[T]) {
	gone.removed = true
	kept := make([]*hook[T], 0, len(from.list))
	for _, h := range from.list {
		if h != gone {
			kept = append(kept, h)
		}
	}
	from.list = kept
}

// count keeps the number of frame listeners where it is read without a lock.
func (l *listeners) count() { l.taps.Store(int32(len(l.frame.list))) }

// tell queues a value for all listeners of the moment. It never blocks and calls nobody itself.
func tell[T any](l *listeners, to *hooks[T], value T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(to.list) == 0 {
		return
	}
	list := to.list
	l.queue = append(l.queue, func() {
		for _, h := range list {
			notify(l, to, h, value)
		}
	})
	if !l.running {
		l.running = true
		go l.dispatch()
	}
}

// tapped reports whether anybody listens to frames.
func (l *listeners) tapped() bool {
	return l.taps.Load() > 0
}

// notify runs one listener. What it panics with is logged once and disturbs nobody (REQ-CONN-08).
func notify[T any](l *listeners, to *hooks[T], h *hook[T], value T) {
	l.mu.Lock()
	l.calling = !h.removed
	calling := l.calling
	l.mu.Unlock()
	if !calling {
		return
	}
	defer func() {
		reason := recover()
		l.mu.Lock()
		l.calling = false
		if l.returned != nil {
			close(l.returned)
			l.returned = nil
		}
		first := !h.warned
		if reason != nil {
			h.warned = true
			if to.fragile {
				remove(to, h)
				l.count()
			}
		}
		l.mu.Unlock()
		if reason != nil && first {
			l.logger.Error("a listener panicked", "type", fmt.Sprintf("%T", reason))
		}
	}()
	h.call(value)
}

func (l *listeners) dispatch() {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.running = false
			if l.idle != nil {
				close(l.idle)
				l.idle = nil
			}
			l.mu.Unlock()
			return
		}
		next := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
		next()
	}
}

// call returns a channel that is closed once the listener that is being called has returned, nil when
// none is.
func (l *listeners) call() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calling && l.returned == nil {
		l.returned = make(chan struct{})
	}
	return l.returned
}

// drain waits until everything was told, at most as long as the limit, and forgets the rest. The
// listener that was being called before may be the one who waits here: when it has not returned after
// ownGrace, drain gives up, and what is left is told once it has.
func (l *listeners) drain(limit time.Duration, before <-chan struct{}) {
	if before != nil && !closedWithin(ownGrace, before) {
		return
	}
	l.mu.Lock()
	if !l.running {
		l.mu.Unlock()
		return
	}
	if l.idle == nil {
		l.idle = make(chan struct{})
	}
	idle := l.idle
	l.mu.Unlock()
	if !closedWithin(limit, idle) {
		l.mu.Lock()
		l.queue = nil
		l.mu.Unlock()
	}
}

// closedWithin waits for the channel and reports whether it was closed in time.
func closedWithin(limit time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
