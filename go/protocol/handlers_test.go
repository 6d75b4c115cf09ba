package protocol_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// Handlers of questions, as far as frames cannot show it: goroutines, causes, the log (REQ-ASK).

// confirms answers confirmations.
func confirms(handler protocol.ConfirmHandler) func(*protocol.Options) {
	return func(o *protocol.Options) { o.Handlers.Confirm = handler }
}

func TestREQ_ASK_07_TheCauseIsWhatTheHandlerReturnedAndNoTextTellsIt(t *testing.T) {
	private := errors.New("ada@example.com")
	for name, handler := range map[string]protocol.ConfirmHandler{
		"an error":         func(context.Context, protocol.ConfirmAsk) (bool, error) { return true, private },
		"an answer to end": func(context.Context, protocol.ConfirmAsk) (bool, error) { return true, context.Canceled },
		"a decline":        func(context.Context, protocol.ConfirmAsk) (bool, error) { return true, protocol.ErrDeclined },
		"a panic":          func(context.Context, protocol.ConfirmAsk) (bool, error) { panic(private) },
	} {
		r := connected(t, confirms(handler))
		turn := r.turn()
		r.send(confirmation(turn.RequestID()))
		if got := r.recv("confirm_tool_action"); got["approved"] != false {
			t.Error(name, "approves")
		}
		r.recv("cancel")
		_, err := turn.Wait(within(t))
		wantKind(t, err, protocol.ErrorKindHandlerFailed)
		var agent *protocol.AgentError
		if !errors.Is(err, protocol.ErrHandler) || !errors.As(err, &agent) || agent.Question != protocol.QuestionKindConfirmation {
			t.Errorf("%s: %+v", name, err)
		}
		if strings.Contains(err.Error(), "ada") || agent.RequestID != turn.RequestID() || agent.Unwrap() == nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "an error" && !errors.Is(err, private) {
			t.Error("the cause is lost")
		}
	}
}

func TestREQ_ASK_07_AHandlerThatTakesTooLongFailsByATimeout(t *testing.T) {
	ended := make(chan struct{})
	r := connected(t, confirms(func(ctx context.Context, _ protocol.ConfirmAsk) (bool, error) {
		<-ctx.Done()
		close(ended)
		return true, nil
	}), func(o *protocol.Options) { o.HandlerTimeout = time.Second })
	turn := r.turn()
	r.send(confirmation(turn.RequestID()))
	r.fence(r.client)
	r.clock.Advance(time.Second)
	if got := r.recv("confirm_tool_action"); got["approved"] != false {
		t.Error("approved")
	}
	if _, err := turn.Wait(within(t)); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, protocol.ErrHandler) {
		t.Error(err)
	}
	receive(t, ended, "the signal")
}

func TestREQ_ASK_03_WhatAHandlerIsAsked(t *testing.T) {
	forms, codes := make(chan protocol.InteractionAsk, 2), make(chan protocol.OTPAsk, 2)
	r := connected(t, func(o *protocol.Options) {
		o.Handlers = protocol.Handlers{
			OTP: func(_ context.Context, ask protocol.OTPAsk) (string, error) { codes <- ask; return "1", nil },
			Interaction: map[string]protocol.InteractionHandler{"choices": func(_ context.Context, ask protocol.InteractionAsk) (any, error) {
				forms <- ask
				return struct {
					Email string `json:"email"`
				}{"no"}, nil
			}},
		}
	})
	turn := r.turn()
	id := turn.RequestID()
	r.send(interaction(id))
	if got := r.recv("submit_interaction"); got["values"].(frame)["email"] != "no" || got["interactionId"] != "i1" {
		t.Error(got)
	}
	r.send(question(id, "interaction_invalid", frame{
		"interactionId": "i1", "kind": "choices", "message": "Once more.",
		"errors": []frame{{"field": "email", "message": "is none"}},
	}))
	r.recv("submit_interaction")
	first, again := receive(t, forms, "a call"), receive(t, forms, "a call")
	if first.Reason != "why" || first.Errors != nil || first.Event.Kind != "choices" || string(first.Spec) != "{}" {
		t.Errorf("%+v", first)
	}
	if len(again.Errors) != 1 || again.Errors[0].Field != "email" || again.Message != "Once more." {
		t.Errorf("%+v", again)
	}
	r.send(frame{"type": "immediate_response", "requestId": id, "status": 200, "data": frame{}})
	r.send(otpRequired(id), question(id, "otp_sent", frame{"channel": "email", "maskedDestination": "a•••"}))
	r.recv("verify_otp")
	ask := receive(t, codes, "a call")
	if ask.MaskedDestination != "a•••" || ask.Prompt() != "Pay" || ask.ToolID != "pay" || ask.AttemptsRemaining != nil {
		t.Errorf("%+v", ask)
	}
	r.send(question(id, "otp_invalid", frame{"attemptsRemaining": 2, "message": "Wrong.", "error": "INVALID"}))
	r.recv("verify_otp")
	ask = receive(t, codes, "a call")
	if *ask.AttemptsRemaining != 2 || ask.Prompt() != "Wrong." || ask.Channel != "email" {
		t.Errorf("%+v", ask)
	}
}

