package protocol_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// Turns of a session behind each other, as far as frames cannot show it.

func inLine(o *protocol.Options) { o.TurnPolicy = protocol.TurnPolicyQueue }

func say(r *rig, ctx context.Context, text string) *protocol.Turn {
	return r.client.SendMessage(ctx, protocol.SendMessage{SessionID: "s", Message: text})
}

func TestREQ_TURN_31_AHundredMessagesAreAnsweredInTheirOrder(t *testing.T) {
	r := connected(t, inLine)
	var turns []*protocol.Turn
	for n := range 100 {
		turns = append(turns, say(r, t.Context(), fmt.Sprintf("m%d", n)))
	}
	for n, turn := range turns {
		if got := r.recv("send_message"); got["message"] != fmt.Sprintf("m%d", n) || got["requestId"] != turn.RequestID() {
			t.Fatal(n, got)
		}
		r.send(final(turn.RequestID(), "a"))
		wait(t, turn)
	}
	r.fence(r.client)
	r.clock.Advance(10 * time.Second) // the link is stable from now on
	if n := r.clock.Armed(); n != 0 {
		t.Error(n, "timers are armed")
	}
}

func TestREQ_TURN_31_WhatWaitsIsEndedByCloseWithItsOwnError(t *testing.T) {
	r := connected(t, inLine)
	turns := []*protocol.Turn{say(r, t.Context(), "1"), say(r, t.Context(), "2"), say(r, t.Context(), "3")}
	r.recv("send_message")
	_ = r.client.Close()
	for _, turn := range turns {
		_, err := turn.Wait(within(t))
		wantKind(t, err, protocol.ErrorKindClientClosed)
	}
}

func TestREQ_TURN_31_TheContextOfWhatWaitsSendsNothing(t *testing.T) {
	r := connected(t, inLine)
	first := say(r, t.Context(), "first")
	r.recv("send_message")
	ctx, stop := context.WithCancel(t.Context())
	second := say(r, ctx, "second")
	if second.State() != protocol.TurnStateSent {
		t.Error(second)
	}
	stop()
	if _, err := second.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	until(t, "its end", func() bool { return second.State() == protocol.TurnStateSettled })
	r.send(final(first.RequestID(), "one"))
	wait(t, first)
	r.fence(r.client)
}

func TestREQ_TURN_32_AnErrorAfterTheSecondTryIsTheTurns(t *testing.T) {
	r := connected(t)
	first := say(r, t.Context(), "first")
	r.recv("send_message")
	r.send(final(first.RequestID(), "one"))
	wait(t, first)
	second := say(r, t.Context(), "second")
	refused := r.recv("send_message")["requestId"].(string)
	r.send(failure(refused, "TURN_IN_PROGRESS"), token(refused, "stray"))
	r.fence(r.client)
	if second.State() != protocol.TurnStateSent || second.PartialText() != "" || second.Err() != nil {
		t.Error(second, second.PartialText(), second.Err())
	}
	r.clock.Advance(250 * time.Millisecond)
	again := r.recv("send_message")["requestId"].(string)
	if again != second.RequestID() || again == refused {
		t.Error(again, second)
	}
	r.send(failure(again, "TURN_IN_PROGRESS"))
	_, err := second.Wait(within(t))
	var agent *protocol.AgentError
	if !errors.Is(err, protocol.ErrTurnInProgress) || !errors.As(err, &agent) || agent.RequestID != again {
		t.Errorf("%+v", err)
	}
}
