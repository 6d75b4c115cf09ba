package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Outcome is how a turn ended well. A failed turn has an error instead.
type Outcome string

// Outcomes of a turn.
const (
	OutcomeCompleted Outcome = "completed"
	OutcomeCancelled Outcome = "cancelled"
)

// ErrInvalidArgument is what misuse matches: a malformed option, a requestId that is in flight
// already. Nothing was sent (REQ-ERR-05).
var ErrInvalidArgument = errors.New("protocol: invalid argument")

func invalidArgument(what string) error { return fmt.Errorf("%w: %s", ErrInvalidArgument, what) }

// AgentError is an error of the protocol or of the link (REQ-ERR-01). errors.As finds it in every
// error of a client that is neither misuse nor the caller's own context.
//
// It matches the sentinels of its class with errors.Is, and os.ErrDeadlineExceeded when it is a
// timeout. Its text holds no secret and nothing that a person or the server said (REQ-ERR-04).
type AgentError struct {
	// Kind is the stable word of the family, equal in all languages.
	Kind ErrorKind
	// Code is what the server sent, empty when the client made the error.
	Code string
	// ServerMessage is the server's own sentence, for a developer; it is no part of Error.
	ServerMessage string
	// Retryable says whether the same action may succeed later without a change.
	Retryable bool
	// RequestID is the action or turn that failed, SessionID its session.
	RequestID string
	SessionID string
	// Details are the further facts of the server's error event, as received.
	Details json.RawMessage
	// Status is the HTTP status of a refused handshake, or that of a response of 400 and above.
	Status int
	// RetryAfter is how long the server asks to wait; nil when it does not say, which is not the same
	// as a wait of zero.
	RetryAfter *time.Duration
	// CloseCode is the close code of the link, when its end was the cause (REQ-CONN-15).
	CloseCode int
	// CloseReason is what the peer's close frame says beside CloseCode; it is no part of Error.
	CloseReason string
	// PartialText is what a turn had streamed before it failed (REQ-TURN-18).
	PartialText string
	// Question is the question of a turn that was open when it failed; empty when there was none.
	Question QuestionKind

	leaf  *leaf
	cause error
	// host, reason and limit fill places of the text.
	host   string
	reason string
	limit  int64
}

// Error says what happened, to whom, and what to do; its text is that of the specification
// (REQ-ERR-07).
func (e *AgentError) Error() string {
	places := map[string]string{
		"host": e.host, "code": e.Code, "request_id": e.RequestID, "session_id": e.SessionID, "reason": e.reason,
	}
	if places["host"] == "" {
		places["host"] = "the server"
	}
	for name, number := range map[string]int64{"close": int64(e.CloseCode), "status": int64(e.Status), "limit": e.limit} {
		if number != 0 {
			places[name] = strconv.FormatInt(number, 10)
		}
	}
	return "protocol: " + errorText(e.leaf.name, places)
}

// GoString is Error: what %#v shows holds no text of a person.
func (e *AgentError) GoString() string { return e.Error() }

// Unwrap returns the cause, nil when there is none.
func (e *AgentError) Unwrap() error { return e.cause }

// Is matches the sentinels of the class and, for a timeout, os.ErrDeadlineExceeded.
func (e *AgentError) Is(target error) bool {
	if class, ok := target.(*leaf); ok {
		return e.leaf.is(class)
	}
	return target == os.ErrDeadlineExceeded && e.Timeout()
}

// Timeout reports whether a limit of the client made the error.
func (e *AgentError) Timeout() bool { return e.leaf.is(leafTimeout) }

// ConnectError is the failure of an attempt: kind connect_failed or authentication.
type ConnectError struct {
	*AgentError
	// Body is the first 4,096 bytes of what a refused handshake was answered with, as text.
	Body string
	// ServerRequestID is the header x-request-id of that answer.
	ServerRequestID string
}

// Unwrap returns the AgentError.
func (e *ConnectError) Unwrap() error { return e.AgentError }