func TestREQ_ASK_06_CloseEndsAHandlerAndWaitsForIt(t *testing.T) {
	called, cleaned := make(chan struct{}), make(chan struct{})
	r := connected(t, confirms(func(ctx context.Context, _ protocol.ConfirmAsk) (bool, error) {
		close(called)
		<-ctx.Done()
		time.Sleep(10 * time.Millisecond) // cleans up
		close(cleaned)
		return true, nil
	}))
	turn := r.turn()
	r.send(confirmation(turn.RequestID()))
	receive(t, called, "the call")
	_ = r.client.Close()
	select {
	case <-cleaned:
	default:
		t.Error("Close did not wait")
	}
	_, err := turn.Wait(within(t))
	wantKind(t, err, protocol.ErrorKindClientClosed)
}

func TestREQ_CONN_27_CloseDoesNotWaitForEverForAHandler(t *testing.T) {
	called, letGo, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	r := connected(t, confirms(func(context.Context, protocol.ConfirmAsk) (bool, error) {
		defer close(over)
		close(called)
		<-letGo
		return true, nil
	}), func(o *protocol.Options) { o.CloseTimeout = protocol.Off })
	r.send(confirmation(r.turn().RequestID()))
	receive(t, called, "the call")
	_ = r.client.Close()
	close(letGo)
	receive(t, over, "its end")
}

func TestREQ_ASK_06_AHandlerThatWillNotEndIsNotListenedTo(t *testing.T) {
	called, letGo := make(chan struct{}), make(chan struct{})
	r := connected(t, confirms(func(context.Context, protocol.ConfirmAsk) (bool, error) {
		close(called)
		<-letGo
		return true, nil
	}))
	turn := r.turn()
	r.send(confirmation(turn.RequestID()))
	receive(t, called, "the call")
	verb := later(func() (any, error) { return nil, turn.Confirm(within(t), false) })
	if got := r.recv("confirm_tool_action"); got["approved"] != false {
		t.Error(got)
	}
	r.send(frame{"type": "immediate_response", "requestId": turn.RequestID(), "status": 200, "data": frame{}})
	if got := receive(t, verb, "the verb"); got.err != nil {
		t.Error(got.err)
	}
	close(letGo)
	r.fence(r.client) // a second answer would come before the ping
	r.send(final(turn.RequestID(), "ok"))
	if result := wait(t, turn); result.Text != "ok" {
		t.Error(result)
	}
}

func TestREQ_CONN_05_AHandlerMayCloseItsClient(t *testing.T) {
	var client *protocol.Client
	over := make(chan struct{})
	r := connected(t, confirms(func(context.Context, protocol.ConfirmAsk) (bool, error) {
		_ = client.Close()
		close(over)
		return true, nil
	}), func(o *protocol.Options) { o.CloseTimeout = patience })
	client = r.client
	turn := r.turn()
	began := time.Now()
	r.send(confirmation(turn.RequestID()))
	_, err := turn.Wait(within(t))
	wantKind(t, err, protocol.ErrorKindClientClosed)
	receive(t, over, "the end of the handler")
	if took := time.Since(began); took > patience/2 {
		t.Error("it waited for itself:", took)
	}
}

func TestREQ_ASK_10_AQuestionThatNobodyLooksAtIsLoggedOnce(t *testing.T) {
	log := newLog()
	r := connected(t, func(o *protocol.Options) { o.Logger = log.logger() })
	turn := r.turn()
	go func() {
		for range turn.Text() { // sees no question
		}
	}()
	r.send(confirmation(turn.RequestID()))
	r.fence(r.client)
	r.clock.Advance(4_999 * time.Millisecond)
	r.fence(r.client)
	if n := log.count("a question waits"); n != 0 {
		t.Error(n, "lines too early")
	}
	r.clock.Advance(20 * time.Second)
	until(t, "the line", func() bool { return log.count("a question waits") > 0 })
	r.fence(r.client)
	if n := log.count("a question waits"); n != 1 || log.count("question=confirmation requestId="+turn.RequestID()) != 1 {
		t.Error(n, log.text())
	}
}

