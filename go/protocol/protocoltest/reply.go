package protocoltest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// ScriptError is what a step that contradicts the protocol panics with, on the line that writes it.
type ScriptError struct{ text string }

// Error says what cannot be, and why.
func (e *ScriptError) Error() string { return "protocoltest: " + e.text }

func refuse(format string, facts ...any) { panic(&ScriptError{fmt.Sprintf(format, facts...)}) }

// Reply is what the agent does with a message: steps that run in order, once per turn. Get one from
// [Server.OnMessage], or from [NewReply] for [ConfirmOptions.Rejected]. Each verb returns the reply. One that
// ends with neither [Reply.Finish] nor [Reply.Error] leaves its turn open.
type Reply struct {
	fits  func(message string) bool
	once  bool
	used  bool
	ended string // the verb that ended it, empty while none did
	steps []step
}

// step does one thing of a turn. The server's mutex is held.
type step struct {
	run func(*turn)
	// cuts says that it ends the link: directly behind a question it does while that is open.
	cuts bool
}

// do is a step that cuts nothing.
func do(run func(*turn)) step { return step{run: run} }

// NewReply returns a reply without a matcher.
func NewReply() *Reply { return &Reply{} }

// Once lets the reply serve a single message; without it a reply serves any number.
func (r *Reply) Once() *Reply {
	r.once = true
	return r
}

// add takes a step, unless the reply has ended. A cut is an end for nobody: with replay the turn goes on.
func (r *Reply) add(steps ...step) *Reply {
	if r.ended != "" {
		refuse("a reply has ended with %s(): no step can follow", r.ended)
	}
	r.steps = append(r.steps, steps...)
	return r
}

// Tokens sends each word as a stream_token, as it is: blanks are the words' own.
func (r *Reply) Tokens(words ...string) *Reply {
	for _, word := range words {
		r.add(do(func(t *turn) { t.token(word) }))
	}
	return r
}

// Reasoning sends each word as a stream_reasoning.
func (r *Reply) Reasoning(words ...string) *Reply {
	for _, word := range words {
		r.add(do(func(t *turn) { t.reasoning(word) }))
	}
	return r
}

// Preamble sends a stream_preamble.
func (r *Reply) Preamble(text string) *Reply { return r.add(do(func(t *turn) { t.preamble(text) })) }

// ChunkFacts are what a stream_chunk shows. The zero value shows the node alone.
type ChunkFacts struct {
	// ToolCalls and ToolResults are shown in a frame each, the calls first.
	ToolCalls   []protocol.ToolCall
	ToolResults []protocol.ToolResult
}

// Chunk sends a stream_chunk of the node; with facts, one for each of them.
func (r *Reply) Chunk(node string, facts ...ChunkFacts) *Reply {
	var shown []any
	for _, f := range facts {
		for _, call := range f.ToolCalls {
			shown = append(shown, map[string]any{"toolCall": call})
		}
		for _, result := range f.ToolResults {
			shown = append(shown, map[string]any{"toolResult": result})
		}
	}
	if len(shown) == 0 {
		return r.add(do(func(t *turn) { t.chunk(node, nil) }))
	}
	for _, one := range shown {
		raw, err := json.Marshal(one)
		if err != nil {
			refuse("a chunk of %s holds what is no JSON", node)
		}
		r.add(do(func(t *turn) { t.chunk(node, raw) }))
	}
	return r
}

// ConfirmOptions are further facts of a confirmation.
type ConfirmOptions struct {
	// ToolID is the tool that waits. Zero value means "fake_tool".
	ToolID string
	// Rejected runs in the place of the steps that follow when the human says no, or nothing in time. Zero
	// value means that the steps go on.
	Rejected *Reply
}

// Confirm asks for a confirmation; the steps go on when it is answered.
func (r *Reply) Confirm(description string, options ...ConfirmOptions) *Reply {
	o := last(options)
	if o.ToolID == "" {
		o.ToolID = "fake_tool"
	}
	if o.Rejected == r {
		refuse("a reply cannot be its own rejection")
	}
	return r.add(do(func(t *turn) {
		t.confirm(o.ToolID, description, func(approved bool) {
			if !approved && o.Rejected != nil {
				t.steps = slices.Clone(o.Rejected.steps)
			}
		})
	}))
}

// OTPOptions are the facts of a one-time code.
type OTPOptions struct {
	// Code is the right one. Zero value means "123456".
	Code string
	// Attempts is how many tries there are, at least 1. Zero value means 3.
	Attempts int
	// Channel is how the code travels. Zero value means email.
	Channel protocol.OTPChannel
	// Masked is where it was sent to. Zero value means "a***@example.com".
	Masked string
	// ToolID is the tool that needs the code. Zero value means "fake_tool".
	ToolID string

	fails bool // to be delivered, as a script can say
}

// OTP asks for a one-time code. The steps go on when the right one came; the last wrong one, and a refusal to
// give one, end the turn with AGENT_ERROR. Toward a client that does not list otp_park the turn ends at
// once, and the message that comes again after the right code goes past this step (REQ-OTP-03).
func (r *Reply) OTP(options ...OTPOptions) *Reply {
	o := last(options)
	if o.Attempts < 0 {
		refuse("otp() needs at least 1 attempt, got %d", o.Attempts)
	}
	if o.Channel != "" && !o.Channel.Known() {
		refuse("otp() knows no channel %q", string(o.Channel))
	}
	o = o.filled()
	return r.add(do(func(t *turn) {
		t.otp(o, func(verified bool) {
			if !verified {
				t.fail("AGENT_ERROR", "The code was not given.")
			}
		})
	}))
}

