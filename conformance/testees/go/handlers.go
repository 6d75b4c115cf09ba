package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// gift is what a scripted handler gives.
type gift struct {
	Value                          json.RawMessage
	Decline, Raise, Nonsense, Wait bool
}

// err is what the handler returns beside its value; what is no answer Go's types forbid.
func (g gift) err() error {
	switch {
	case g.Decline:
		return protocol.ErrDeclined
	case g.Raise, g.Nonsense:
		return errors.New("as the case says")
	}
	return nil
}

// script is one handler; called counts its calls.
type script struct {
	As     string
	Gives  []gift
	called int
}

// scripts are the handlers of one level.
type scripts struct {
	Confirm, OTP *script
	Interaction  map[string]*script
}

// handlers makes the handlers of a command.
func (t *testee) handlers(told scripts) protocol.Handlers {
	made := protocol.Handlers{Interaction: map[string]protocol.InteractionHandler{}}
	if s := told.Confirm; s != nil {
		made.Confirm = func(ctx context.Context, ask protocol.ConfirmAsk) (bool, error) {
			body := object{"actionDescription": ask.ActionDescription}.add("toolId", ask.ToolID, ask.ToolID != "")
			return give[bool](ctx, t, s, "confirmation", ask.RequestID, ask.SessionID, body)
		}
	}
	if s := told.OTP; s != nil {
		made.OTP = func(ctx context.Context, ask protocol.OTPAsk) (string, error) {
			return give[string](ctx, t, s, "otp", ask.RequestID, ask.SessionID, otpBody(ask))
		}
	}
	for kind, s := range told.Interaction {
		made.Interaction[kind] = func(ctx context.Context, ask protocol.InteractionAsk) (any, error) {
			body := object{"interactionId": ask.InteractionID, "kind": ask.Kind, "spec": ask.Spec}
			body.add("reason", ask.Reason, ask.Reason != "").add("message", ask.Message, ask.Message != "")
			body.add("errors", ask.Errors, len(ask.Errors) > 0)
			return give[any](ctx, t, s, "interaction", ask.RequestID, ask.SessionID, body)
		}
	}
	return made
}

func otpBody(ask protocol.OTPAsk) object {
	body := object{}
	for name, text := range map[string]string{
		"toolId": ask.ToolID, "actionDescription": ask.ActionDescription, "authLevel": ask.AuthLevel,
		"channel": string(ask.Channel), "maskedDestination": ask.MaskedDestination, "message": ask.Message,
	} {
		body.add(name, text, text != "")
	}
	body.add("availableChannels", ask.AvailableChannels, len(ask.AvailableChannels) > 0)
	body.add("attemptsRemaining", ask.AttemptsRemaining, ask.AttemptsRemaining != nil)
	return body.add("error", ask.Error, ask.Error != nil)
}

// give reports a call and gives what the script says for it.
func give[V any](
	ctx context.Context, t *testee, s *script, question, requestID, sessionID string, ask object,
) (value V, err error) {
	t.names.Lock()
	given := s.Gives[min(s.called, len(s.Gives)-1)]
	s.called++
	waits := make(chan gift, 1)
	if given.Wait {
		t.waiting[s.As] = append(t.waiting[s.As], waits)
	}
	t.names.Unlock()
	t.event("called", object{
		"as": s.As, "question": question, "requestId": requestID, "sessionId": sessionID, "ask": ask,
	})
	if given.Wait {
		select {
		case given = <-waits:
		case <-ctx.Done():
			t.names.Lock()
			t.waiting[s.As] = slices.DeleteFunc(t.waiting[s.As], func(w chan gift) bool { return w == waits })
			t.names.Unlock()
			t.event("signalled", object{"as": s.As})
			return value, ctx.Err()
		}
	}
	if err = given.err(); err == nil && given.Value != nil {
		err = json.Unmarshal(given.Value, &value)
	}
	return value, err
}

// giveNow lets the call that has waited longest give something.
func giveNow(t *testee, c *command) any {
	t.names.Lock()
	defer t.names.Unlock()
	waiting := t.waiting[c.Handler]
	if len(waiting) == 0 {
		refuse("unknown-handle", c.Handler+" waits for nothing")
	}
	t.waiting[c.Handler] = waiting[1:]
	waiting[0] <- c.gift
	return nil
}

// warner tells of each line of the log at warning.
type warner struct{ tell func() }

func (warner) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (w warner) Handle(context.Context, slog.Record) error { w.tell(); return nil }

func (w warner) WithAttrs([]slog.Attr) slog.Handler { return w }

func (w warner) WithGroup(string) slog.Handler { return w }
