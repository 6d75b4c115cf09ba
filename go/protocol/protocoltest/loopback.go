package protocoltest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// mostFrame is the largest frame that is read, as with real servers.
const mostFrame = 4 << 20

// loopback is the server on a socket.
type loopback struct {
	server   *Server
	listener net.Listener
	http     *http.Server
	running  sync.WaitGroup
	ctx      context.Context
	stop     context.CancelFunc
}

// Listen opens a free port of 127.0.0.1, or the one that is given, and returns the address, which [Server.URL]
// says too. The clock is the machine's from now on, unless one was given. A second call returns the same
// address.
func (s *Server) Listen(port ...int) (url string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return "", errClosed
	case s.loopback != nil:
		return s.loopback.url(), nil
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", last(port)))
	if err != nil {
		return "", fmt.Errorf("protocoltest: %w", err)
	}
	if !s.given {
		s.virtual, s.clock = nil, machineClock{}
	}
	b := &loopback{server: s, listener: listener}
	b.ctx, b.stop = context.WithCancel(context.Background())
	b.http = &http.Server{Handler: http.HandlerFunc(b.serve), ReadHeaderTimeout: 10 * time.Second}
	s.loopback = b
	b.running.Go(func() { _ = b.http.Serve(listener) }) // it ends by close
	return b.url(), nil
}

// URL returns the address on loopback, empty before [Server.Listen].
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loopback == nil {
		return ""
	}
	return s.loopback.url()
}

func (b *loopback) url() string { return "ws://" + b.listener.Addr().String() + "/ws" }

// close waits until nothing of it runs; the links have been told to end.
func (b *loopback) close() {
	_ = b.listener.Close()
	patience := time.AfterFunc(time.Second, b.stop) // for clients that do not answer a close frame
	defer patience.Stop()
	b.running.Wait()
	_ = b.http.Close()
	b.stop()
}

// begin counts a handler, unless the server is closed: close waits for those that were counted.
func (b *loopback) begin() bool {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	if b.server.closed {
		return false
	}
	b.running.Add(1)
	return true
}

func (b *loopback) serve(w http.ResponseWriter, r *http.Request) {
	if !b.begin() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer b.running.Done()
	l, refused, err := b.server.accept()
	switch {
	case err != nil:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case refused != nil:
		for name, values := range refused.header {
			w.Header()[name] = values
		}
		w.WriteHeader(refused.status)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		b.server.gone(l, 1006)
		return
	}
	conn.SetReadLimit(mostFrame)
	written := make(chan struct{})
	go func() {
		defer close(written)
		b.write(conn, l)
	}()
	code := b.read(conn, l)
	b.server.gone(l, code)
	<-written
	_ = conn.CloseNow()
}

// read hands on what comes, until the link ends; it returns the close code.
func (b *loopback) read(conn *websocket.Conn, l *link) int {
	for {
		kind, text, err := conn.Read(b.ctx)
		if err != nil {
			var told websocket.CloseError
			if errors.As(err, &told) {
				return int(told.Code)
			}
			return 1006
		}
		b.server.receive(l, text, kind == websocket.MessageBinary)
	}
}

// write sends what waits for the link, until it has ended.
func (b *loopback) write(conn *websocket.Conn, l *link) {
	for {
		text, ended, code := l.out.take()
		switch {
		case text != nil:
			if conn.Write(b.ctx, websocket.MessageText, text) != nil {
				return
			}
			continue
		case ended && code == 1006:
			_ = conn.CloseNow()
			return
		case ended:
			_ = conn.Close(websocket.StatusCode(code), "")
			return
		}
		select {
		case <-l.out.more:
		case <-b.ctx.Done():
			return
		}
	}
}

// machineClock is the clock of a server on a socket.
type machineClock struct{}

func (machineClock) Now() time.Time { return time.Now() }

func (machineClock) Wall() time.Time { return time.Now().Round(0) }

func (machineClock) AfterFunc(d time.Duration, f func()) protocol.Timer { return time.AfterFunc(d, f) }
