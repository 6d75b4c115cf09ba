package protocol

import (
	"context"
	"slices"
	"time"
)

// Call sends an action that has one answer and returns what the answer holds. The action says what
// that is, so that an action that is new in the specification is called without any further code:
//
//	page, err := protocol.Call(ctx, client, protocol.ListConversations{})
//
// The action's RequestID is used when it is set; otherwise one is drawn, and the action stays as it
// is. An error is an [*AgentError]; when ctx ends, only the wait ends, and a frame that was not
// written yet is not sent (REQ-CALL-01, REQ-CALL-03, REQ-CALL-09). [SendMessage] opens a turn and
// the answers to a turn's questions share its id: these do not compile as calls.
func Call[R any](ctx context.Context, c *Client, action CallAction[R]) (R, error) {
	var none R
	answer, err := c.exchange(ctx, c.announced(action), expected{events: []string{action.answeredBy()}}, func(event Event) (any, error) {
		return action.result(event)
	})
	if err != nil {
		return none, err
	}
	switch session := answer.(type) {
	case *CreateConversationSessionResult:
		c.remember(session.SessionID, session.Capabilities)
	case *GetSessionResult:
		c.remember(session.SessionID, session.Capabilities)
	}
	return answer.(R), nil
}

// implied returns the words that every session of a client lists (REQ-CALL-07).
func implied(options *Options) []string {
	var words []string
	for _, row := range capabilityRows {
		if row.pending == "" && slices.ContainsFunc(row.impliedBy, func(why string) bool {
			return why == "always" || why == "option autoReconnect" && options.seeks()
		}) {
			words = append(words, row.word)
		}
	}
	return append(words, options.Handlers.words()...)
}

// announced joins the Supports of an action that creates a session with those of the options and of
// the client itself (REQ-CALL-07); other actions stay as they are.
func (c *Client) announced(action identified) identified {
	create, ok := action.withID(action.id()).(CreateConversationSession) // a copy, also of a pointer
	if !ok {
		return action
	}
	create.Supports = slices.Concat(c.implied, c.options.Supports, create.Supports)
	slices.Sort(create.Supports)
	create.Supports = slices.Compact(create.Supports)
	return create
}

// exchange sends an action and waits for one of the events that may answer it.
func (c *Client) exchange(
	ctx context.Context, action identified, expected expected, valueOf func(Event) (any, error),
) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text, err := frameOf(action, "requestId")
	if err == nil && action.id() == "" {
		action = action.withID(c.options.IDGenerator())
		text, err = EncodeAction(action)
	}
	if err != nil {
		return nil, err
	}
	sessionID, _ := stringOf(memberOf(text, "sessionId"))
	out := newOutgoing(action, action.id(), sessionID, text)
	if len(text) > limitOutboundBytes {
		return nil, c.router.tooLarge(out)
	}
	return c.router.await(ctx, out, expected, valueOf)
}

// CreateConversationSession opens a session, or a further one on a conversation that exists. The
// action's Supports are joined with those of the options and of the client itself (REQ-CALL-07).
func (c *Client) CreateConversationSession(
	ctx context.Context, action CreateConversationSession,
) (*CreateConversationSessionResult, error) {
	return Call(ctx, c, action)
}

// GetSession reads a session.
func (c *Client) GetSession(ctx context.Context, action GetSession) (*GetSessionResult, error) {
	return Call(ctx, c, action)
}

// GetConversationMessages reads one page of messages, newest first.
func (c *Client) GetConversationMessages(
	ctx context.Context, action GetConversationMessages,
) (*MessagePage, error) {
	return Call(ctx, c, action)
}

// ListConversations reads one page of conversations, newest first.
func (c *Client) ListConversations(ctx context.Context, action ListConversations) (*ConversationPage, error) {
	return Call(ctx, c, action)
}

// RenameConversation gives a conversation another title.
func (c *Client) RenameConversation(
	ctx context.Context, action RenameConversation,
) (*RenameConversationResult, error) {
	return Call(ctx, c, action)
}

// Pong is the answer to a ping.
type Pong struct {
	// ServerTime is the server's clock; the zero time when the pong had none (REQ-CALL-06).
	ServerTime time.Time
	// RoundTrip is the time from the call to the answer.
	RoundTrip time.Duration
}

// Ping asks the server for a sign of life.
func (c *Client) Ping(ctx context.Context) (*Pong, error) {
	began := c.options.Clock.Now()
	pong, err := Call(ctx, c, Ping{})
	if err != nil {
		return nil, err
	}
	result := &Pong{RoundTrip: c.options.Clock.Now().Sub(began)}
	if pong.Timestamp != nil {
		result.ServerTime = time.UnixMilli(*pong.Timestamp)
	}
	return result, nil
}
