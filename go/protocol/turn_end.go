package protocol

import "context"

// settle gives the turn its outcome; it happens once, as the table has no way out of settled.
func (t *Turn) settle(outcome stepOutcome, ending stepEnding, c cause) {
	if r := t.resuming; r != nil && r.cancel != nil {
		t.writeCancel() // the next link has it (REQ-RESUME-08)
	}
	if t.out != nil {
		t.out.withdraw()
	}
	t.handling.settling()
	if outcome == stepOutcomeFailed {
		t.err = t.failure(ErrorKind(ending), c)
	} else {
		result := t.success(outcome, ending, c.event)
		if outcome == stepOutcomeCompleted && t.awaitsCode() {
			t.hold(result)
			return
		}
		t.result = result
	}
	t.conclude(c.word)
}

// conclude gives the turn its outcome, which is result or err; word is what brought it about.
func (t *Turn) conclude(word string) {
	for _, stop := range t.stops {
		stop()
	}
	clear(t.stops)
	t.questions.stop()
	t.endVerbs()
	t.unbind()
	t.session.line.over(t)
	if t.err != nil {
		t.watchFate(Kind(t.err))
	}
	t.publishAfterCancel(word)
}

// endVerbs takes the verbs that end with their turn.
func (t *Turn) endVerbs() {
	kept := t.state.verbs[:0]
	for _, v := range t.state.verbs {
		// A code may be judged after the end of its turn (REQ-VERB-06), unless nobody could take it.
		if verbRows[v.name].outlivesTurn && t.state.before != stateSuspended {
			kept = append(kept, v)
		} else {
			t.ending = append(t.ending, v)
		}
	}
	t.state.verbs = kept
}

// publishAfterCancel shows the outcome. That of a timeout, or of a handler that failed, waits until the
// cancel that it caused was handed to the socket, at most CancelTimeout, and not for a link that is sought.
func (t *Turn) publishAfterCancel(word string) {
	out := t.cancelOut
	waits := word == "idle_timeout" || word == "question_timeout" || word == "total_timeout" || word == "handler_failed"
	if !waits || out == nil || out.state != frameWriting {
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
	t.tellVerbs()
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

// tellVerbs tells the verbs that ended with the turn.
func (t *Turn) tellVerbs() {
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
	case ErrorKindTurnInterrupted:
		return t.interrupted(c)
	case "attempt":
		return failedAttempt(c.err, facts)
	case "by_code":
		return serverError(c.event.(*ErrorEvent), facts)
	case ErrorKindProtocol:
		return statusError(statusOf(c.event), facts)
	case ErrorKindInvalidFrame:
		if c.broken == nil {
			return disorderError(wireTypeOf(c.event), facts)
		}
		return frameError(c.broken, facts)
	case ErrorKindTurnTimeout:
		facts.Question = t.asked
	}
	if c.err != nil {
		return c.err
	}
	return t.client.linkError(kind, facts)
}

// interrupted is the error of a turn that the link, the server or the limit of its suspension does not let
// go on (REQ-TURN-20, REQ-RESUME-04, REQ-RESUME-05).
func (t *Turn) interrupted(c cause) error {
	end := c.end
	refusal, refused := c.event.(*ErrorEvent)
	switch {
	case refused || c.state != "":
		end = ending{}
	case end.code == 0:
		end = t.client.connection.lost
	}
	facts := t.facts(end)
	kind := kindOfEnd(ErrorKindTurnInterrupted, end.code)
	if kind != ErrorKindTurnInterrupted && c.word != "resume_timeout" {
		return t.client.linkError(kind, facts)
	}
	facts.Question = t.asked
	if refused {
		facts.Code = refusal.Code
	}
	agent := newError(leafTurnInterrupted, facts)
	at, recovery := t.mark(), t.session.recovery // the error does not keep the turn
	return &TurnInterruptedError{agent, t.out.mayHaveLeft(), c.state, func(ctx context.Context) (*Recovery, error) {
		return recovery(ctx, func() turnMark { return at })
	}}
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
