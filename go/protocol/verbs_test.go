package protocol_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

func ack(id string) frame {
	return frame{"type": "immediate_response", "requestId": id, "status": 200, "data": frame{}}
}

// asked sends a question to a fresh turn and returns once the client knows it.
func (r *rig) asked(questions ...func(string) frame) *protocol.Turn {
	turn := r.turn()
	for _, q := range questions {
		r.send(q(turn.RequestID()))
	}
	r.fence(r.client)
	return turn
}

func otpInvalid(id string, left int) frame {
	return question(id, "otp_invalid", frame{"error": "INVALID_CODE", "attemptsRemaining": left, "message": "no"})
}

func otpVerified(id string) frame { return question(id, "otp_verified", frame{"message": "yes"}) }

func TestREQ_VERB_01_QuestionsAreOpenByKind(t *testing.T) {
	r := connected(t)
	turn := r.asked(confirmation, otpRequired, interaction)
	for _, kind := range []protocol.QuestionKind{"confirmation", "otp", "interaction"} {
		if asked, ok := turn.Question(kind); !ok || asked.Kind != kind || asked.Event == nil || !asked.AskedAt.Equal(r.clock.Now()) {
			t.Error(kind, asked, ok)
		}
	}
	if _, ok := turn.Question("other"); ok {
		t.Error("a question that does not exist")
	}
}

func TestREQ_VERB_02_VerbsCarryTheTurnsIds(t *testing.T) {
	r := connected(t)
	turn := r.asked(func(id string) frame {
		return question(id, "write_confirmation_required", frame{"toolId": "t", "actionDescription": "d", "confirmationId": "k"})
	}, interaction)
	done := later(func() (any, error) { return nil, turn.Confirm(within(t), false) })
	got := r.recv("confirm_tool_action")
	if got["requestId"] != "r1" || got["sessionId"] != "s" || got["confirmationId"] != "k" || got["approved"] != false {
		t.Error(got)
	}
	r.send(ack("r1"))
	if err := receive(t, done, "confirm").err; err != nil || turn.State() != protocol.TurnStateRunning { // REQ-VERB-09
		t.Error(err)
	}
	submitted := later(func() (any, error) { return turn.Submit(within(t), map[string]any{"a": "<ä>"}) })
	got = r.recv("submit_interaction")
	if got["interactionId"] != "i1" || got["kind"] != "choices" || got["values"].(frame)["a"] != "<ä>" {
		t.Error(got)
	}
	r.send(ack("r1"))
	if got := receive(t, submitted, "submit"); got.err != nil || !got.value.(*protocol.SubmitResult).Accepted {
		t.Error(got)
	}
}

func TestREQ_VERB_03_AFrameAnswersTheOldestVerbOfItsTable(t *testing.T) {
	r := connected(t)
	turn := r.asked(confirmation, otpRequired)
	code := later(func() (*protocol.OTPCheck, error) { return turn.VerifyOTP(within(t), "1") })
	r.recv("verify_otp")
	yes := later(func() (any, error) { return nil, turn.Confirm(within(t), true) })
	r.recv("confirm_tool_action")
	r.send(ack("r1"))
	receive(t, yes, "confirm")
	if len(code) != 0 {
		t.Error("the acknowledgement answered the code")
	}
	r.send(otpVerified("r1"))
	if got := receive(t, code, "the check"); got.err != nil || !got.value.Verified || got.value.Message != "yes" {
		t.Error(got)
	}
}

func TestREQ_VERB_04_AVerbHasALimit(t *testing.T) {
	r := connected(t)
	turn := r.asked(confirmation)
	done := later(func() (any, error) { return nil, turn.Confirm(within(t), true) })
	r.recv("confirm_tool_action")
	r.clock.Advance(30 * time.Second)
	wantKind(t, receive(t, done, "confirm").err, protocol.ErrorKindRequestTimeout)
	if err := turn.Confirm(within(t), true); !errors.Is(err, protocol.ErrAlreadyAnswered) || turn.State() != protocol.TurnStateRunning {
		t.Error(err)
	}
}

