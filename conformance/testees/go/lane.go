package main

import (
	"context"
	"io"
	"sync"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// lane is one thing that the testee waits for, under the name of its turn or of its own.
type lane struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	events  *protocol.EventIterator
	permits int           // items that may still be read; negative: all
	opened  chan struct{} // closed when permits were given
	begun   chan struct{} // closed when what was issued waits; nil when nobody asks
	left    bool
}

func newLane() *lane {
	l := &lane{permits: -1, opened: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	l.ctx, l.cancel = laneContext{ctx, l}, cancel
	return l
}

// laneContext tells its lane when somebody begins to wait with it: by then the client has queued what
// it was asked for and armed its limits.
type laneContext struct {
	context.Context
	lane *lane
}

func (c laneContext) Done() <-chan struct{} {
	c.lane.begin()
	return c.Context.Done()
}

// begins returns a channel that is closed by the next begin.
func (l *lane) begins() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = make(chan struct{})
	return l.begun
}

// begin says that what was issued has got as far as it does without an answer.
func (l *lane) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begun != nil {
		close(l.begun)
		l.begun = nil
	}
}

// give sets how many items may be read from now on.
func (l *lane) give(permits int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.permits = permits
	close(l.opened)
	l.opened = make(chan struct{})
}

// next reads one item, once it is permitted.
func (l *lane) next() (protocol.Event, error) {
	for {
		l.mu.Lock()
		permitted, opened := l.permits != 0, l.opened
		if l.permits > 0 {
			l.permits--
		}
		l.mu.Unlock()
		if permitted {
			return l.events.Next(l.ctx)
		}
		select {
		case <-opened:
		case <-l.ctx.Done():
			return l.events.Next(l.ctx)
		}
	}
}

// leave closes the iteration; nothing more is reported of it.
func (l *lane) leave() {
	_ = l.events.Close()
	l.mu.Lock()
	l.left = true
	l.mu.Unlock()
	l.give(-1)
}

func (l *lane) wasLeft() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left
}

// watch reports the items of a turn and then its end.
func (t *testee) watch(name string, turn *protocol.Turn, l *lane) {
	var raised error
	for l.events != nil && raised == nil {
		event, err := l.next()
		if err == io.EOF {
			break
		}
		if raised = err; err == nil {
			t.item(object{"turn": name}, turn, event)
		}
	}
	if l.wasLeft() {
		return
	}
	if protocol.Kind(raised) == protocol.ErrorKindNativeCancelled {
		t.event("returned", object{"as": name, "error": errorBody(raised)})
		return
	}
	result, err := turn.Wait(l.ctx)
	if protocol.Kind(err) == protocol.ErrorKindNativeCancelled {
		t.event("returned", object{"as": name, "error": errorBody(err)})
		return
	}
	body := object{"outcome": "failed", "text": turn.PartialText()}
	if err != nil {
		body["error"] = errorBody(err)
	} else {
		body = resultBody(result)
	}
	body.add("raised", protocol.Kind(raised), raised != nil)
	body["turn"] = name
	t.event("ended", body)
}

// follow reports the items of a further iterator.
func (t *testee) follow(name, turn string, handle *protocol.Turn, l *lane) error {
	for {
		event, err := l.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		t.item(object{"turn": turn, "as": name}, handle, event)
	}
}

func (t *testee) item(body object, turn *protocol.Turn, event protocol.Event) {
	body.add("handled", true, turn.Handled(event))
	for key, value := range itemBody(event) {
		body[key] = value
	}
	t.event("item", body)
}
