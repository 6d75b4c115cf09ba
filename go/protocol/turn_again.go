package protocol

// A message whose turn completes while a handler is to give a code is sent again once the code was right,
// and its turn goes on (REQ-ASK-11, REQ-ASK-12); so is one that came a moment too early (REQ-TURN-32).

// awaitsCode says whether the turn goes on when its handler has given the code.
func (t *Turn) awaitsCode() bool {
	wanted := *t.client.options.ResendAfterOTP && t.again != nil && !t.resent && t.session.handlers.OTP != nil
	return wanted && t.handling != nil && t.handling.expectsCode()
}

// hold keeps the outcome back: only the limit of the turn as a whole and that of the question run on.
func (t *Turn) hold(result *TurnResult) {
	t.held = result
	for name := range t.stops {
		if name != "total" {
			t.disarm(name)
		}
	}
	t.endVerbs()
	t.tellVerbs()
}

// releaseHeld lets the result that was held back be the outcome, once no code can come.
func (t *Turn) releaseHeld() {
	if t.held != nil && !t.handling.expectsCode() {
		t.result, t.held = t.held, nil
		t.conclude("")
	}
}

// sendAgain sends the message under a new id, once, and goes on with it.
func (t *Turn) sendAgain() {
	t.held, t.resent = nil, true
	for _, v := range t.state.verbs {
		v.settle(nil, newError(leafNoPendingQuestion, t.ids()))
	}
	t.questions.stop()
	t.renew()
	nextSend(t.client, t.sessionID)
	if refusal := t.client.connection.submit(t.out); refusal != "" {
		t.linkEvent(ending{word: refusal}, nil, false)
	}
}

// renew goes on under a new id, as for a message that was never sent.
func (t *Turn) renew() {
	t.client.settle(t.requestID, t)
	t.requestID = t.client.anotherID()
	t.out = t.again(t.requestID)
	t.state = newTurnState(t.state.expired)
	if t.resuming != nil {
		t.resuming = newResuming(&t.client.options)
	}
	t.text.again()
	t.cancelOut = nil
	t.client.add(t.requestID, t)
}

// nextSend tells the turns of a session that its next message goes out (REQ-OTP-03).
func nextSend(r *router, sessionID string) {
	for _, other := range r.inOrder() {
		if t, ok := other.(*Turn); ok && t.sessionID == sessionID && t.state.settled() {
			t.local("send")
		}
	}
}