// TurnInterruptedError says that the link ended in mid-turn, and that the turn could not be taken up on
// another one. The message is not sent again (REQ-TURN-20). Code is that of the error by which the server
// refused to go on, where it did (REQ-RESUME-05).
type TurnInterruptedError struct {
	*AgentError
	// Sent says whether the message was handed to the socket.
	Sent bool
	// State is what the server said of a turn that does not go on (REQ-RESUME-04), [ResumeStateGone] also
	// when it has fewer events than the client; empty when it was not asked or did not say.
	State ResumeState

	recovery func(context.Context) (*Recovery, error)
}

// Unwrap returns the AgentError.
func (e *TurnInterruptedError) Unwrap() error { return e.AgentError }

// ProtocolError is an error that the server reported; its Code is kept, known or not.
type ProtocolError struct{ *AgentError }

// Unwrap returns the AgentError.
func (e *ProtocolError) Unwrap() error { return e.AgentError }

// InvalidFrameError says that a frame that had to be understood was broken (REQ-WIRE-03).
type InvalidFrameError struct {
	*AgentError
	// WireType is the type of the frame.
	WireType string
	// Problem says how it is broken and where.
	Problem Problem
}

// Unwrap returns the AgentError.
func (e *InvalidFrameError) Unwrap() error { return e.AgentError }

// UnexpectedEventError says that a call was answered by an event of another type, or that a page
// cursor repeated.
type UnexpectedEventError struct {
	*AgentError
	// Event is the answer; nil for a cursor.
	Event Event
}

// Unwrap returns the AgentError.
func (e *UnexpectedEventError) Unwrap() error { return e.AgentError }

// MessageTooLargeError says that a message was over the limit.
type MessageTooLargeError struct {
	*AgentError
	// Size of the message in bytes, 0 when it is not known.
	Size int64
	// Limit in bytes.
	Limit int64
}

// Unwrap returns the AgentError.
func (e *MessageTooLargeError) Unwrap() error { return e.AgentError }

// Kind returns the stable word for an error: that of its AgentError, ErrorKindInvalidArgument for
// misuse, ErrorKindNativeCancelled when it is the caller's own context that ended; else "".
func Kind(err error) ErrorKind {
	var agent *AgentError
	switch {
	case errors.As(err, &agent):
		return agent.Kind
	case errors.Is(err, ErrInvalidArgument):
		return ErrorKindInvalidArgument
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ErrorKindNativeCancelled
	}
	return ""
}

// newError makes an error of a class; the facts give everything else.
func newError(class *leaf, facts AgentError) *AgentError {
	facts.Kind, facts.Retryable, facts.leaf = class.kind, class.retryable, class
	return &facts
}

// serverError is what an error event reports (REQ-ERR-02, REQ-ERR-03).
func serverError(event *ErrorEvent, facts AgentError) error {
	row := lookupCode(event.Code)
	facts.Code, facts.ServerMessage, facts.Details = event.Code, event.Message, event.Details
	facts.RetryAfter = hintOf(event)
	err := newError(row.leaf, facts)
	err.Retryable = row.retryable
	return &ProtocolError{err}
}

// hintOf is how long the server asks to wait, nil where it does not say.
func hintOf(event *ErrorEvent) *time.Duration {
	if event.RetryAfterMs == nil {
		return nil
	}
	return new(time.Duration(*event.RetryAfterMs) * time.Millisecond)
}

// statusError is what a response of 400 and above means.
func statusError(status int64, facts AgentError) error {
	facts.Status = int(status)
	return &ProtocolError{newError(leafProtocol, facts)}
}

// frameError is what a broken frame means for the work that needed it.
func frameError(broken *DecodeError, facts AgentError) error {
	facts.cause, facts.reason = broken, broken.Pointer
	return &InvalidFrameError{newError(leafInvalidFrame, facts), broken.WireType, broken.Problem}
}

// disorderError is what an event out of its place means for its turn (REQ-RESUME-06).
func disorderError(wireType string, facts AgentError) error {
	facts.reason = wireType + " out of its place"
	return &InvalidFrameError{AgentError: newError(leafInvalidFrame, facts), WireType: wireType}
}
