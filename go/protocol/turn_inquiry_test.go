package protocol_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// What Recover asks of the server: what no frame shows of it (REQ-RESUME-12).

// interrupted returns a client with a turn that another link has.
func interrupted(t *testing.T, change ...func(*protocol.Options)) (*rig, *protocol.Conversation, *protocol.Turn) {
	t.Helper()
	r, c := replaying(t, nil, change...)
	turn, _ := sent(r, c)
	r.send(resumed(turn.RequestID(), "moved", 0))
	if _, err := turn.Wait(within(t)); !errors.Is(err, protocol.ErrTurnInterrupted) {
		t.Fatal(err)
	}
	return r, c, turn
}

func recovering(ctx context.Context, of interface {
	Recover(context.Context) (*protocol.Recovery, error)
}) <-chan outcome[*protocol.Recovery] {
	return later(func() (*protocol.Recovery, error) { return of.Recover(ctx) })
}

func wantStatus(t *testing.T, from <-chan outcome[*protocol.Recovery], want protocol.RecoveryStatus) {
	t.Helper()
	if got := receive(t, from, "the recovery"); got.err != nil || got.value.Status != want {
		t.Fatalf("got %+v, %v; want %s", got.value, got.err, want)
	}
}

// silent proves that the client wrote nothing since.
func (r *rig) silent() { r.fence(r.client) }

func TestREQ_RESUME_12_TheErrorAsksAfterTheNewestEventOfItsTurn(t *testing.T) {
	r, c := replaying(t, nil)
	turn, events := sent(r, c, "a", "b")
	r.send(events[:3]...)
	r.send(resumed(turn.RequestID(), "moved", 3))
	_, err := turn.Wait(within(t))
	var lost *protocol.TurnInterruptedError
	if !errors.As(err, &lost) {
		t.Fatal(err)
	}
	found := recovering(within(t), lost)
	if asked := r.recv("resume_turn"); asked["afterSeq"] != 3. || asked["requestId"] != turn.RequestID() || asked["sessionId"] != "s" {
		t.Error(asked)
	}
	r.send(resumed(turn.RequestID(), "never", 0)) // it came once: only the history knows
	page := r.recv("get_conversation_messages")
	r.send(frame{
		"type": "immediate_response", "requestId": page["requestId"], "status": 200,
		"data": frame{"messages": []frame{stored("inbound", turn.RequestID(), "failed")}, "hasMore": false, "nextCursor": nil},
	})
	wantStatus(t, found, protocol.RecoveryNotAnswered)
}

func TestREQ_RESUME_12_ARecoveryThatIsCancelledLeavesNothing(t *testing.T) {
	r, c, turn := interrupted(t)
	armed := r.clock.Armed()
	ctx, cancel := context.WithCancel(t.Context())
	found := recovering(ctx, turn)
	r.recv("resume_turn")
	r.send(failure(turn.RequestID(), "RATE_LIMITED")) // it is asked again after a while
	r.fence(r.client)
	cancel()
	if got := receive(t, found, "the end of the wait"); !errors.Is(got.err, context.Canceled) {
		t.Error(got)
	}
	if now := r.clock.Armed(); now != armed {
		t.Error(now-armed, "timers more")
	}
	r.clock.Advance(time.Minute)
	r.silent()
	again := c.Send(t.Context(), "hi", &protocol.SendOptions{RequestID: turn.RequestID()})
	r.recv("send_message") // nobody has the id
	if again.Err() != nil {
		t.Error(again.Err())
	}
	if ended := recovering(ctx, turn); !errors.Is(receive(t, ended, "the refusal").err, context.Canceled) {
		t.Error("a context that has ended asks")
	}
}

func TestREQ_RESUME_12_WhenTheFirstRecoveryIsCancelledTheSecondAsks(t *testing.T) {
	r, _, turn := interrupted(t)
	ctx, cancel := context.WithCancel(t.Context())
	first := recovering(ctx, turn)
	r.recv("resume_turn")
	second := recovering(within(t), turn)
	r.silent()
	cancel()
	r.recv("resume_turn")
	if got := receive(t, first, "the end of the wait"); !errors.Is(got.err, context.Canceled) {
		t.Error(got)
	}
	r.send(resumed(turn.RequestID(), "never", 0))
	wantStatus(t, second, protocol.RecoveryNotDelivered)
}

