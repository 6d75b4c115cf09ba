package protocol

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// attempt is one run of connect, shared by all who wait for it (REQ-CONN-03).
type attempt struct {
	done    chan struct{}
	err     error // valid once done is closed
	cancel  context.CancelCauseFunc
	waiters int
}

// connect opens the link or joins the attempt that runs. The last one who stops waiting ends the
// attempt.
func (c *connection) connect(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	c.begin()
	a := c.attempt
	if a == nil {
		c.mu.Unlock()
		return nil
	}
	a.waiters++
	c.mu.Unlock()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		c.mu.Lock()
		a.waiters--
		if a.waiters == 0 && len(c.waiting) == 0 {
			a.cancel(errors.New("nobody waits for the attempt any more"))
		}
		c.mu.Unlock()
		return ctx.Err()
	}
}

// begin starts an attempt, unless there is one or a link. The mutex is held.
func (c *connection) begin() {
	if !c.step("connect", 0, nil) {
		return
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	a := &attempt{done: make(chan struct{}), cancel: cancel}
	c.attempt, c.malformed = a, 0
	c.spawn(func() { c.run(ctx, a) })
}

func (c *connection) run(ctx context.Context, a *attempt) {
	defer a.cancel(nil)
	limit := c.options.ConnectTimeout
	if limit > 0 {
		late := fmt.Errorf("no link within %s", limit)
		defer c.options.Clock.AfterFunc(limit, func() { a.cancel(late) }).Stop()
	}
	t, err := c.open(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.attempt != a { // closed meanwhile
		if err == nil {
			t.abort()
		}
		return
	}
	c.attempt = nil
	if err != nil {
		a.err = attemptError(ctx, err)
		c.step("connect_failed", 0, a.err)
		c.discardWaiting()
		c.sink.attemptFailed(a.err)
	} else {
		c.adopt(t)
	}
	close(a.done)
}

// open makes the attempt: token, then handshake.
func (c *connection) open(ctx context.Context) (*transport, error) {
	token, err := c.token(ctx)
	if err != nil {
		return nil, err
	}
	header := c.options.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if c.options.Origin != "" {
		header.Set("Origin", c.options.Origin)
	}
	if token != "" && c.options.TokenIn == TokenInHeader {
		header.Set("Authorization", "Bearer "+token)
		token = ""
	}
	return dial(ctx, dialing{
		url:    address(c.options.URL, token),
		header: header,
		caPEM:  c.options.CACertPEM,
		limit:  c.options.MaxMessageBytes,
	})
}

func (c *connection) token(ctx context.Context) (string, error) {
	if c.options.TokenSource == nil {
		return c.options.Token, nil
	}
	type answer struct {
		token string
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		token, err := c.options.TokenSource(ctx)
		answered <- answer{token, err}
	}()
	select {
	case got := <-answered:
		return got.token, got.err
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
	return &ConnectError{&own}
}

// attemptError says why an attempt failed (REQ-CONN-12).
func attemptError(ctx context.Context, cause error) error {
	facts, class := AgentError{cause: cause}, leafConnectFailed
	var refused *handshakeError
	if errors.As(cause, &refused) {
		facts.Status, facts.cause = refused.status, refused.cause
		if refused.status == http.StatusUnauthorized {
			class = leafAuthentication
		}
	}
	if ctx.Err() != nil {
		// Our own context ended it: the reason must not look like the caller's context.
		facts.cause = context.Cause(ctx)
	}
	return &ConnectError{newError(class, facts)}
}
