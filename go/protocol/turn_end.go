package protocol

// settle gives the turn its outcome; it happens once, as the table has no way out of settled.
func (t *Turn) settle(outcome stepOutcome, ending stepEnding, c cause) {
	if outcome == stepOutcomeFailed {
		t.err = t.failure(ErrorKind(ending), c)
		t.watchFate(Kind(t.err))
	} else {
		t.result = t.success(outcome, ending, c.event)
	}
	for _, stop := range t.stops {
		stop()
	}
	clear(t.stops)
	if t.out != nil {
		t.out.withdraw()
	}
	t.questions.stop()
	kept := t.state.verbs[:0]
	for _, v := range t.state.verbs {
		// A code may be judged after the end of its turn (REQ-VERB-06).
		if verbRows[v.name].outlivesTurn {
			kept = append(kept, v)
		} else {
			t.ending = append(t.ending, v)
		}
	}
	t.state.verbs = kept
	t.unbind()
	t.publishAfterCancel(c.word)
}

// publishAfterCancel shows the outcome. That of a timeout waits until the cancel that the timeout
// caused was handed to the socket, at most CancelTimeout.
func (t *Turn) publishAfterCancel(word string) {
	out := t.cancelOut
	timeout := word == "idle_timeout" || word == "question_timeout" || word == "total_timeout"
	if !timeout || out == nil || out.over() {
		t.publish()
		return
	}
	stop := armed(t.client, max(t.client.options.CancelTimeout, partingGrace), t.publish)
	out.gone = func() {
		stop()
		t.publish()
	}
}

// publish lets everybody see the end.
func (t *Turn) publish() {
	if t.ended {
		return
	}
	t.ended = true
	for _, v := range t.ending {
		switch {
		case v.name == verbCancel:
			v.settle(nil, nil)
		case t.err != nil:
			v.settle(nil, t.err)
		default:
			v.settle(nil, newError(leafNoPendingQuestion, t.ids()))
		}
	}
	t.ending = nil
	if t.out != nil {
		var outcome Outcome
		if t.result != nil {
			outcome = t.result.Outcome
		}
		t.client.watch.turnSettled(t.requestID, outcome, t.err)
	}
	close(t.done)
	t.items.wake()
}

// ids begins an error of a verb of the turn.
func (t *Turn) ids() AgentError { return t.client.facts(t.requestID, t.sessionID, ending{}) }

func (t *Turn) success(outcome stepOutcome, ending stepEnding, event Event) *TurnResult {
	result := &TurnResult{
		Text: t.text.whole(), Outcome: Outcome(outcome),
		RequestID: t.requestID, SessionID: t.sessionID, Event: event,
		Duration: t.client.options.Clock.Now().Sub(t.began), TimeToFirstToken: t.firstToken,
	}
	if outcome == stepOutcomeCancelled {
		result.Confirmed = new(ending != stepEndingUnconfirmed)
	}
	if e, ok := event.(*EventualResponse); ok {
		result.Text = t.text.final(e.Response)
		result.MessageID, result.Citations, result.Usage = e.MessageID, e.Citations, e.Usage
		result.NeedsEscalation, result.EscalationReason = e.NeedsEscalation, e.EscalationReason
	}
	return result
}

func (t *Turn) failure(kind ErrorKind, c cause) error {
	facts := t.facts(c.end)
	switch kind {
	case "attempt":
		return failedAttempt(c.err, facts)
	case "by_code":
		return serverError(c.event.(*ErrorEvent), facts)
	case ErrorKindProtocol:
		return statusError(statusOf(c.event), facts)
	case ErrorKindInvalidFrame:
		return frameError(c.broken, facts)
	}
	if c.err != nil {
		return c.err
	}
	err := t.client.linkError(kind, facts)
	agent, ok := err.(*AgentError)
	if !ok || agent.Kind != ErrorKindTurnInterrupted && agent.Kind != ErrorKindTurnTimeout {
		return err
	}
	agent.Question = t.asked
	if agent.Kind == ErrorKindTurnInterrupted {
		return &TurnInterruptedError{agent, t.out.mayHaveLeft(), t.session.recovery}
	}
	return agent
}

// tooLarge is what becomes of an action whose frame is over 1 MiB (REQ-CALL-10).
func (r *router) tooLarge(out *outgoing) error {
	facts := r.facts(out.requestID, out.sessionID, ending{})
	facts.limit = limitOutboundBytes
	return &MessageTooLargeError{
		AgentError: newError(leafMessageTooLarge, facts),
		Size:       int64(len(out.text)),
		Limit:      limitOutboundBytes,
	}
}
