package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ErrDeclined is what a handler of a code or of an interaction returns to decline (REQ-ASK-04).
var ErrDeclined = errors.New("protocol: declined")

// ConfirmAsk is a confirmation that a handler answers (REQ-ASK-02).
type ConfirmAsk struct {
	RequestID string
	SessionID string
	// ToolID is the tool that waits for the answer.
	ToolID string
	// ActionDescription is what it is about to do, for a human.
	ActionDescription string
	// Event is the event that asked.
	Event *WriteConfirmationRequired
}

// OTPAsk is a one-time code that a handler gives (REQ-ASK-02, REQ-ASK-03).
type OTPAsk struct {
	RequestID string
	SessionID string
	// ToolID is the tool that needs the code, empty when the server did not say.
	ToolID string
	// ActionDescription is what the code is needed for, for a human; empty when the server did not say.
	ActionDescription string
	// AvailableChannels are the ways by which a code can travel, AuthLevel is the level of proof that is
	// needed; empty when the server did not say.
	AvailableChannels []OTPChannel
	AuthLevel         string
	// Channel is how the code travels, empty when nothing said that it was sent.
	Channel OTPChannel
	// MaskedDestination is where it was sent to, as far as it may be shown.
	MaskedDestination string
	// AttemptsRemaining is how many tries are left after a wrong code; nil with the first call.
	AttemptsRemaining *int64
	// Error is why the code before was not accepted; nil when the server did not say.
	Error *OTPInvalidReason
	// Message is what the server says of the code before, for a human.
	Message string
	// Event is the event that asked, *OTPVerificationRequired, or told where the code went, *OTPSent.
	Event Event
}

// Prompt returns what a human may be shown: the server's words, or where the code went.
func (a OTPAsk) Prompt() string {
	switch {
	case a.Message != "":
		return a.Message
	case a.ActionDescription != "":
		return a.ActionDescription
	}
	return a.MaskedDestination
}

// InteractionAsk is an interaction that a handler answers (REQ-ASK-02, REQ-ASK-03).
type InteractionAsk struct {
	RequestID     string
	SessionID     string
	InteractionID string
	Kind          string
	// Spec is what is asked for, as the server wrote it.
	Spec json.RawMessage
	// Reason is why, for a human.
	Reason string
	// Errors are what was wrong with the values before; nil with the first call.
	Errors []FieldError
	// Message is what the server says of the values before, for a human.
	Message string
	// Event is the event that asked.
	Event *InteractionRequired
}

// ConfirmHandler returns true to approve, false to deny. An error denies, and fails the turn.
type ConfirmHandler func(ctx context.Context, ask ConfirmAsk) (approved bool, err error)

// OTPHandler returns the code as it was typed, or [ErrDeclined].
type OTPHandler func(ctx context.Context, ask OTPAsk) (code string, err error)

// InteractionHandler returns the values, a map or struct that is written as a JSON object, or
// [ErrDeclined].
type InteractionHandler func(ctx context.Context, ask InteractionAsk) (values any, err error)

// Handlers answer the questions of turns in place of verbs (REQ-ASK-01). They are given to a client, a
// conversation or a message; for each kind of question the nearest one counts. The zero value answers
// none.
//
// Each call has a goroutine of its own, one of a turn at a time. Its context ends when the answer can no
// longer count; it has the values of the context of the send. A handler that returns an error, returns
// what is no answer, panics, or takes longer than [Options.HandlerTimeout] never approves: the turn fails
// with an error that matches [ErrHandler], wraps what the handler returned, and names the question
// (REQ-ASK-07).
type Handlers struct {
	// Confirm answers confirmations.
	Confirm ConfirmHandler
	// OTP gives one-time codes.
	OTP OTPHandler
	// Interaction answers interactions, by their kind. Those of a client and of a conversation are listed
	// as capability words with new sessions (REQ-CALL-07).
	Interaction map[string]InteractionHandler
}

// String names what is answered.
func (h Handlers) String() string {
	var kinds []string
	if h.Confirm != nil {
		kinds = append(kinds, string(QuestionKindConfirmation))
	}
	if h.OTP != nil {
		kinds = append(kinds, string(QuestionKindOTP))
	}
	kinds = append(kinds, slices.Sorted(maps.Keys(h.Interaction))...)
	return "protocol.Handlers(" + strings.Join(kinds, ", ") + ")"
}

// GoString is String.
func (h Handlers) GoString() string { return h.String() }

// check refuses a kind of interaction without a function (REQ-ERR-05).
func (h *Handlers) check() error {
	for kind, handler := range h.Interaction {
		if handler == nil {
			return invalidArgument("Handlers.Interaction has no function for the kind " + strconv.Quote(kind))
		}
	}
	return nil
}

// words returns the capability words that the kinds of interactions stand for (REQ-CALL-07).
func (h *Handlers) words() []string {
	var words []string
	for _, row := range capabilityRows {
		if slices.ContainsFunc(row.impliedBy, func(why string) bool {
			kind, ok := strings.CutPrefix(why, "handler ")
			return ok && h.Interaction[kind] != nil
		}) {
			words = append(words, row.word)
		}
	}
	return words
}

// merged returns what counts of two levels, the nearer one last (REQ-ASK-01).
func merged(far, near *Handlers) *Handlers {
	if near.Confirm == nil && near.OTP == nil && len(near.Interaction) == 0 {
		return far
	}
	both := *far
	if near.Confirm != nil {
		both.Confirm = near.Confirm
	}
	if near.OTP != nil {
		both.OTP = near.OTP
	}
	both.Interaction = make(map[string]InteractionHandler, len(far.Interaction)+len(near.Interaction))
	maps.Copy(both.Interaction, far.Interaction)
	maps.Copy(both.Interaction, near.Interaction)
	return &both
}

// has says whether there is a handler for what an event asks.
func (h *Handlers) has(kind QuestionKind, event Event) bool {
	switch kind {
	case QuestionKindConfirmation:
		return h.Confirm != nil
	case QuestionKindOTP:
		return h.OTP != nil
	}
	asked, ok := event.(*InteractionRequired)
	return ok && h.Interaction[asked.Kind] != nil
}
