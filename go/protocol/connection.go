package protocol

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	malformedLimit   = 10      // REQ-WIRE-04
	maxOutboundBytes = 1 << 20 // REQ-CALL-10
	flushLimit       = time.Second
)

// sink takes what the link reads and hears of its end. The client's mutex is held during all calls;
// none may block.
type sink interface {
	eventReceived(event Event)
	batchEnded()
	brokenReceived(broken *DecodeError)
	linkEnded(end ending)
	attemptFailed(err error)
	closing()
}

// connection owns the link of one client: the attempt, the socket, its state and the frames that
// wait for it. Fields are guarded by the client's mutex.
type connection struct {
	options   Options
	mu        *sync.Mutex
	listeners *listeners
	sink      sink

	state     linkState
	attempt   *attempt
	link      *link
	waiting   []*outgoing
	malformed int
	warned    map[string]struct{}
	// running holds the goroutines of attempts and links; close waits for them.
	running map[chan struct{}]struct{}
}

// link is one open socket.
type link struct {
	transport *transport
	outbox    *outbox
	ended     bool
	learner   learner
	// touched says that something was read since the batch began; of the reading goroutine alone.
	touched bool
	// guards drop the socket when its end takes too long.
	guards []Timer
}

// spawn runs f on a goroutine that close waits for. The mutex is held.
func (c *connection) spawn(f func()) {
	done := make(chan struct{})
	c.running[done] = struct{}{}
	go func() {
		defer func() {
			c.mu.Lock()
			delete(c.running, done)
			c.mu.Unlock()
			close(done)
		}()
		f()
	}()
}

// step moves the state machine and reports the move. The mutex is held.
func (c *connection) step(word string, end ending, err error) bool {
	change, closeWith, ok := c.state.on(word)
	if !ok {
		return false
	}
	change.CloseCode, change.CloseReason, change.Err = end.code, end.reason, err
	if end.code == 0 {
		change.CloseCode = closeWith
	}
	if closeWith != 0 && c.link != nil {
		c.link.outbox.end(closeWith)
	}
	c.options.Logger.Info("link", "from", change.Previous, "to", change.Current, "reason", word)
	tell(c.listeners, &c.listeners.state, change)
	return true
}

// adopt takes over an open socket. The mutex is held.
func (c *connection) adopt(t *transport) {
	l := &link{transport: t, outbox: newOutbox(c.mu)}
	t.frames.drained = func() { c.batchEnded(l) }
	c.link = l
	c.step("opened", ending{}, nil)
	waiting := c.waiting
	c.waiting = nil
	for _, o := range waiting {
		c.hand(l, o)
	}
	c.spawn(func() { c.readLoop(l) })
	c.spawn(func() { c.writeLoop(l) })
}

// submit hands a frame to the link, or keeps it until the attempt ends; false without a link. The
// mutex is held.
func (c *connection) submit(o *outgoing) bool {
	if c.options.Lazy {
		c.begin()
	}
	switch {
	case c.link != nil:
		c.hand(c.link, o)
	case c.state.current == StateConnecting:
		c.waiting = append(c.waiting, o)
	default:
		return false
	}
	return true
}

func (c *connection) hand(l *link, o *outgoing) {
	if o.dropped {
		o.finish()
		return
	}
	o.written = true
	c.tap(Out, o.action, o.requestID, o.text)
	l.outbox.put(o)
}

func (c *connection) discardWaiting() {
	waiting := c.waiting
	c.waiting = nil
	for _, o := range waiting {
		o.finish()
	}
}

// flush waits until the frames that are queued now were handed to the socket, at most 1s.
func (c *connection) flush() {
	c.mu.Lock()
	var empty <-chan struct{}
	if c.link != nil {
		empty = c.link.outbox.emptied()
	}
	c.mu.Unlock()
	if empty == nil {
		return
	}
	timer := time.NewTimer(flushLimit)
	defer timer.Stop()
	select {
	case <-empty:
	case <-timer.C:
	}
}

func (c *connection) writeLoop(l *link) {
	if code := l.outbox.run(l.transport.write); code != 0 {
		l.transport.close(code)
	}
}

// partingGrace is how long a close frame has to reach the socket when nobody waits for the peer's.
const partingGrace = 20 * time.Millisecond

// part begins the end of a link from our side: the socket is dropped after CloseTimeout, in the
// client's time or the machine's, whichever is over first. The mutex is held.
func (c *connection) part(l *link) {
	l.ended = true
	limit := c.options.CloseTimeout
	if limit == 0 {
		limit = partingGrace
	}
	l.guards = []Timer{
		c.options.Clock.AfterFunc(limit, l.transport.abort),
		time.AfterFunc(limit, l.transport.abort),
	}
}

func (c *connection) readLoop(l *link) {
	for {
		text, binary, err := l.transport.read()
		if err != nil {
			c.ended(l, err)
			return
		}
		if binary {
			c.locked(l, func() { c.malformedReceived(nil, len(text)) })
			continue
		}
		l.touched = true
		if c.learnedReceived(l, text) {
			continue
		}
		if !utf8.Valid(text) {
			c.locked(l, func() { c.end(ending{word: "invalid_utf8"}) })
			continue
		}
		c.textReceived(l, bytes.Clone(text))
	}
}

