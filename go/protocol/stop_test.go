package protocol_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

func TestREQ_STOP_01_CancelIsWrittenOnce(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	first := later(func() (any, error) { return nil, turn.Cancel(within(t)) })
	if got := r.recv("cancel"); got["requestId"] != "r1" || got["sessionId"] != "s" {
		t.Error(got)
	}
	second := later(func() (any, error) { return nil, turn.Cancel(within(t)) })
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := r.client.Cancel(short, protocol.Cancel{RequestID: "r1"}) // REQ-VERB-08: the same turn
	if !errors.Is(err, context.DeadlineExceeded) || len(first) != 0 || len(second) != 0 {
		t.Fatal("it resolved before the turn settled", err)
	}
	r.send(frame{"type": "cancelled", "requestId": "r1", "status": 499})
	for _, done := range []<-chan outcome[any]{first, second} {
		if err := receive(t, done, "cancel").err; err != nil {
			t.Error(err)
		}
	}
	if err := turn.Cancel(within(t)); err != nil {
		t.Error(err)
	}
	r.fence(r.client)
}

func TestREQ_STOP_02_AnUnansweredCancelSettlesByItself(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	r.send(token("r1", "half"))
	done := later(func() (any, error) { return nil, turn.Cancel(within(t)) })
	r.recv("cancel")
	r.fence(r.client)
	r.clock.Advance(5 * time.Second)
	receive(t, done, "cancel")
	if got := wait(t, turn); got.Outcome != protocol.OutcomeCancelled || *got.Confirmed || got.Text != "half" || got.Event != nil {
		t.Errorf("%+v", got)
	}
}

func TestREQ_STOP_02_ACancelThatIsNotWaitedForSettlesWithoutTime(t *testing.T) {
	r := connected(t, func(o *protocol.Options) { o.CancelTimeout = protocol.Off })
	turn := r.turn()
	done := later(func() (any, error) { return nil, turn.Cancel(within(t)) })
	r.recv("cancel")
	r.clock.Advance(0)
	receive(t, done, "cancel")
	if got := wait(t, turn); got.Outcome != protocol.OutcomeCancelled || *got.Confirmed {
		t.Errorf("%+v", got)
	}
}

func TestREQ_STOP_03_ATurnThatFinishedFirstKeepsItsResult(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	done := later(func() (any, error) { return nil, turn.Cancel(within(t)) })
	r.recv("cancel")
	r.send(final("r1", "done"), frame{"type": "cancelled", "requestId": "r1", "status": 499})
	receive(t, done, "cancel")
	if got := wait(t, turn); got.Outcome != protocol.OutcomeCompleted || got.Text != "done" {
		t.Errorf("%+v", got)
	}
}

func TestREQ_STOP_04_AContextStopsTheTurn(t *testing.T) {
	r := connected(t)
	ctx, cancel := context.WithCancel(context.Background())
	turn := r.client.SendMessage(ctx, protocol.SendMessage{SessionID: "s", Message: "m"})
	r.recv("send_message")
	streamed := later(func() (any, error) {
		for _, err := range turn.Stream() {
			if err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	waited := later(func() (*protocol.TurnResult, error) { return turn.Wait(ctx) })
	elsewhere := later(func() (*protocol.TurnResult, error) { return turn.Wait(within(t)) })
	r.fence(r.client)
	cancel()
	for _, err := range []error{receive(t, streamed, "the stream").err, receive(t, waited, "wait").err} {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	r.recv("cancel")
	r.send(frame{"type": "cancelled", "requestId": "r1", "status": 499})
	if got := receive(t, elsewhere, "the other wait"); got.err != nil || got.value.Outcome != protocol.OutcomeCancelled {
		t.Error(got)
	}
	if _, err := turn.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestREQ_STOP_04_AContextThatEndedSendsNothing(t *testing.T) {
	r := connected(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	turn := r.client.SendMessage(ctx, protocol.SendMessage{SessionID: "s", Message: "m"})
	for _, err := range turn.Stream() {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if _, err := turn.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.fence(r.client)
}

func TestREQ_STOP_04_AWaitWithFollowersStopsNothing(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	events := turn.Iterate()
	ctx, cancel := context.WithCancel(context.Background())
	waited := later(func() (*protocol.TurnResult, error) { return turn.Wait(ctx) })
	cancel()
	if err := receive(t, waited, "wait").err; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.fence(r.client) // the iterator follows the turn
	if _, err := events.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.recv("cancel") // now nobody does
}

func TestREQ_STOP_05_LeavingALoopStopsTheTurn(t *testing.T) {
	for name, leave := range map[string]func(*protocol.Turn){
		"break": func(t *protocol.Turn) {
			for range t.Stream() {
				break
			}
		}, //nolint:staticcheck // leaving is the point
		"break of Text": func(t *protocol.Turn) {
			for range t.Text() {
				break
			}
		}, //nolint:staticcheck
		"iterator close": func(t *protocol.Turn) { _ = t.Iterate().Close() },
		"turn close":     func(t *protocol.Turn) { _ = t.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t)
			turn := r.turn()
			r.send(token("r1", "a"))
			leave(turn)
			r.recv("cancel")
			_ = turn.Close()
			r.fence(r.client) // once
		})
	}
}

func TestREQ_STOP_05_ADetachedTurnRunsOn(t *testing.T) {
	r := connected(t)
	ctx, cancel := context.WithCancel(context.Background())
	turn := r.client.SendMessage(ctx, protocol.SendMessage{SessionID: "s", Message: "m"})
	r.recv("send_message")
	turn.Detach()
	cancel()
	_ = turn.Close()
	r.fence(r.client)
	r.send(final("r1", "ok"))
	if wait(t, turn).Text != "ok" {
		t.Error("it was stopped")
	}
}

func TestREQ_STOP_06_ARefusedCancelLeavesTheTurnAlive(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	done := later(func() (any, error) { return nil, turn.Cancel(within(t)) })
	r.recv("cancel")
	r.send(failure("r1", "UNSUPPORTED_ACTION"))
	r.fence(r.client)
	if turn.State() != protocol.TurnStateRunning || len(done) != 0 {
		t.Error(turn.State())
	}
	r.clock.Advance(5 * time.Second)
	receive(t, done, "cancel")
	if *wait(t, turn).Confirmed {
		t.Error("nobody confirmed")
	}
}
