package protocol

import (
	"context"
	"slices"
)

// StartConversation opens a new conversation with an agent.
func (c *Client) StartConversation(ctx context.Context, options StartOptions) (*Conversation, error) {
	return c.open(ctx, CreateConversationSession{
		AgentID: options.AgentID, UserName: options.UserName, UserEmail: options.UserEmail,
		BrowserFingerprint: options.BrowserFingerprint, Supports: options.Supports,
		Metadata: options.Metadata, AuthContext: options.AuthContext,
	}, options.Handlers)
}

// ResumeConversation goes on with a conversation. Options that name neither a session nor a
// conversation with its agent are refused with [ErrInvalidArgument].
func (c *Client) ResumeConversation(ctx context.Context, options ResumeOptions) (*Conversation, error) {
	if options.ConversationID != "" {
		if options.AgentID == "" {
			return nil, invalidArgument("ResumeOptions.AgentID is needed beside ConversationID")
		}
		return c.open(ctx, CreateConversationSession{
			ConversationID: options.ConversationID,
			AgentID:        options.AgentID, UserName: options.UserName, UserEmail: options.UserEmail,
			BrowserFingerprint: options.BrowserFingerprint, Supports: options.Supports,
			Metadata: options.Metadata, AuthContext: options.AuthContext,
		}, options.Handlers)
	}
	if options.SessionID == "" {
		return nil, invalidArgument("ResumeOptions need a ConversationID or a SessionID")
	}
	if err := options.Handlers.check(); err != nil {
		return nil, err
	}
	session, err := c.GetSession(ctx, GetSession{SessionID: options.SessionID})
	if err != nil {
		return nil, err
	}
	found := &Conversation{
		client: c, sessionID: session.SessionID, conversationID: session.ConversationID, handlers: options.Handlers,
	}
	if session.AgentName != nil {
		found.agentName = *session.AgentName
	}
	found.capabilities = c.capabilitiesOf(session.SessionID)
	found.runs(session.OpenTurn)
	return found, nil
}

func (c *Client) open(
	ctx context.Context, action CreateConversationSession, handlers Handlers,
) (*Conversation, error) {
	if err := handlers.check(); err != nil {
		return nil, err
	}
	action.Supports = slices.Concat(action.Supports, handlers.words())
	session, err := c.CreateConversationSession(ctx, action)
	if err != nil {
		return nil, err
	}
	opened := &Conversation{
		client: c, sessionID: session.SessionID, conversationID: session.ConversationID,
		agentName: session.AgentName, capabilities: session.Capabilities, handlers: handlers,
	}
	opened.runs(session.OpenTurn)
	return opened, nil
}

func (c *Client) openTurn(sessionID, requestID string, handlers *Handlers) (*Turn, bool) {
	session := c.around(sessionID)
	session.handlers = merged(session.handlers, handlers)
	if !session.replays {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch known := c.router.owners[requestID].(type) {
	case *Turn:
		if !known.decided() {
			return known, true
		}
	case *inquiry:
		known.drop() // its Recover waits for the turn that is here now
	}
	return takenUp(c.router, requestID, sessionID, session), true
}

func (c *Client) cursorRepeated() error {
	facts := c.router.facts("", "", ending{})
	facts.reason = "a page cursor came twice"
	return &UnexpectedEventError{AgentError: newError(leafUnexpectedEvent, facts)}
}

// sessions remembers what the servers of sessions can do, as long as they are among the last ones.
// Guarded by the client's mutex.
type sessions struct {
	known map[string][]string
	order []string
}

func (s *sessions) remember(id string, capabilities []string) {
	if s.known == nil {
		s.known = map[string][]string{}
	}
	if _, again := s.known[id]; !again {
		s.order = append(s.order, id)
	}
	s.known[id] = capabilities
	if len(s.order) > limitSettledIds {
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
}

// remember keeps what the server of a session can do; an answer that does not say changes nothing.
func (c *Client) remember(sessionID string, capabilities []string) {
	if capabilities == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions.remember(sessionID, capabilities)
}

func (c *Client) capabilitiesOf(sessionID string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions.known[sessionID]
}

// parks says whether the server of a session keeps a turn open for a code.
func (c *Client) parks(sessionID string) bool {
	return slices.Contains(c.capabilitiesOf(sessionID), verbRows["decline_otp"].needs)
}

// replayWord is the capability word of sessions whose turns outlive their link.
const replayWord = "replay"

// replays says whether a session is a replay session (REQ-RESUME-01).
func (c *Client) replays(sessionID string) bool {
	return slices.Contains(c.implied, replayWord) && slices.Contains(c.capabilitiesOf(sessionID), replayWord)
}

// around returns what a turn needs of its session.
func (c *Client) around(sessionID string) turnSession {
	return turnSession{
		handlers: &c.options.Handlers,
		line:     c.line,
		parks:    func() bool { return c.parks(sessionID) },
		replays:  c.replays(sessionID),
		recovery: func(ctx context.Context, mark func() turnMark) (*Recovery, error) {
			return c.recover(ctx, sessionID, mark)
		},
	}
}

// recover asks the server for a turn, where its session is a replay session by now, then the history for its
// message. mark is called with the mutex.
func (c *Client) recover(ctx context.Context, sessionID string, mark func() turnMark) (*Recovery, error) {
	if c.replays(sessionID) {
		found, err := c.router.inquire(ctx, mark)
		switch {
		case err != nil:
			return nil, err
		case found == verdictNever:
			return &Recovery{Status: RecoveryNotDelivered}, nil
		case found == verdictUnknown:
			return &Recovery{Status: RecoveryUnknown}, nil
		}
	}
	c.mu.Lock()
	at := mark() // a message that was sent again has another id
	c.mu.Unlock()
	tells := slices.Contains(c.capabilitiesOf(sessionID), recoveryTells)
	return recoverMessage(at.requestID, tells, func(cursor string) (*MessagePage, error) {
		return c.GetConversationMessages(ctx, GetConversationMessages{SessionID: sessionID, Cursor: cursor})
	})
}