func TestREQ_VERB_05_WhatCannotBeAnsweredIsNotSent(t *testing.T) {
	r := connected(t)
	turn := r.asked()
	_, codeErr := turn.VerifyOTP(within(t), "1")
	_, submitErr := turn.Submit(within(t), map[string]any{})
	for _, err := range []error{turn.Confirm(within(t), true), codeErr, submitErr} {
		var agent *protocol.AgentError
		if !errors.Is(err, protocol.ErrNoPendingQuestion) || !errors.As(err, &agent) || agent.Code != "" || agent.Kind != protocol.ErrorKindConflict {
			t.Errorf("%+v", err)
		}
	}
	r.send(confirmation("r1"))
	r.fence(r.client)
	done := later(func() (any, error) { return nil, turn.Confirm(within(t), true) })
	r.recv("confirm_tool_action")
	err := turn.Confirm(within(t), false)
	wantKind(t, err, protocol.ErrorKindAlreadyAnswered)
	r.send(ack("r1"))
	receive(t, done, "confirm")
	r.fence(r.client)
}

func TestREQ_VERB_06_WhatBecomesOfVerbsAtTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*rig)
		verb protocol.ErrorKind
		code protocol.ErrorKind
	}{
		"completed": {func(r *rig) { r.send(final("r1", "x")) }, protocol.ErrorKindConflict, ""},
		"failed":    {func(r *rig) { r.send(failure("r1", "AGENT_ERROR")) }, protocol.ErrorKindServerError, ""},
		"lost":      {func(r *rig) { _ = r.conn.CloseNow() }, protocol.ErrorKindTurnInterrupted, protocol.ErrorKindConnectionLost},
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t)
			turn := r.asked(confirmation, otpRequired, interaction)
			code := later(func() (*protocol.OTPCheck, error) { return turn.VerifyOTP(within(t), "1") })
			r.recv("verify_otp")
			yes := later(func() (any, error) { return nil, turn.Confirm(within(t), true) })
			r.recv("confirm_tool_action")
			no := later(func() (any, error) { return turn.Decline(within(t), protocol.QuestionKindInteraction) })
			if got := r.recv("submit_interaction"); got["declined"] != true || got["values"] != nil {
				t.Error(got)
			}
			c.end(r)
			wantKind(t, receive(t, yes, "confirm").err, c.verb)
			wantKind(t, receive(t, no, "decline").err, c.verb)
			if c.code == "" {
				if len(code) != 0 {
					t.Fatal("the code does not wait")
				}
				r.send(otpVerified("r1"))
			}
			wantKind(t, receive(t, code, "the check").err, c.code)
		})
	}
}

