package protocol

import (
	"errors"
	"sync"
	"time"
)

const flushLimit = time.Second

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
	waiting []*outgoing
	tap     *frameTap
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
		s.link.outbox.end(closeWith)
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
	waiting := s.waiting
	s.waiting = nil
	for _, o := range waiting {
		l.hand(o)
	}
	s.spawn(l.read)
	s.spawn(l.write)
}

// submit hands a frame to the link, or keeps it until the attempt ends; false without a link. The
// mutex is held.
func (s *supervisor) submit(o *outgoing) bool {
	if s.options.Lazy {
		s.begin()
	}
	switch {
	case s.link != nil:
		s.link.hand(o)
	case s.state.current == StateConnecting:
		s.waiting = append(s.waiting, o)
	default:
		return false
	}
	return true
}

func (s *supervisor) discardWaiting() {
	waiting := s.waiting
	s.waiting = nil
	for _, o := range waiting {
		o.finish()
	}
}

// flush waits until the frames that are queued now were handed to the socket, at most 1s.
func (s *supervisor) flush() {
	s.mu.Lock()
	var empty <-chan struct{}
	if s.link != nil {
		empty = s.link.outbox.emptied()
	}
	s.mu.Unlock()
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
		end.code = l.outbox.closeWith
	}
	s.sink.linkEnded(end)
}

// close takes the link down and settles everything; see Client.Close.
func (s *supervisor) close() {
	s.mu.Lock()
	s.sink.closing()
	a, l := s.attempt, s.link
	s.attempt = nil
	s.step("close", ending{}, nil)
	s.discardWaiting()
	if a != nil {
		a.err = newError(leafClientClosed, AgentError{host: s.options.host})
		a.cancel(errors.New("the client was closed"))
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
	s.listeners.drain(max(limit-time.Since(began), partingGrace))
}
