package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// attempt is one run of connect, shared by all who wait for it (REQ-CONN-03).
type attempt struct {
	done   chan struct{}
	err    error // valid once done is closed
	cancel context.CancelCauseFunc
}

// connect opens the link or joins the attempt that runs. Who stops waiting ends the wait, not the
// attempt (REQ-CONN-26).
func (s *supervisor) connect(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	s.begin()
	a := s.attempt
	if a == nil {
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin starts an attempt, unless there is one or a link. The mutex is held.
func (s *supervisor) begin() {
	if !s.step("connect", ending{}, nil) {
		return
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	a := &attempt{done: make(chan struct{}), cancel: cancel}
	s.attempt = a
	s.spawn(func() { s.run(ctx, a) })
}

func (s *supervisor) run(ctx context.Context, a *attempt) {
	defer a.cancel(nil)
	limit := s.options.ConnectTimeout
	if limit > 0 {
		late := fmt.Errorf("no link within %s", limit)
		defer s.options.Clock.AfterFunc(limit, func() { a.cancel(late) }).Stop()
	}
	t, err := s.open(ctx)
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
		a.err = s.attemptError(ctx, err)
		s.step("connect_failed", ending{}, a.err)
		s.sink.attemptFailed(a.err)
		s.outbox.linkGone("connect_failed")
	} else {
		s.adopt(t)
	}
	s.watch.attempt(s.options.host, a.err)
	close(a.done)
}

// open makes the attempt: token, then handshake.
func (s *supervisor) open(ctx context.Context) (wire, error) {
	token, err := s.token(ctx)
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
		socket, err := s.options.Opener(ctx, OpenRequest{url, header, s.options.MaxMessageBytes})
		if err != nil {
			return nil, &outsideError{"the opener failed", err}
		}
		return &openedSocket{socket, s.options.MaxMessageBytes, func() {}}, nil
	}
	t, err := dial(ctx, dialing{url: url, header: header, caPEM: s.options.CACertPEM, limit: s.options.MaxMessageBytes})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (s *supervisor) token(ctx context.Context) (string, error) {
	if s.options.TokenSource == nil {
		return s.options.Token, nil
	}
	type answer struct {
		token string
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		token, err := s.options.TokenSource(ctx)
		answered <- answer{token, err}
	}()
	select {
	case got := <-answered:
		if got.err != nil {
			return "", &outsideError{"the token source failed", got.err}
		}
		return got.token, s.options.checkToken("the token of Options.TokenSource", got.token)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// failedAttempt is the error of something that waited for an attempt: the attempt's own, under the
// waiter's ids (REQ-CONN-04).
func failedAttempt(err error, facts AgentError) error {
	var failed *ConnectError
	if !errors.As(err, &failed) {
		return err
	}
	own := *failed.AgentError
	own.RequestID, own.SessionID, own.PartialText = facts.RequestID, facts.SessionID, facts.PartialText
	return &ConnectError{&own, failed.Body, failed.ServerRequestID}
}

// attemptError says why an attempt failed (REQ-CONN-12, REQ-CONN-22, REQ-CONN-23).
func (s *supervisor) attemptError(ctx context.Context, cause error) error {
	if errors.Is(cause, ErrInvalidArgument) {
		return cause
	}
	if Kind(cause) == ErrorKindAuthentication {
		return cause // of the token source
	}
	facts, class := AgentError{cause: cause, host: s.options.host}, leafConnectFailed
	if ctx.Err() != nil {
		// Our own context ended it: the reason must not look like the caller's context.
		facts.cause = context.Cause(ctx)
		facts.reason = facts.cause.Error()
		return &ConnectError{AgentError: newError(class, facts)}
	}
	var outside *outsideError
	if errors.As(cause, &outside) {
		facts.cause, facts.reason = outside.cause, outside.what
		return &ConnectError{AgentError: newError(class, facts)}
	}
	var refused *handshakeError
	if !errors.As(cause, &refused) {
		return &ConnectError{AgentError: newError(class, facts)}
	}
	facts.cause, facts.Status, facts.RetryAfter = refused.cause, refused.status, refused.retryAfter
	facts.reason = reasonOf(refused.cause)
	row := httpStatusOf(refused.status)
	if row != nil {
		class = leafOfKind[ErrorKind(row.kind)]
		facts.Details = refused.details()
	}
	err := &ConnectError{newError(class, facts), refused.body, refused.requestID}
	if err.Retryable = !refused.final; row != nil {
		err.Retryable = row.retry == "yes"
	}
	return err
}

// details is what the answer says beside its status, wire-named.
func (e *handshakeError) details() json.RawMessage {
	details, _ := json.Marshal(struct {
		Body      string `json:"body,omitempty"`
		RequestID string `json:"requestId,omitempty"`
	}{e.body, e.requestID}) // two strings: nothing in it can fail
	return details
}

// outsideError is the failure of something that the application gave.
type outsideError struct {
	what  string
	cause error
}

func (e *outsideError) Error() string { return e.what }

func (e *outsideError) Unwrap() error { return e.cause }