func TestREQ_VERB_07_AContextOnlyEndsTheWait(t *testing.T) {
	r := connected(t)
	turn := r.asked(confirmation)
	ctx, cancel := context.WithCancel(context.Background())
	done := later(func() (any, error) { return nil, turn.Confirm(ctx, true) })
	r.recv("confirm_tool_action")
	cancel()
	if err := receive(t, done, "confirm").err; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, err := range []error{turn.Confirm(ctx, true), turn.Cancel(ctx)} {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	wantKind(t, turn.Confirm(within(t), true), protocol.ErrorKindAlreadyAnswered)
	r.fence(r.client)
}

func TestREQ_VERB_08_VerbsOfTheClient(t *testing.T) {
	r := connected(t)
	r.asked(confirmation, interaction)
	followed := later(func() (any, error) {
		return nil, r.client.ConfirmToolAction(within(t), protocol.ConfirmToolAction{RequestID: "r1", SessionID: "s", Approved: true})
	})
	r.recv("confirm_tool_action")
	r.send(ack("r1"))
	if err := receive(t, followed, "confirm").err; err != nil {
		t.Error(err)
	}
	declined := later(func() (*protocol.SubmitResult, error) {
		return r.client.SubmitInteraction(within(t), protocol.SubmitInteraction{RequestID: "r1", Declined: new(true)})
	})
	r.recv("submit_interaction")
	r.send(ack("r1"))
	if got := receive(t, declined, "decline"); got.err != nil || !got.value.Accepted {
		t.Error(got)
	}
	alone := later(func() (*protocol.OTPCheck, error) {
		return r.client.VerifyOTP(within(t), protocol.VerifyOTP{RequestID: "foreign", SessionID: "s", Code: "1"})
	})
	r.recv("verify_otp")
	r.send(otpInvalid("foreign", 2))
	if got := receive(t, alone, "the check"); got.err != nil || got.value.Verified || *got.value.AttemptsRemaining != 2 || *got.value.Error != protocol.OTPInvalidReasonInvalidCode {
		t.Error(got)
	}
	if err := r.client.Cancel(within(t), protocol.Cancel{RequestID: "foreign"}); err != nil {
		t.Error(err)
	}
	r.recv("cancel")
}

func TestREQ_VERB_10_AQuestionLapses(t *testing.T) {
	r := connected(t)
	turn := r.asked(confirmation)
	r.send(frame{"type": "stream_reasoning", "requestId": "r1", "data": frame{"requestId": "r1", "token": "x"}})
	r.fence(r.client)
	if _, open := turn.Question(protocol.QuestionKindConfirmation); !open {
		t.Error("reasoning closed a question without a duration")
	}
	r.send(token("r1", "x"))
	r.fence(r.client)
	if _, open := turn.Question(protocol.QuestionKindConfirmation); open {
		t.Error("a token left the question open")
	}
}

func TestREQ_OTP_01_AWrongCodeIsNoError(t *testing.T) {
	r := connected(t)
	turn := r.asked(otpRequired)
	for left := 2; left >= 0; left-- {
		done := later(func() (*protocol.OTPCheck, error) { return turn.VerifyOTP(within(t), " 012345") })
		if got := r.recv("verify_otp"); got["code"] != " 012345" {
			t.Error(got)
		}
		r.send(otpInvalid("r1", left))
		if got := receive(t, done, "the check"); got.err != nil || got.value.Verified || *got.value.AttemptsRemaining != int64(left) {
			t.Error(got)
		}
		// REQ-OTP-02
		if _, open := turn.Question(protocol.QuestionKindOTP); open != (left > 0) {
			t.Error(left, open)
		}
	}
}

func TestREQ_OTP_03_TheQuestionOutlivesItsTurn(t *testing.T) {
	r := connected(t)
	turn := r.asked(otpRequired)
	r.send(final("r1", "enter the code"))
	wait(t, turn)
	if _, open := turn.Question(protocol.QuestionKindOTP); !open {
		t.Fatal("it closed with the turn")
	}
	done := later(func() (*protocol.OTPCheck, error) { return turn.VerifyOTP(within(t), "1") })
	r.recv("verify_otp")
	r.send(otpInvalid("r1", 1))
	receive(t, done, "the check")
	second := r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "again"})
	r.recv("send_message")
	if _, err := turn.VerifyOTP(within(t), "2"); !errors.Is(err, protocol.ErrNoPendingQuestion) {
		t.Error(err)
	}
	r.send(final(second.RequestID(), "ok"))
	wait(t, second)
}

