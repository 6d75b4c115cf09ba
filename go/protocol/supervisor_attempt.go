package protocol

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// errPanicked is what code of the application failed with that panicked.
var errPanicked = errors.New("it panicked")

// attempt is one run to open a link.
type attempt struct{ cancel context.CancelCauseFunc }

// waiting is what those in Connect wait for, all together (REQ-CONN-03).
type waiting struct {
	done chan struct{}
	err  error // valid once done is closed
}

// connect opens the link, joins the attempt that runs, or ends the wait before the next one (REQ-CONN-35).
// Who stops waiting ends the wait, not the attempt (REQ-CONN-26).
func (s *supervisor) connect(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	s.seek()
	if !s.state.sought() {
		s.mu.Unlock()
		return nil
	}
	if s.waited == nil {
		s.waited = &waiting{done: make(chan struct{})}
	}
	w := s.waited
	s.mu.Unlock()
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer tells those who wait in connect what came of it. The mutex is held.
func (s *supervisor) answer(err error) {
	if w := s.waited; w != nil {
		s.waited = nil
		w.err = err
		close(w.done)
	}
}

// seek begins to seek a link, or ends the wait before the next attempt. The mutex is held.
func (s *supervisor) seek() {
	if s.state.over() {
		s.seeking.begin()
	}
	s.happens("connect")
}

// beginAttempt begins the attempt that follows the step, if one does. The mutex is held.
func (s *supervisor) beginAttempt() {
	reason, follows := s.seeking.take()
	if !follows {
		return
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	a, before := &attempt{cancel}, s.before
	s.attempt, s.before = a, nil
	s.spawn(func() { s.run(ctx, a, reason, before) })
}

func (s *supervisor) run(ctx context.Context, a *attempt, reason TokenReason, before *link) {
	defer a.cancel(nil)
	limit := s.options.ConnectTimeout
	if limit > 0 {
		late := fmt.Errorf("no link within %s", limit)
		defer s.options.Clock.AfterFunc(limit, func() { a.cancel(late) }).Stop()
	}
	if before != nil {
		before.drop()
	}
	t, err := s.open(ctx, reason)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.attempt != a { // closed meanwhile
		if err == nil {
			t.abort()
		}
		return
	}
	s.attempt = nil
	if err != nil {
		s.failed(s.attemptError(ctx, err))
		return
	}
	s.adopt(t)
	s.watch.attempt(s.options.host, nil)
}

// failed takes note of an attempt that failed. The mutex is held.
func (s *supervisor) failed(o outlook, err error) {
	s.seeking.err = err
	s.watch.attempt(s.options.host, err)
	n := s.step("connect_failed", o, ending{}, err)
	if !n.told {
		s.log(n)
	}
	s.outbox.linkGone(n.word, s.state.sought())
	if s.state.current != ConnectionStateConnecting {
		s.answer(n.err)
	}
	s.sink.attemptFailed(n.err, s.state.sought())
	s.beginAttempt()
}

// open makes the attempt: token, then handshake.
func (s *supervisor) open(ctx context.Context, reason TokenReason) (wire, error) {
	token, err := s.token(ctx, reason)
	if err != nil {
		return nil, err
	}
	header := s.options.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if s.options.Origin != "" {
		header.Set("Origin", s.options.Origin)
	}
	if token != "" && s.options.TokenIn == TokenInHeader {
		header.Set("Authorization", "Bearer "+token)
		token = ""
	}
	url := address(s.options.URL, token)
	if s.options.Opener != nil {
		return s.openOutside(ctx, OpenRequest{url, header, s.options.MaxMessageBytes})
	}
	t, err := dial(ctx, dialing{url: url, header: header, caPEM: s.options.CACertPEM, limit: s.options.MaxMessageBytes})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (s *supervisor) openOutside(ctx context.Context, request OpenRequest) (wire, error) {
	var socket Socket
	err := errPanicked
	guarded(s.options.Logger, "Options.Opener", func() { socket, err = s.options.Opener(ctx, request) })
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return nil, refused.handshake()
	case err != nil:
		return nil, &outsideError{what: "the opener failed", cause: err}
	}
	return &openedSocket{socket, s.options.MaxMessageBytes, func() {}}, nil
}

func (s *supervisor) token(ctx context.Context, reason TokenReason) (string, error) {
	if s.options.TokenSource == nil {
		return s.options.Token, nil
	}
	type answer struct {
		token string
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		got := answer{err: errPanicked}
		guarded(s.options.Logger, "Options.TokenSource", func() {
			got.token, got.err = s.options.TokenSource(ctx, TokenRequest{reason})
		})
		answered <- got
	}()
	select {
	case got := <-answered:
		if got.err != nil {
			return "", &outsideError{"the token source failed", true, got.err}
		}
		return got.token, s.options.checkToken("the token of Options.TokenSource", got.token)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
