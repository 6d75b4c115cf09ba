package protocol

import (
	"fmt"
	"strings"
)

// What %v and %#v show of the values of this package: readable, and nothing that is secret
// (REQ-LOG-01). Events, actions and the types of the wire show as their wire text.

// String names the turn, its session and its state.
func (t *Turn) String() string {
	return fmt.Sprintf("protocol.Turn(%s of %s, %s)", t.RequestID(), t.sessionID, t.State())
}

// GoString is String.
func (t *Turn) GoString() string { return t.String() }

// String names the turn that the iterator reads.
func (i *EventIterator) String() string { return "protocol.EventIterator(" + i.turn.RequestID() + ")" }

// GoString is String.
func (i *EventIterator) GoString() string { return i.String() }

// String shows outcome, ids and text.
func (r TurnResult) String() string {
	return fmt.Sprintf("protocol.TurnResult(%s of %s, message %s: %q)", r.Outcome, r.RequestID, r.MessageID, r.Text)
}

// GoString is String.
func (r TurnResult) GoString() string { return r.String() }

// String shows kind and question.
func (q Question) String() string {
	return fmt.Sprintf("protocol.Question(%s, for %s: %v)", q.Kind, q.ExpiresIn, q.Event)
}

// GoString is String.
func (q Question) GoString() string { return q.String() }

// String shows what became of the code, never the code.
func (c OTPCheck) String() string {
	parts := []string{fmt.Sprintf("verified %t", c.Verified)}
	if c.Declined {
		parts = append(parts, "declined")
	}
	if c.AttemptsRemaining != nil {
		parts = append(parts, fmt.Sprintf("%d attempts remaining", *c.AttemptsRemaining))
	}
	if c.Error != nil {
		parts = append(parts, string(*c.Error))
	}
	return "protocol.OTPCheck(" + strings.Join(append(parts, c.Message), ", ") + ")"
}

// GoString is String.
func (c OTPCheck) GoString() string { return c.String() }
