package protocol

import (
	"errors"
	"sync"
	"time"
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

// supervisor owns the link of one client: the attempt, the socket, its state and the frames that
// wait for it. Fields are guarded by the client's mutex.
type supervisor struct {
	options   Options
	mu        *sync.Mutex
	listeners *listeners
	sink      sink

	state   linkState
	attempt *attempt
	link    *link
	outbox  outbox
	tap     *frameTap
	watch   *watch
	// running holds the goroutines of attempts and links; close waits for them.
	running map[chan struct{}]struct{}
}

// spawn runs f on a goroutine that close waits for. The mutex is held.
func (s *supervisor) spawn(f func()) {
	done := make(chan struct{})
	s.running[done] = struct{}{}
	go func() {
		defer func() {
			s.mu.Lock()
			delete(s.running, done)
			s.mu.Unlock()
			close(done)
		}()
		f()
	}()
}

// step moves the state machine and reports the move. The mutex is held.
func (s *supervisor) step(word string, end ending, err error) bool {
	change, closeWith, ok := s.state.on(word)
	if !ok {
		return false
	}
	change.CloseCode, change.CloseReason, change.Err = end.code, end.reason, err
	if end.code == 0 {
		change.CloseCode = closeWith
	}
	if closeWith != 0 && s.link != nil {
		s.link.writer.end(closeWith)
	}
	s.options.Logger.Info("link", "from", change.Previous, "to", change.Current, "reason", word)
	tell(s.listeners, &s.listeners.state, change)
	return true
}

// adopt takes over an open socket. The mutex is held.
func (s *supervisor) adopt(t wire) {
	l := newLink(s, t)
	s.link = l
	s.step("opened", ending{}, nil)
	s.outbox.linkReady(l)
	s.spawn(l.read)
	s.spawn(l.write)
}

// submit queues a frame for the link, also for one that an attempt may bring; false without either. The
// mutex is held.
func (s *supervisor) submit(o *outgoing) bool {
	if s.options.Lazy {
		s.begin()
	}
	if s.link == nil && s.state.current != ConnectionStateConnecting {
		o.on("not_connected")
		return false
	}
	s.outbox.put(o)
	return true
}

// end takes the link down for a reason of the connection machine. The mutex is held.
func (s *supervisor) end(end ending) {
	l := s.link
	if l == nil {
		return
	}
	l.part()
	s.step(end.word, end, nil)
	s.link = nil
	if end.code == 0 {
		end.code = l.writer.closeWith
	}
	s.sink.linkEnded(end)
	s.outbox.linkGone(end.word)
}

// close takes the link down and settles everything; see Client.Close.
func (s *supervisor) close() {
	before := s.listeners.call()
	s.mu.Lock()
	s.sink.closing()
	a, l := s.attempt, s.link
	s.attempt = nil
	s.step("close", ending{}, nil)
	s.outbox.linkGone("close")
	if a != nil {
		a.err = newError(leafClientClosed, AgentError{host: s.options.host})
		a.cancel(errors.New("the client was closed"))
		s.watch.attempt(s.options.host, a.err)
		close(a.done)
	}
	if l != nil {
		l.part()
		s.link = nil
	}
	running := make([]chan struct{}, 0, len(s.running))
	for done := range s.running {
		running = append(running, done)
	}
	s.mu.Unlock()
	limit := max(s.options.CloseTimeout, partingGrace)
	began := time.Now()
	for _, done := range running {
		<-done // what still runs ends with the socket, which part bounds
	}
	s.listeners.drain(max(limit-time.Since(began), partingGrace), before)
}
