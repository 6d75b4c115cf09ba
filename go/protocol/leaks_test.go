package protocol_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// What a client keeps does not grow with what it has done: goroutines, timers, and the records of turns
// and sessions, which are bounded.
func TestREQ_CONN_05_AThousandTurnsLeaveNothingBehind(t *testing.T) {
	r := connected(t)
	more := func(turns int) {
		for range turns {
			turn := r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "hi"})
			r.recv("send_message")
			r.send(token(turn.RequestID(), "a"), final(turn.RequestID(), "a"))
			for range turn.Events() {
			}
			if _, err := turn.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	more(1_200) // the bounded records are full
	goroutines, memory := runtime.NumGoroutine(), inUse()
	more(1_000)
	r.fence(r.client)
	r.clock.Advance(10 * time.Second) // the link is stable from now on
	if r.clock.Armed() != 0 {
		t.Error(r.clock.Armed(), "timers are armed")
	}
	if now := runtime.NumGoroutine(); now > goroutines {
		t.Error(now-goroutines, "goroutines more")
	}
	if grown := inUse() - memory; grown > 256<<10 {
		t.Error(fmt.Sprintf("%d bytes more are in use", grown))
	}
}
