package protocol

import "context"

// turn returns the turn of an id while it can be answered.
func (c *Client) turn(requestID string) *Turn {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, _ := c.requests.owners[requestID].(*Turn)
	return t
}

// verbCall sends the answer to a question of a turn that this client does not follow.
func verbCall[T any](
	ctx context.Context, c *Client, action identified, verb string, value func(Event) T,
) (T, error) {
	var none T
	if action.id() == "" {
		return none, invalidArgument("a verb needs the requestId of its turn")
	}
	answer, err := c.exchange(ctx, action, answersTo(verb), func(event Event) (any, error) {
		return value(event), nil
	})
	if err != nil {
		return none, err
	}
	return answer.(T), nil
}

// ConfirmToolAction answers a confirmation, as [Turn.Confirm] of the turn with that requestId. When
// this client does not follow the turn, it is a call of its own (REQ-VERB-08).
func (c *Client) ConfirmToolAction(ctx context.Context, action ConfirmToolAction) error {
	if t := c.turn(action.RequestID); t != nil {
		return t.Confirm(ctx, action.Approved)
	}
	done := func(Event) bool { return true }
	_, err := verbCall(ctx, c, action, verbConfirm, done)
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
		return verbCall(ctx, c, action, verbVerifyOTP, otpCheck)
	case t == nil && !c.parks(action.SessionID):
		return nil, newError(leafUnsupported, AgentError{RequestID: action.RequestID, SessionID: action.SessionID})
	case t == nil:
		return verbCall(ctx, c, action, verbDeclineOTP, otpCheck)
	case declines:
		if _, err := t.Decline(ctx, QuestionOTP); err != nil {
			return nil, err
		}
		return &OTPCheck{Declined: true}, nil
	}
	return t.VerifyOTP(ctx, action.Code)
}

// SubmitInteraction answers an interaction or declines it, as [Turn.Submit] and [Turn.Decline] of
// the turn with that requestId. When this client does not follow the turn, it is a call of its own
// (REQ-VERB-08).
func (c *Client) SubmitInteraction(ctx context.Context, action SubmitInteraction) (*InteractionReply, error) {
	declines := action.Declined != nil && *action.Declined
	t := c.turn(action.RequestID)
	switch {
	case t == nil:
		return verbCall(ctx, c, action, verbSubmit, interactionReply)
	case declines:
		return t.Decline(ctx, QuestionInteraction)
	case action.Values == nil:
		return t.Submit(ctx, map[string]any{})
	}
	return t.Submit(ctx, action.Values)
}

// Cancel stops the turn with that requestId, as [Turn.Cancel]. When this client does not follow the
// turn, it returns once the frame was handed to the socket (REQ-VERB-08).
func (c *Client) Cancel(ctx context.Context, action Cancel) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t := c.turn(action.RequestID); t != nil {
		return t.Cancel(ctx)
	}
	text, err := EncodeAction(action)
	if err != nil {
		return invalidArgument("the action cannot be written as JSON")
	}
	written := make(chan struct{})
	out := &outgoing{action: action.ActionName(), requestID: action.RequestID, text: text}
	out.done = func() { close(written) }
	c.mu.Lock()
	queued := c.connection.submit(out)
	c.mu.Unlock()
	if !queued {
		return newError(leafNotConnected, AgentError{RequestID: action.RequestID})
	}
	select {
	case <-written:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		out.drop()
		c.mu.Unlock()
		return ctx.Err()
	}
}