func TestREQ_RESUME_12_ACloseFailsWhatIsAskedAndWhoWaitsForIt(t *testing.T) {
	r, _, turn := interrupted(t)
	first := recovering(within(t), turn)
	r.recv("resume_turn")
	second := recovering(within(t), turn)
	r.silent()
	_ = r.client.Close()
	got := receive(t, first, "the error")
	var agent *protocol.AgentError
	if !errors.Is(got.err, protocol.ErrClientClosed) || !errors.As(got.err, &agent) || agent.RequestID != turn.RequestID() {
		t.Error(got.err)
	}
	// The second one may have come too late to wait for the first.
	got = receive(t, second, "the error")
	if !errors.Is(got.err, protocol.ErrClientClosed) && !errors.Is(got.err, protocol.ErrNotConnected) {
		t.Error(got.err)
	}
}

func TestREQ_RESUME_12_WhoRecoversARunningTurnIsNoReaderOfIt(t *testing.T) {
	r, c := replaying(t, nil)
	turn, _ := sent(r, c)
	ctx, cancel := context.WithCancel(t.Context())
	found := recovering(ctx, turn)
	r.silent()
	cancel()
	if got := receive(t, found, "the end of the wait"); !errors.Is(got.err, context.Canceled) {
		t.Error(got)
	}
	wantState(t, turn, protocol.TurnStateSent)
	found = recovering(within(t), turn)
	r.silent()
	_ = turn.Close()
	r.recv("cancel")
	r.send(frame{"type": "cancelled", "requestId": turn.RequestID(), "seq": 1, "data": frame{
		"requestId": turn.RequestID(), "status": 200, "data": frame{},
	}})
	page := r.recv("get_conversation_messages")
	r.send(frame{
		"type": "immediate_response", "requestId": page["requestId"], "status": 200,
		"data": frame{"messages": []frame{stored("inbound", turn.RequestID(), "cancelled")}, "hasMore": false, "nextCursor": nil},
	})
	wantStatus(t, found, protocol.RecoveryNotAnswered)
}

func TestREQ_RESUME_12_AThousandRecoveriesThatRunIntoTheLimitLeaveNothing(t *testing.T) {
	r, _, turn := interrupted(t, func(o *protocol.Options) { o.ResumeTimeout = time.Second })
	r.clock.Advance(10 * time.Second) // the link is stable from now on
	more := func(times int) {
		for range times {
			found := recovering(within(t), turn)
			r.recv("resume_turn")
			r.clock.Advance(time.Second)
			wantStatus(t, found, protocol.RecoveryUnknown)
		}
	}
	more(100)
	goroutines, memory := runtime.NumGoroutine(), inUse()
	more(1_000)
	r.fence(r.client)
	if r.clock.Armed() != 0 {
		t.Error(r.clock.Armed(), "timers are armed")
	}
	until(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines })
	if grown := inUse() - memory; grown > 1<<20 { // the contexts of this test are there
		t.Error(fmt.Sprintf("%d bytes more are in use", grown))
	}
	if _, known := r.client.Turn(turn.RequestID()); known {
		t.Error("what is asked became a turn")
	}
}

func TestREQ_RESUME_12_WhatIsAskedOnManyLinksIsNobodys(t *testing.T) {
	r, _, turn := interrupted(t)
	told := moves(r.client)
	pushed := make(chan protocol.Event, 16)
	r.client.OnEvent(func(event protocol.Event) { pushed <- event })
	found := recovering(within(t), turn)
	r.recv("resume_turn")
	events := script(turn.RequestID(), "a", "b")
	for range 3 {
		r.send(resumed(turn.RequestID(), "running", 3))
		r.send(events[:3]...)
		r.fence(r.client)
		if got := r.client.Counters(); got.OpenTurns != 0 || got.ResumedTurns != 0 {
			t.Errorf("%+v", got)
		}
		if asked := r.cut(t, told); asked["afterSeq"] != 0. {
			t.Error(asked)
		}
	}
	r.send(resumed(turn.RequestID(), "never", 0))
	wantStatus(t, found, protocol.RecoveryNotDelivered)
	if len(pushed) != 0 || turn.PartialText() != "" {
		t.Error(len(pushed), turn.PartialText())
	}
}