func (o OTPOptions) filled() OTPOptions {
	for _, preset := range []struct {
		value *string
		text  string
	}{{&o.Code, "123456"}, {&o.Masked, "a***@example.com"}, {&o.ToolID, "fake_tool"}} {
		if *preset.value == "" {
			*preset.value = preset.text
		}
	}
	if o.Attempts == 0 {
		o.Attempts = 3
	}
	if o.Channel == "" {
		o.Channel = protocol.OTPChannelEmail
	}
	return o
}

// Interaction shows a form of a kind, "identity_intake" or "choices", with its spec: a
// [protocol.IdentityIntakeSpec], a [protocol.ChoicesSpec], or what is written as one. Values that the spec does
// not take are answered with interaction_invalid; good ones and a refusal let the steps go on. A client that does
// not list the kind's capability word (a handler of the kind does, and Supports) cannot be asked: the turn ends
// with AGENT_ERROR.
func (r *Reply) Interaction(kind string, spec any) *Reply {
	text, err := json.Marshal(spec)
	if err != nil {
		refuse("the spec of an interaction is no JSON")
	}
	checked, err := formSpec(kind, text)
	if err != nil {
		refuse("interaction(): %s", err.Error())
	}
	word := formWords[kind]
	return r.add(do(func(t *turn) {
		if !t.session.knows(word) {
			t.fail("AGENT_ERROR", fmt.Sprintf("interaction(%s) needs a client that supports %s.", kind, word))
			return
		}
		t.interaction(kind, checked, "The agent asks.", func(any) {})
	}))
}

// Delay sends nothing until the clock has moved by d.
func (r *Reply) Delay(d time.Duration) *Reply {
	if d < 0 {
		refuse("delay() cannot be negative")
	}
	return r.add(do(func(t *turn) { t.delay(d) }))
}

// Error ends the turn with an error event; code is one of the protocol's that end a turn.
func (r *Reply) Error(code, message string) *Reply {
	switch ends, known := endingCodes[code]; {
	case !known:
		refuse("%q is no error code of the protocol", code)
	case !ends:
		refuse("%s never ends a turn (spec/errors.yaml)", code)
	}
	r.add(do(func(t *turn) { t.fail(code, message) }))
	r.ended = "error"
	return r
}

// Cut ends the link of the client here, 1006 without a close frame; directly behind a question, while that is
// open. With replay the turn goes on behind it and is resumed; without, it is lost with the link.
func (r *Reply) Cut(code int) *Reply {
	if !sendable(code) {
		refuse("no peer may end a link with the close code %d", code)
	}
	return r.add(step{cuts: true, run: func(t *turn) {
		if t.holder != nil {
			t.server.part(t.holder, code)
		}
	}})
}

// Malformed sends this text as a frame, as it is.
func (r *Reply) Malformed(text string) *Reply {
	return r.add(do(func(t *turn) {
		if t.holder != nil {
			t.holder.send([]byte(text))
		}
	}))
}

// FinishOptions are the facts of an answer.
type FinishOptions struct {
	// Text is the whole answer. Nil means the tokens, joined.
	Text *string
	// Citations are its sources.
	Citations []protocol.Citation
	// Usage is what the turn spent. Nil means that nothing is told.
	Usage *protocol.Usage
	// Suggestions are next actions for the person.
	Suggestions []string
}

// Finish ends the turn with an eventual_response.
func (r *Reply) Finish(options ...FinishOptions) *Reply {
	o := last(options)
	r.add(do(func(t *turn) { t.finish(o) }))
	r.ended = "finish"
	return r
}

// last returns the options that count.
func last[T any](options []T) (o T) {
	if len(options) > 0 {
		o = options[len(options)-1]
	}
	return o
}

// endingCodes are the codes of spec/errors.yaml, and whether one can end a turn.
var endingCodes = map[string]bool{
	"VALIDATION_ERROR": true, "UNSUPPORTED_ACTION": true, "SESSION_NOT_FOUND": true,
	"CONVERSATION_NOT_FOUND": true, "SKILL_NOT_FOUND": true, "AGENT_NOT_AUTHORIZED": true,
	"ORIGIN_NOT_ALLOWED": true, "AUTH_CONTEXT_INVALID": true, "TURN_IN_PROGRESS": true,
	"NO_PENDING_CONFIRMATION": false, "NO_PENDING_INTERACTION": false, "INTERACTION_MISMATCH": false,
	"RATE_LIMITED": true, "LLM_UNAVAILABLE": true, "AGENT_ERROR": true, "INTERNAL_ERROR": true,
	"STORAGE_ERROR": true, "OTP_SEND_FAILED": false,
}

// sendable says whether a peer can end a link so: with a code that may stand in a frame, with a frame without
// one (1005), or without a frame (1006).
func sendable(code int) bool {
	switch {
	case code == 1004, code == 1010, code == 1015:
		return false
	case code >= 1000 && code <= 1014, code >= 3000 && code <= 4999:
		return true
	}
	return false
}