func TestREQ_OTP_05_DecliningNeedsTheCapability(t *testing.T) {
	r := connected(t)
	turn := r.asked(otpRequired)
	if _, err := turn.Decline(within(t), protocol.QuestionKindOTP); !errors.Is(err, protocol.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := turn.Decline(within(t), protocol.QuestionKindConfirmation); !errors.Is(err, protocol.ErrInvalidArgument) {
		t.Error(err)
	}
	opened := later(func() (any, error) {
		return r.client.CreateConversationSession(within(t), protocol.CreateConversationSession{AgentID: "a"})
	})
	r.session("create_conversation_session", "otp_park")
	receive(t, opened, "the session")
	done := later(func() (*protocol.SubmitResult, error) { return turn.Decline(within(t), protocol.QuestionKindOTP) })
	if got := r.recv("verify_otp"); got["declined"] != true || got["code"] != nil {
		t.Error(got)
	}
	r.send(ack("r1"))
	if got := receive(t, done, "decline"); got.err != nil || !got.value.Accepted {
		t.Error(got)
	}
	if _, open := turn.Question(protocol.QuestionKindOTP); open {
		t.Error("it is still open")
	}
}

func TestREQ_OTP_06_ACodeIsNowhereToBeSeen(t *testing.T) {
	log := newLog()
	r := connected(t, func(o *protocol.Options) { o.Logger, o.LogPayloads = log.logger(), true })
	opened := later(func() (*protocol.CreateConversationSessionResult, error) {
		return r.client.CreateConversationSession(within(t), protocol.CreateConversationSession{
			AgentID: "a", AuthContext: &protocol.AuthContext{UserID: "u", Signature: "987654"},
		})
	})
	r.session("create_conversation_session")
	receive(t, opened, "the session")
	turn := r.asked(otpRequired)
	done := later(func() (*protocol.OTPCheck, error) { return turn.VerifyOTP(within(t), "987654") })
	r.recv("verify_otp")
	r.clock.Advance(30 * time.Second)
	err := receive(t, done, "the check").err
	wantKind(t, err, protocol.ErrorKindRequestTimeout)
	if strings.Contains(err.Error(), "987654") || strings.Contains(log.text(), "987654") {
		t.Error("the code was shown")
	}
	if !strings.Contains(log.text(), "otp_verification_required") || !strings.Contains(log.text(), "userId") {
		t.Error("payloads are logged when asked for")
	}
	for _, secret := range []any{
		protocol.VerifyOTP{Code: "987654"}, &protocol.VerifyOTP{Code: "987654"},
		protocol.CreateConversationSession{AuthContext: &protocol.AuthContext{Signature: "987654"}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, secret); strings.Contains(text, "987654") {
				t.Error(text)
			}
		}
	}
}

func TestREQ_LOG_01_PayloadsAreLoggedOnlyWhenAskedFor(t *testing.T) {
	log := newLog()
	r := connected(t, func(o *protocol.Options) { o.Logger, o.URL, o.Token = log.logger(), o.URL+"?q=secret", "secret" })
	turn := r.turn()
	r.send(token("r1", "private words"), final("r1", "private words"))
	wait(t, turn)
	if text := log.text(); strings.Contains(text, "private") || strings.Contains(text, "secret") || !strings.Contains(text, "stream_token") {
		t.Error(text)
	}
}

func TestREQ_FORM_01_InvalidValuesOpenTheQuestionAgain(t *testing.T) {
	r := connected(t)
	turn := r.asked(interaction)
	done := later(func() (*protocol.SubmitResult, error) {
		return turn.Submit(within(t), protocol.ChoicesValues{Answers: []protocol.ChoicesAnswer{{Header: "h", Options: []string{"o"}}}})
	})
	if got := r.recv("submit_interaction")["values"].(frame)["answers"].([]any)[0].(frame); got["header"] != "h" {
		t.Error(got)
	}
	r.send(question("r1", "interaction_invalid", frame{
		"interactionId": "i1", "kind": "choices", "errors": []any{frame{"field": "f", "message": "m"}}, "message": "try again",
	}))
	got := receive(t, done, "submit")
	if got.err != nil || got.value.Accepted || got.value.Errors[0].Field != "f" || got.value.Message != "try again" {
		t.Error(got)
	}
	if _, open := turn.Question(protocol.QuestionKindInteraction); !open {
		t.Error("the question is closed")
	}
	for _, values := range []any{nil, 1, "x", []int{1}, func() {}} {
		if _, err := turn.Submit(within(t), values); !errors.Is(err, protocol.ErrInvalidArgument) {
			t.Errorf("%T: %v", values, err)
		}
	}
}