func TestREQ_ASK_07_AFailureAfterTheTurnIsLoggedWithoutItsText(t *testing.T) {
	log := newLog()
	letGo := make(chan struct{})
	r := connected(t, func(o *protocol.Options) {
		o.Logger, o.ResendAfterOTP = log.logger(), new(false)
		o.Handlers.OTP = func(context.Context, protocol.OTPAsk) (string, error) {
			<-letGo
			return "", errors.New("012345")
		}
	})
	turn := r.turn()
	r.send(otpRequired(turn.RequestID()), final(turn.RequestID(), "a code, please"))
	if result := wait(t, turn); result.Text != "a code, please" {
		t.Error(result)
	}
	close(letGo)
	until(t, "the line", func() bool { return log.count("a handler failed") > 0 })
	if log.count("012345") != 0 || log.count("*errors.errorString") != 1 {
		t.Error(log.text())
	}
}

func TestREQ_ASK_11_ATurnThatWaitsForItsCodeRunsAndGoesOnWithTheMessage(t *testing.T) {
	code := make(chan string)
	r := connected(t, func(o *protocol.Options) {
		o.Handlers.OTP = func(context.Context, protocol.OTPAsk) (string, error) { return <-code, nil }
	})
	turn := r.turn()
	first := turn.RequestID()
	var words []string
	items := later(func() ([]string, error) {
		for event, err := range turn.Stream() {
			if err != nil {
				return nil, err
			}
			words = append(words, event.EventType())
		}
		return words, nil
	})
	r.send(token(first, "wait"), otpRequired(first), final(first, "a code, please"))
	r.fence(r.client)
	if turn.State() != protocol.TurnStateRunning || r.client.Counters().OpenTurns != 1 || turn.Err() != nil || turn.PartialText() != "wait" {
		t.Error(turn, r.client.Counters())
	}
	code <- "012345"
	r.recv("verify_otp")
	r.send(question(first, "otp_verified", frame{"message": "thanks"}))
	second := r.recv("send_message")["requestId"].(string)
	if turn.RequestID() != second || second == first || turn.PartialText() != "" {
		t.Error(turn, turn.PartialText())
	}
	if same, _ := r.client.Turn(second); same != turn {
		t.Error("the new id knows no turn")
	}
	if old, known := r.client.Turn(first); known {
		t.Error("the old id knows", old)
	}
	r.send(token(second, "order "), token(second, "7"), final(second, nil))
	if result := wait(t, turn); result.Text != "order 7" || result.RequestID != second {
		t.Error(result)
	}
	if got := receive(t, items, "the items"); got.err != nil || strings.Join(got.value, " ") !=
		"stream_token otp_verification_required eventual_response stream_token stream_token eventual_response" {
		t.Error(got)
	}
}

func TestREQ_ASK_12_WhoLeavesATurnThatWaitsForItsCodeGetsWhatCame(t *testing.T) {
	r := connected(t, func(o *protocol.Options) {
		o.Handlers.OTP = func(ctx context.Context, _ protocol.OTPAsk) (string, error) { <-ctx.Done(); return "", ctx.Err() }
	})
	turn := r.turn()
	r.send(otpRequired(turn.RequestID()), final(turn.RequestID(), "a code, please"))
	r.fence(r.client)
	if err := turn.Cancel(within(t)); err != nil {
		t.Error(err)
	}
	if result := wait(t, turn); result.Outcome != protocol.OutcomeCompleted || result.Text != "a code, please" {
		t.Error(result)
	}
	r.fence(r.client) // nothing was sent
}

func TestREQ_ASK_01_HandlersThatAreNoneAreRefused(t *testing.T) {
	none := protocol.Handlers{Interaction: map[string]protocol.InteractionHandler{"choices": nil}}
	if _, err := protocol.New(protocol.Options{URL: "ws://h", Handlers: none}); !errors.Is(err, protocol.ErrInvalidArgument) {
		t.Error(err)
	}
	r := connected(t)
	if err := r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "hi"}, none).Err(); !errors.Is(err, protocol.ErrInvalidArgument) {
		t.Error(err)
	}
	if _, err := r.client.StartConversation(t.Context(), protocol.StartOptions{AgentID: "a", Handlers: none}); !errors.Is(err, protocol.ErrInvalidArgument) {
		t.Error(err)
	}
}