// locked runs f with the mutex, unless the link has ended: then nothing that it reads counts.
func (c *connection) locked(l *link, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !l.ended {
		f()
	}
}

// ended takes note of the end of the socket.
func (c *connection) ended(l *link, err error) {
	end := endOf(err)
	c.mu.Lock()
	if !l.ended {
		c.end(end)
	}
	l.outbox.destroy()
	c.mu.Unlock()
	if end.ours {
		l.transport.close(end.code)
		l.transport.drain(max(c.options.CloseTimeout, partingGrace))
	}
	l.transport.abort()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, guard := range l.guards {
		guard.Stop()
	}
}

// batchEnded tells the sink that all that was read is handled.
func (c *connection) batchEnded(l *link) {
	if l.touched {
		l.touched = false
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sink.batchEnded()
	}
}

// learnedReceived hands a frame on that is known but for its text; false for any other.
func (c *connection) learnedReceived(l *link, text []byte) bool {
	event := l.learner.read(text)
	if event == nil {
		return false
	}
	tapped := c.taps()
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.ended {
		return true
	}
	c.malformed = 0
	if tapped {
		c.tap(In, event.EventType(), event.correlation(), bytes.Clone(text))
	}
	c.sink.eventReceived(event)
	return true
}

// taps says whether anybody wants to see frames.
func (c *connection) taps() bool {
	return c.listeners.tapped() || c.options.Logger.Enabled(context.Background(), slog.LevelDebug)
}

// textReceived decodes outside the mutex and hands on inside.
func (c *connection) textReceived(l *link, text []byte) {
	f, ok := readFrame(text)
	if !ok {
		c.locked(l, func() { c.malformedReceived(text, len(text)) })
		return
	}
	event, err := f.event()
	if err == nil && fast.learned {
		l.learner.learn(f, event)
	}
	c.locked(l, func() {
		c.malformed = 0
		c.tap(In, f.wire, f.id, text)
		if err != nil {
			c.sink.brokenReceived(err.(*DecodeError))
			return
		}
		if event.EventType() == TypeUnknown {
			c.warnOnce(f.wire, "an event of an unknown type")
		}
		c.sink.eventReceived(event)
	})
}

func (c *connection) malformedReceived(text []byte, size int) {
	c.tapSized(In, "", "", text, size)
	c.malformed++
	c.warnOnce("", "a malformed frame was dropped")
	if c.malformed == malformedLimit {
		c.end(ending{word: "malformed_limit"})
	}
}

// end takes the link down for a reason of the connection machine. The mutex is held.
func (c *connection) end(end ending) {
	l := c.link
	if l == nil {
		return
	}
	c.part(l)
	c.step(end.word, end, nil)
	c.link = nil
	if end.code == 0 {
		end.code = l.outbox.closeWith
	}
	c.sink.linkEnded(end)
}

// close takes the link down and settles everything; see Client.Close.
func (c *connection) close() {
	c.mu.Lock()
	c.sink.closing()
	a, l := c.attempt, c.link
	c.attempt = nil
	c.step("close", ending{}, nil)
	c.discardWaiting()
	if a != nil {
		a.err = newError(leafClientClosed, AgentError{host: c.options.host})
		a.cancel(errors.New("the client was closed"))
		close(a.done)
	}
	if l != nil {
		c.part(l)
		c.link = nil
	}
	running := make([]chan struct{}, 0, len(c.running))
	for done := range c.running {
		running = append(running, done)
	}
	c.mu.Unlock()
	limit := max(c.options.CloseTimeout, partingGrace)
	began := time.Now()
	for _, done := range running {
		<-done // what still runs ends with the socket, which part bounds
	}
	c.listeners.drain(max(limit-time.Since(began), partingGrace))
}

func (c *connection) tap(d Direction, word, requestID string, text []byte) {
	c.tapSized(d, word, requestID, text, len(text))
}

func (c *connection) tapSized(d Direction, word, requestID string, text []byte, size int) {
	if log := c.options.Logger; log.Enabled(context.Background(), slog.LevelDebug) {
		log.Debug("frame", "direction", d, "type", word, "requestId", requestID, "bytes", size)
		if c.options.LogPayloads {
			secrets := eventSecrets
			if d == Out {
				secrets = actionSecrets
			}
			log.Debug("payload", "direction", d, "text", string(withoutSecrets(secrets, word, text)))
		}
	}
	if c.listeners.tapped() {
		at := c.options.Clock.Now()
		tell(c.listeners, &c.listeners.frame, Frame{d, word, requestID, size, at, text})
	}
}

// warnOnce logs a warning for the first of its key. A peer that invents keys cannot grow the set
// without end.
func (c *connection) warnOnce(key, message string) {
	if _, known := c.warned[key]; known || len(c.warned) >= 1024 {
		return
	}
	c.warned[key] = struct{}{}
	c.options.Logger.Warn(message, "type", key)
}
