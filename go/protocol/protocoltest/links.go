package protocoltest

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// link is one link as the server sees it; open, with number and server, is guarded by the server's mutex.
type link struct {
	number int
	open   bool
	out    queue
}

// queue holds what waits for a link's reader, and the end behind it.
type queue struct {
	mu    sync.Mutex
	texts [][]byte
	ended bool
	code  int
	more  chan struct{}
}

func (q *queue) put(change func()) {
	q.mu.Lock()
	change()
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// take returns the next text, or the end; more is to be waited for when it gives neither.
func (q *queue) take() (text []byte, ended bool, code int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.texts) > 0 {
		text, q.texts = q.texts[0], q.texts[1:]
		return text, false, 0
	}
	return nil, q.ended, q.code
}

func (l *link) send(text []byte) {
	l.out.put(func() {
		if !l.out.ended {
			l.out.texts = append(l.out.texts, text)
		}
	})
}

// accept opens a link, or says what its handshake is refused with.
func (s *Server) accept() (*link, *answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errClosed
	}
	if len(s.refusals) > 0 {
		refused := s.refusals[0]
		s.refusals = s.refusals[1:]
		return nil, &refused, nil
	}
	s.opened++
	l := &link{number: s.opened, open: true, out: queue{more: make(chan struct{}, 1)}}
	s.links = append(s.links, l)
	if s.cassette != nil {
		s.cassette.greet(s, l)
	}
	return l, nil, nil
}

// part ends a link from the server's side. The server's mutex is held.
func (s *Server) part(l *link, code int) {
	if !l.open {
		return
	}
	l.open = false
	s.links = slices.DeleteFunc(s.links, func(one *link) bool { return one == l })
	l.out.put(func() {
		if !l.out.ended {
			l.out.ended, l.out.code = true, code
		}
	})
	for _, c := range s.state.inOrder {
		for _, t := range c.turns {
			if t.holder == l {
				t.orphaned()
			}
		}
	}
}

// gone takes note that the client has ended a link.
func (s *Server) gone(l *link, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part(l, code)
}

// open is the opener of the server's clients.
func (s *Server) open(_ context.Context, _ protocol.OpenRequest) (protocol.Socket, error) {
	l, refused, err := s.accept()
	switch {
	case err != nil:
		return nil, err
	case refused != nil:
		return nil, &protocol.RefusedError{Status: refused.status, Header: refused.header}
	}
	return &memorySocket{server: s, link: l, over: make(chan struct{})}, nil
}

// memorySocket is the client's end of a link without a network.
type memorySocket struct {
	server *Server
	link   *link
	once   sync.Once
	over   chan struct{}
}

var errDropped = errors.New("protocoltest: the link was dropped")

func (m *memorySocket) Read() ([]byte, bool, error) {
	for {
		select {
		case <-m.over:
			return nil, false, errDropped
		default:
		}
		text, ended, code := m.link.out.take()
		switch {
		case text != nil:
			return text, false, nil
		case ended && code == 1006:
			return nil, false, io.ErrUnexpectedEOF
		case ended:
			return nil, false, &protocol.CloseError{Code: code}
		}
		select {
		case <-m.link.out.more:
		case <-m.over:
		}
	}
}

func (m *memorySocket) Write(text []byte) error {
	m.server.receive(m.link, slices.Clone(text), false)
	return nil
}

func (m *memorySocket) Close(code int) error {
	m.server.gone(m.link, code) // the peer answers at once
	return nil
}

func (m *memorySocket) Abort() {
	m.once.Do(func() {
		close(m.over)
		m.server.gone(m.link, 1006)
	})
}
