package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// outlook says whether another attempt may help, and when (REQ-CONN-30).
type outlook struct {
	retry string // yes, no or renew, as the table of close codes has it
	// backoffFrom is the least number that the backoff counts from.
	backoffFrom int
	// hint is what the server asked to wait, nil where it did not.
	hint *time.Duration
}

var hopeless, hopeful = outlook{retry: "no"}, outlook{retry: "yes"}

// afterClose returns what the close code of a link says about another one.
func afterClose(code int) outlook { return byRow(closeCodeOf(code), nil) }

func byRow(row *closeCodeRow, hint *time.Duration) outlook {
	if row == nil {
		return hopeless
	}
	return outlook{row.retry, row.backoffFrom, hint}
}

// failedAttempt is the error of something that waited for an attempt: the attempt's own, under the
// waiter's ids (REQ-CONN-04).
func failedAttempt(err error, facts AgentError) error {
	var agent *AgentError
	if !errors.As(err, &agent) {
		return err
	}
	own := *agent
	own.RequestID, own.SessionID, own.PartialText = facts.RequestID, facts.SessionID, facts.PartialText
	var failed *ConnectError
	if errors.As(err, &failed) && failed.AgentError == agent {
		return &ConnectError{&own, failed.Body, failed.ServerRequestID}
	}
	return &own
}

// attemptError says why an attempt failed, and whether another one may help (REQ-CONN-12, REQ-CONN-22,
// REQ-CONN-23, REQ-CONN-30).
func (s *supervisor) attemptError(ctx context.Context, cause error) (outlook, error) {
	facts := AgentError{cause: cause, host: s.options.host}
	var outside *outsideError
	var refused *handshakeError
	switch {
	case errors.Is(cause, ErrInvalidArgument):
		return hopeless, cause
	case ctx.Err() != nil:
		// Our own context ended it: the reason must not look like the caller's context.
		facts.cause = context.Cause(ctx)
		facts.reason = facts.cause.Error()
	case errors.As(cause, &outside):
		facts.cause, facts.reason = outside.cause, outside.what
		if outside.token && errors.Is(outside.cause, ErrAuthentication) {
			facts.reason = ""
			return hopeless, &ConnectError{AgentError: newError(leafAuthentication, facts)}
		}
	case errors.As(cause, &refused):
		return s.refusedError(refused, facts)
	}
	return hopeful, &ConnectError{AgentError: newError(leafConnectFailed, facts)}
}

// refusedError is a handshake that did not give a link.
func (s *supervisor) refusedError(refused *handshakeError, facts AgentError) (outlook, error) {
	class, then := leafConnectFailed, hopeful
	facts.cause, facts.Status, facts.RetryAfter = refused.cause, refused.status, refused.retryAfter
	facts.reason = reasonOf(refused.cause)
	row := httpStatusOf(refused.status)
	if row != nil {
		class, then = leafOfKind[ErrorKind(row.kind)], byRow(row, refused.retryAfter)
		facts.Details = refused.details()
	} else if refused.final || refused.status != 0 {
		then = hopeless
	}
	err := &ConnectError{newError(class, facts), refused.body, refused.requestID}
	err.Retryable = then.retry == "yes"
	return then, err
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
	token bool // of the token source
	cause error
}

func (e *outsideError) Error() string { return e.what }

func (e *outsideError) Unwrap() error { return e.cause }
