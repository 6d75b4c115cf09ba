package protocol

import (
	"context"
	"fmt"
	"iter"
)

// StartOptions open a conversation. Only AgentID is required.
type StartOptions struct {
	// AgentID is the agent to talk to.
	AgentID string
	// UserName is the name that the agent sees for the person.
	UserName string
	// UserEmail is the person's address; the server may use it as owner key and OTP contact.
	UserEmail string
	// BrowserFingerprint is an opaque fingerprint of the browser.
	BrowserFingerprint string
	// Supports lists capability words for this session, beside those of the client.
	Supports []string
	// Metadata is stored with the session.
	Metadata map[string]any
	// AuthContext proves that the embedding site knows the person.
	AuthContext *AuthContext
	// Handlers answer the questions of the conversation's turns and come before the client's (REQ-ASK-01).
	Handlers Handlers
}

// ResumeOptions go on with a conversation: either with ConversationID and AgentID, which opens a new
// session on it, or with SessionID alone, which keeps that session (REQ-CALL-08).
type ResumeOptions struct {
	SessionID      string
	ConversationID string
	// The rest is as in StartOptions.
	AgentID            string
	UserName           string
	UserEmail          string
	BrowserFingerprint string
	Supports           []string
	Metadata           map[string]any
	AuthContext        *AuthContext
	Handlers           Handlers
}

// speaker is what a conversation needs of the client.
type speaker interface {
	SendMessage(ctx context.Context, action SendMessage, handlers ...Handlers) *Turn
	GetConversationMessages(ctx context.Context, action GetConversationMessages) (*MessagePage, error)
	// openTurn takes up the turn that runs in a conversation, false when its session is no replay session.
	openTurn(sessionID, requestID string, handlers *Handlers) (*Turn, bool)
	// cursorRepeated is the error of a page cursor that came twice.
	cursorRepeated() error
}

// Conversation is a session to talk in. Its methods are safe for concurrent use.
type Conversation struct {
	client         speaker
	sessionID      string
	conversationID string
	agentName      string
	capabilities   []string
	handlers       Handlers
	openTurn       string // id of the turn that ran when it was opened, empty when none did
}

// runs takes note of the turn that the server named, nil for none.
func (c *Conversation) runs(turn *OpenTurn) {
	if turn != nil {
		c.openTurn = turn.RequestID
	}
}

// SessionID returns the session.
func (c *Conversation) SessionID() string { return c.sessionID }

// ConversationID returns the conversation, which survives its sessions. After a resume it may be
// another one than asked for: an unknown conversation gives a fresh one.
func (c *Conversation) ConversationID() string { return c.conversationID }

// AgentName returns the display name of the agent, empty when the server did not say.
func (c *Conversation) AgentName() string { return c.agentName }

// Capabilities returns the capability words of the server, as far as they are known.
func (c *Conversation) Capabilities() []string { return append([]string(nil), c.capabilities...) }

// SendOptions are the optional fields of a message.
type SendOptions struct {
	// RequestID is the caller's own id for the turn. Zero value means a fresh one.
	RequestID string
	// Stream says whether stream_token events are wanted; nil leaves it to the server, which streams.
	Stream *bool
	// Model is the model for this turn alone.
	Model string
	// Skill is the skill whose instructions are used for this turn.
	Skill string
	// Images are pictures that the agent looks at.
	Images []ImageAttachment
	// Files are made known to the agent's host.
	Files []FileAttachment
	// Handlers answer the questions of this turn and come before those of the conversation (REQ-ASK-01).
	Handlers Handlers
}

// Send says something and returns the turn at once; ctx governs the turn as in
// [Client.SendMessage]. Without options all have their zero value; of several the last one counts.
func (c *Conversation) Send(ctx context.Context, message string, options ...*SendOptions) *Turn {
	o := counting(options)
	return c.client.SendMessage(ctx, SendMessage{
		RequestID: o.RequestID, SessionID: c.sessionID, Message: message, Stream: o.Stream,
		Model: o.Model, Skill: o.Skill, Images: o.Images, Files: o.Files,
	}, c.handlers, o.Handlers)
}

// Ask says something and waits for the whole answer. When ctx ends first, its error is returned and
// the server is told to stop.
func (c *Conversation) Ask(ctx context.Context, message string, options ...*SendOptions) (*TurnResult, error) {
	return c.Send(ctx, message, options...).Wait(ctx)
}

// counting returns the options that count: the last ones, or those without a value.
func counting[T any](options []*T) (o T) {
	if n := len(options); n > 0 && options[n-1] != nil {
		o = *options[n-1]
	}
	return o
}

// OpenTurn returns the turn that ran when this conversation was opened, from its first event on. After a
// restart of the program, or on a second device, it is taken up: [TurnStateSuspended] until the server has
// told its events, which it is asked for at once when the link is open. A turn that this client has already
// is that one, while it has not settled. It returns false when the server named no turn, or the session is
// no replay session (REQ-RESUME-11). No context governs a turn that was taken up; [Turn.Close] leaves it.
func (c *Conversation) OpenTurn() (*Turn, bool) {
	if c.openTurn == "" {
		return nil, false
	}
	return c.client.openTurn(c.sessionID, c.openTurn, &c.handlers)
}

// MessagesOptions steer the reading of the history.
type MessagesOptions struct {
	// Limit is the size of a page, not a total. Zero value leaves it to the server.
	Limit int64
}

// Messages returns the messages of the conversation, newest first. A page is asked for when its first
// message is; an error ends the iteration (REQ-HIST-01). Without options all have their zero value.
func (c *Conversation) Messages(
	ctx context.Context, options ...*MessagesOptions,
) iter.Seq2[*ConversationMessage, error] {
	var limit *int64
	if o := counting(options); o.Limit != 0 {
		limit = &o.Limit
	}
	return pages(c.client.cursorRepeated, func(cursor string) (*MessagePage, error) {
		return c.client.GetConversationMessages(ctx, GetConversationMessages{
			SessionID: c.sessionID, Limit: limit, Cursor: cursor,
		})
	})
}

// String names session and conversation.
func (c *Conversation) String() string {
	return fmt.Sprintf("protocol.Conversation(%s, session %s)", c.conversationID, c.sessionID)
}

// GoString is String.
func (c *Conversation) GoString() string { return c.String() }

// String leaves out what proves who the person is.
func (o StartOptions) String() string {
	return "protocol.StartOptions(agent " + o.AgentID + ")"
}

// GoString is String.
func (o StartOptions) GoString() string { return o.String() }

// String leaves out what proves who the person is.
func (o ResumeOptions) String() string {
	return fmt.Sprintf("protocol.ResumeOptions(conversation %s, session %s)", o.ConversationID, o.SessionID)
}

// GoString is String.
func (o ResumeOptions) GoString() string { return o.String() }
