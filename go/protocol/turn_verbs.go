package protocol

import (
	"context"
	"encoding/json"
)

// Confirm answers the open confirmation and returns once the server took the answer. With nothing
// open it sends nothing and returns an error that matches [ErrNoPendingQuestion], for a second
// answer [ErrAlreadyAnswered] (REQ-VERB-05). If ctx ends first, the answer may have been sent.
func (t *Turn) Confirm(ctx context.Context, approved bool) error {
	_, err := t.answer(ctx, verbConfirm, t.confirming(approved))
	return err
}

// VerifyOTP gives the one-time code as it was typed. A wrong code is no error: the check says so
// (REQ-OTP-01). Errors and ctx are as in [Turn.Confirm].
func (t *Turn) VerifyOTP(ctx context.Context, code string) (*OTPCheck, error) {
	event, err := t.answer(ctx, verbVerifyOTP, t.verifying(code))
	if err != nil {
		return nil, err
	}
	return otpCheck(event), nil
}

// Submit answers the open interaction. Values is a map or struct that is written as a JSON object;
// anything else is refused with [ErrInvalidArgument]. When the server does not accept the values,
// the reply says which, and the question is open again (REQ-FORM-01). Errors and ctx are as in
// [Turn.Confirm].
func (t *Turn) Submit(ctx context.Context, values any) (*SubmitResult, error) {
	members, err := objectOf(values)
	if err != nil {
		return nil, err
	}
	return t.interact(ctx, verbSubmit, SubmitInteraction{Values: members})
}

// Decline declines the open interaction, or the code that is asked for. Declining a code needs a
// server that lists otp_park; otherwise nothing is sent and the error matches [ErrUnsupported]
// (REQ-OTP-05). Errors and ctx are as in [Turn.Confirm].
func (t *Turn) Decline(ctx context.Context, kind QuestionKind) (*SubmitResult, error) {
	switch kind {
	case QuestionKindInteraction:
		return t.interact(ctx, verbDecline, SubmitInteraction{Declined: new(true)})
	case QuestionKindOTP:
		if !t.session.parks() {
			return nil, t.unsupported()
		}
		event, err := t.answer(ctx, verbDeclineOTP, t.decliningOTP())
		if err != nil {
			return nil, err
		}
		return submitResult(event), nil
	}
	return nil, invalidArgument("only an interaction or a code can be declined")
}

// Cancel stops the turn and returns once it has settled, at once when it has already. It writes at
// most one cancel (REQ-STOP-01). If ctx ends first, only the wait ends.
func (t *Turn) Cancel(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mu := t.client.mu
	mu.Lock()
	v := &verb{name: verbCancel, done: make(chan struct{})}
	switch {
	case t.ended:
		v.settle(nil, nil)
	case t.decided():
		t.ending = append(t.ending, v)
	default:
		t.state.verbs = append(t.state.verbs, v)
		t.stop()
	}
	mu.Unlock()
	_, err := v.wait(ctx)
	return err
}

func (t *Turn) interact(ctx context.Context, name string, action SubmitInteraction) (*SubmitResult, error) {
	event, err := t.answer(ctx, name, t.submitting(action))
	if err != nil {
		return nil, err
	}
	return submitResult(event), nil
}

// answer sends the answer to a question and waits for what the server makes of it.
func (t *Turn) answer(
	ctx context.Context, name string, frame func(*Question) Action,
) (Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, err := t.answered(name, frame)
	if err != nil {
		return nil, err
	}
	return v.wait(ctx)
}

// answered sends the answer of a caller; handlers of other questions may be due then.
func (t *Turn) answered(name string, frame func(*Question) Action) (*verb, error) {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	v, err := t.prepared(name, frame)
	if err == nil {
		err = t.begin(v)
	}
	t.handling.run()
	return v, err
}

// prepared makes a verb, of which nothing is known here yet. The mutex is held.
func (t *Turn) prepared(name string, frame func(*Question) Action) (*verb, error) {
	action := frame(t.questions.current[QuestionKind(verbRows[name].question)])
	text, err := frameOf(action, "interactionId", "sessionId")
	if err != nil {
		return nil, err
	}
	out := newOutgoing(action, t.requestID, t.sessionID, text)
	if len(text) > limitOutboundBytes {
		return nil, t.client.tooLarge(out)
	}
	return &verb{name: name, out: out, named: echoesID(name, text), done: make(chan struct{})}, nil
}

// begin steps the question and queues the frame; its error is the refusal. The mutex is held.
func (t *Turn) begin(v *verb) error {
	kind := QuestionKind(verbRows[v.name].question)
	var refusal error
	if t.act(t.state.answer(kind), cause{refusal: &refusal}); refusal != nil {
		return refusal
	}
	t.state.verbs = append(t.state.verbs, v)
	t.questions.answered(kind)
	t.handling.ended(kind)
	t.touch(t.client.options.Clock.Now())
	if t.state.turn == stateSuspended {
		t.resuming.held = append(t.resuming.held, v)
	} else {
		t.limit(v)
		t.client.connection.submit(v.out)
	}
	return nil
}

// confirming, verifying, decliningOTP and submitting make the frame of a verb out of its question, nil for
// none. They are called with the mutex.

func (t *Turn) confirming(approved bool) func(*Question) Action {
	return func(asked *Question) Action {
		action := &ConfirmToolAction{RequestID: t.requestID, SessionID: t.sessionID, Approved: approved}
		if asked != nil {
			if event, ok := asked.Event.(*WriteConfirmationRequired); ok && event.ConfirmationID != nil {
				action.ConfirmationID = *event.ConfirmationID
			}
		}
		return action
	}
}

func (t *Turn) verifying(code string) func(*Question) Action {
	return func(*Question) Action {
		return &VerifyOTP{RequestID: t.requestID, SessionID: t.sessionID, Code: code}
	}
}

func (t *Turn) decliningOTP() func(*Question) Action {
	return func(*Question) Action {
		return &VerifyOTP{RequestID: t.requestID, SessionID: t.sessionID, Declined: new(true)}
	}
}

func (t *Turn) submitting(action SubmitInteraction) func(*Question) Action {
	return func(asked *Question) Action {
		action.RequestID, action.SessionID = t.requestID, t.sessionID
		if asked != nil {
			if event, ok := asked.Event.(*InteractionRequired); ok {
				action.InteractionID, action.Kind = event.InteractionID, event.Kind
			}
		}
		return &action
	}
}

// unsupported is the error of an answer that the server does not take.
func (t *Turn) unsupported() error {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	return newError(leafUnsupported, t.ids())
}

// wait waits for the outcome of a verb. When ctx ends, only the wait ends (REQ-VERB-07).
func (v *verb) wait(ctx context.Context) (Event, error) {
	select {
	case <-v.done:
		return v.event, v.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// objectOf turns a value into the members of a JSON object.
func objectOf(values any) (map[string]any, error) {
	var e encoder
	e.any(values)
	var members map[string]json.RawMessage
	if e.err != nil || json.Unmarshal(e.b, &members) != nil || members == nil {
		return nil, invalidArgument("the values are no JSON object")
	}
	out := make(map[string]any, len(members))
	for name, value := range members {
		out[name] = value
	}
	return out, nil
}