func TestREQ_FORM_02_MismatchAndNoPending(t *testing.T) {
	for code, open := range map[string]bool{"INTERACTION_MISMATCH": true, "NO_PENDING_INTERACTION": false} {
		r := connected(t)
		turn := r.asked(interaction)
		done := later(func() (any, error) { return turn.Submit(within(t), map[string]any{}) })
		r.recv("submit_interaction")
		r.send(failure("r1", code))
		var agent *protocol.AgentError
		if err := receive(t, done, "submit").err; !errors.Is(err, protocol.ErrNoPendingQuestion) || !errors.As(err, &agent) || agent.Code != code {
			t.Error(err)
		}
		if _, is := turn.Question(protocol.QuestionKindInteraction); is != open || turn.State() != protocol.TurnStateRunning {
			t.Error(code, is, turn.State())
		}
	}
}

func TestREQ_FORM_03_AnUnknownKindReachesTheCaller(t *testing.T) {
	r := connected(t)
	turn := r.asked(func(id string) frame {
		return question(id, "interaction_required", frame{"interactionId": "i", "kind": "new", "spec": frame{"x": 1}, "reason": "why"})
	})
	asked, _ := turn.Question(protocol.QuestionKindInteraction)
	if event := asked.Event.(*protocol.InteractionRequired); event.Kind != "new" || string(event.Spec) != `{"x":1}` {
		t.Errorf("%+v", event)
	}
}

// A server that kept a question over a restart goes on with the whole turn under the id of the answer.
func TestREQ_VERB_15_ALoneAnswerThatIsAcceptedBecomesATurn(t *testing.T) {
	r := connected(t)
	call := later(func() (any, error) {
		return nil, r.client.ConfirmToolAction(within(t), protocol.ConfirmToolAction{RequestID: "old", SessionID: "s", Approved: true})
	})
	r.recv("confirm_tool_action")
	if _, ok := r.client.Turn("old"); ok {
		t.Error("nothing was accepted yet")
	}
	r.send(frame{"type": "immediate_response", "requestId": "old", "status": 202, "data": frame{}}, token("old", "go"), token("old", "ne"))
	if err := receive(t, call, "the acceptance").err; err != nil {
		t.Fatal(err)
	}
	turn, ok := r.client.Turn("old")
	if !ok || turn.State() != protocol.TurnStateRunning || turn.SessionID() != "s" {
		t.Fatal(turn)
	}
	r.send(final("old", nil))
	if got := wait(t, turn); got.Text != "gone" || got.RequestID != "old" {
		t.Error(got)
	}
	if _, ok := r.client.Turn("old"); ok {
		t.Error("the turn is over")
	}

	submit := later(func() (*protocol.SubmitResult, error) {
		return r.client.SubmitInteraction(within(t), protocol.SubmitInteraction{RequestID: "two", SessionID: "s", InteractionID: "i"})
	})
	r.recv("submit_interaction")
	r.send(frame{"type": "immediate_response", "requestId": "two", "status": 202, "data": frame{}})
	got := receive(t, submit, "the acceptance")
	if got.err != nil || !got.value.Accepted || got.value.Turn == nil || got.value.Turn.RequestID() != "two" {
		t.Fatalf("%+v", got)
	}
	r.send(final("two", "done"))
	wait(t, got.value.Turn)
}

func TestREQ_VERB_15_AfterAnotherFrameOfTheIdAcceptanceIsNoAnswer(t *testing.T) {
	r := connected(t)
	call := later(func() (any, error) {
		return nil, r.client.ConfirmToolAction(within(t), protocol.ConfirmToolAction{RequestID: "old", SessionID: "s", Approved: true})
	})
	r.recv("confirm_tool_action")
	r.send(token("old", "x"), frame{"type": "immediate_response", "requestId": "old", "status": 202, "data": frame{}})
	r.fence(r.client)
	if _, ok := r.client.Turn("old"); ok {
		t.Error("the turn is somebody else's")
	}
	r.send(frame{"type": "immediate_response", "requestId": "old", "status": 200, "data": frame{}})
	if err := receive(t, call, "the answer").err; err != nil {
		t.Error(err)
	}
}
