package protocol_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

func TestAnObserverHearsWhatAClientDoes(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	say := func(format string, values ...any) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, fmt.Sprintf(format, values...))
	}
	observer := protocol.Observer{
		Attempt: func(host string, err error) { say("attempt %t %v", host != "", err) },
		Call:    func(action, requestID string, err error) { say("call %s %s %v", action, requestID, protocol.Kind(err)) },
		TurnStarted: func(requestID, sessionID string) {
			say("started %s %t", requestID, sessionID != "")
			panic("a hook that fails")
		},
		FirstToken: func(requestID string) { say("first %s", requestID) },
		Question:   func(requestID string, kind protocol.QuestionKind) { say("question %s %s", requestID, kind) },
		TurnSettled: func(requestID string, outcome protocol.Outcome, err error) {
			say("settled %s %s %v", requestID, outcome, protocol.Kind(err))
		},
	}
	r := connected(t, func(o *protocol.Options) { o.Observer = observer })
	good, bad := r.turn(), r.turn()
	r.send(token("r1", ""), token("r1", "a"), token("r1", "b"), confirmation("r1"), final("r1", "done"), failure("r2", "AGENT_ERROR"))
	wait(t, good)
	_, _ = bad.Wait(within(t))
	r.fence(r.client)
	_ = r.client.Close()
	want := []string{
		"attempt true <nil>", "started r1 true", "started r2 true", "first r1", "question r1 confirmation",
		"settled r1 completed ", "settled r2  server_error", "call ping r3 ",
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(heard, want) {
		t.Errorf("%q", heard)
	}
}
