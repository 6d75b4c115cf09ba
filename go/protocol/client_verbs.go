package protocol

import "context"

// turn returns the turn of an id while it can be answered.
func (c *Client) turn(requestID string) *Turn {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, _ := c.router.owners[requestID].(*Turn)
	return t
}

// verbCall sends the answer to a question of a turn that this client does not follow.
func verbCall(ctx context.Context, c *Client, action identified, expected expected) (any, error) {
	if action.id() == "" {
		return nil, invalidArgument("a verb needs the requestId of its turn")
	}
	return c.exchange(ctx, action, expected, func(event Event) (any, error) { return event, nil })
}

// opening is expected, and 202 in the place of an answer: the server kept the question over a restart
// and goes on with the whole turn.
func (c *Client) opening(e expected, requestID, sessionID string) expected {
	session := c.around(sessionID)
	session.parks = func() bool { return false }
	e.opens = func(accepted Event) any { return adopted(c.router, requestID, sessionID, session, accepted) }
	return e
}

// Turn returns the turn of an id that this client follows, false when there is none: one that was
// sent, or one that began with the answer to its question, after [Client.ConfirmToolAction] or
// [Client.SubmitInteraction] of a turn that this client did not know (REQ-VERB-15).
func (c *Client) Turn(requestID string) (*Turn, bool) {
	t := c.turn(requestID)
	return t, t != nil
}

// ConfirmToolAction answers a confirmation, as [Turn.Confirm] of the turn with that requestId. When
// this client does not follow the turn, it is a call of its own; when the server goes on with the turn,
// [Client.Turn] has it from then on (REQ-VERB-11, REQ-VERB-15).
func (c *Client) ConfirmToolAction(ctx context.Context, action ConfirmToolAction) error {
	if t := c.turn(action.RequestID); t != nil {
		return t.Confirm(ctx, action.Approved)
	}
	_, err := verbCall(ctx, c, action, c.opening(answersTo(verbConfirm), action.RequestID, action.SessionID))
	return err
}

// VerifyOTP gives a one-time code or declines, as [Turn.VerifyOTP] and [Turn.Decline] of the turn
// with that requestId. When this client does not follow the turn, it is a call of its own
// (REQ-VERB-08).
func (c *Client) VerifyOTP(ctx context.Context, action VerifyOTP) (*OTPCheck, error) {
	declines := action.Declined != nil && *action.Declined
	t := c.turn(action.RequestID)
	switch {
	case t == nil && !declines:
		return checkOf(verbCall(ctx, c, action, answersTo(verbVerifyOTP)))
	case t == nil && !c.parks(action.SessionID):
		return nil, newError(leafUnsupported, c.router.facts(action.RequestID, action.SessionID, ending{}))
	case t == nil:
		return checkOf(verbCall(ctx, c, action, answersTo(verbDeclineOTP)))
	case declines:
		if _, err := t.Decline(ctx, QuestionKindOTP); err != nil {
			return nil, err
		}
		return &OTPCheck{Declined: true}, nil
	}
	return t.VerifyOTP(ctx, action.Code)
}

func checkOf(answer any, err error) (*OTPCheck, error) {
	if err != nil {
		return nil, err
	}
	return otpCheck(answer.(Event)), nil
}

// SubmitInteraction answers an interaction or declines it, as [Turn.Submit] and [Turn.Decline] of
// the turn with that requestId. When this client does not follow the turn, it is a call of its own
// (REQ-VERB-08).
func (c *Client) SubmitInteraction(ctx context.Context, action SubmitInteraction) (*SubmitResult, error) {
	declines := action.Declined != nil && *action.Declined
	t := c.turn(action.RequestID)
	switch {
	case t == nil:
		answer, err := verbCall(ctx, c, action, c.opening(answersTo(verbSubmit), action.RequestID, action.SessionID))
		if err != nil {
			return nil, err
		}
		if opened, ok := answer.(*Turn); ok {
			return &SubmitResult{Accepted: true, Turn: opened}, nil
		}
		return submitResult(answer.(Event)), nil
	case declines:
		return t.Decline(ctx, QuestionKindInteraction)
	case action.Values == nil:
		return t.Submit(ctx, map[string]any{})
	}
	return t.Submit(ctx, action.Values)
}

// Cancel stops the turn with that requestId, as [Turn.Cancel]. When this client does not follow the
// turn, it returns once the frame is queued (REQ-VERB-08).
func (c *Client) Cancel(ctx context.Context, action Cancel) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t := c.turn(action.RequestID); t != nil {
		return t.Cancel(ctx)
	}
	text, err := frameOf(action)
	if err != nil {
		return err
	}
	out := newOutgoing(action, action.RequestID, "", text)
	c.mu.Lock()
	defer c.mu.Unlock()
	if refusal := c.connection.submit(out); refusal != "" {
		return c.router.linkError(ErrorKind(refusal), c.router.facts(action.RequestID, action.SessionID, ending{}))
	}
	return nil
}
