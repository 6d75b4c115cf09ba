// Testee of the Go client: drives it by JSON lines and decides nothing (PROTOCOL.md).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
	"github.com/SmooAI/smooth-operator/go/protocol/protocoltest"
)

// refusal is a command that cannot be taken.
type refusal struct{ kind, message string }

func refuse(kind, message string) { panic(refusal{kind, message}) }

func must(err error) {
	if err != nil {
		refuse("bad-request", err.Error())
	}
}

// testee holds the handles of one case.
type testee struct {
	out    *bufio.Writer
	mu     sync.Mutex // guards out and the counters
	n      int
	items  int
	canary string
	muted  bool

	handles map[string]any
	clocks  map[string]*protocoltest.VirtualClock
	lanes   map[string]*lane
	running sync.WaitGroup
	names   sync.Mutex // guards handles, waiting and the scripts of handlers
	waiting map[string][]chan gift
}

func (t *testee) forget() {
	t.handles = map[string]any{}
	t.clocks = map[string]*protocoltest.VirtualClock{}
	t.lanes = map[string]*lane{}
	t.waiting = map[string][]chan gift{}
}

// write puts one line out; the caller holds t.mu.
func (t *testee) write(line object) {
	encoder := json.NewEncoder(t.out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		panic(err)
	}
	t.out.Flush()
}

func (t *testee) event(ev string, body object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ev == "item" {
		t.items++
	}
	if t.muted || t.canary == "drop-3rd-item" && ev == "item" && t.items == 3 {
		return
	}
	if t.canary == "alter-text" && ev == "ended" {
		body["text"] = body["text"].(string) + "!"
	}
	if failure, ok := body["error"].(object); ok && t.canary == "drop-error-code" {
		delete(failure, "code")
	}
	body["ev"], body["n"] = ev, t.n
	t.n++
	t.write(body)
}

func (t *testee) set(name string, handle any) {
	t.names.Lock()
	defer t.names.Unlock()
	t.handles[name] = handle
}

func get[T any](t *testee, name string) T {
	t.names.Lock()
	defer t.names.Unlock()
	handle, ok := t.handles[name].(T)
	if !ok {
		refuse("unknown-handle", fmt.Sprintf("%q names no %T", name, handle))
	}
	return handle
}

// lane returns the lane of a name, a new one when make is set.
func (t *testee) lane(name string, make bool) *lane {
	if make {
		t.lanes[name] = newLane()
	}
	if t.lanes[name] == nil {
		refuse("unknown-handle", name+" is not waited for")
	}
	return t.lanes[name]
}

// spawn runs what waits for the wire beside the command loop, and first lets it get as far as it
// does without an answer, so that commands are issued in their order, however busy the machine is.
func (t *testee) spawn(l *lane, f func()) {
	begun, done := l.begins(), make(chan struct{})
	t.running.Go(func() {
		defer close(done)
		defer func() {
			if what := recover(); what != nil {
				t.event("unhandled", object{"what": fmt.Sprint(what)})
			}
		}()
		f()
	})
	select {
	case <-begun:
	case <-done:
	}
	runtime.Gosched()
}

// issue runs a wait and reports what it gave.
func (t *testee) issue(name string, aborted bool, wait func(*lane) (any, error)) {
	l := t.lane(name, t.lanes[name] == nil)
	if aborted {
		l.cancel()
	}
	t.spawn(l, func() {
		value, err := wait(l)
		if err != nil {
			t.event("returned", object{"as": name, "error": errorBody(err)})
			return
		}
		if chat, ok := value.(*protocol.Conversation); ok {
			t.set(name, chat)
		}
		t.event("returned", object{"as": name, "value": valueBody(value)})
	})
}

// take carries out one command line and reports whether it was the last.
func (t *testee) take(line []byte) (last bool) {
	var c command
	reply := object{}
	defer func() {
		if found := recover(); found != nil {
			refused, ok := found.(refusal)
			if !ok {
				refused = refusal{"internal", fmt.Sprint(found)}
			}
			reply = object{"fail": object{"kind": refused.kind, "message": refused.message}}
		}
		reply["id"] = c.ID
		t.mu.Lock()
		defer t.mu.Unlock()
		t.write(reply)
	}()
	must(json.Unmarshal(line, &c))
	do, ok := commands[c.Cmd]
	if !ok {
		refuse("unknown-command", c.Cmd)
	}
	reply["ok"] = object{}
	if body := do(t, &c); body != nil {
		reply["ok"] = body
	}
	return c.Cmd == "bye"
}

// reset closes everything and forgets it.
func (t *testee) reset() {
	var closing sync.WaitGroup
	for _, handle := range t.handles {
		if client, ok := handle.(*protocol.Client); ok {
			closing.Go(func() { _ = client.Close() })
		}
	}
	for _, clock := range t.clocks {
		clock.Advance(time.Minute)
	}
	closing.Wait()
	done := make(chan struct{})
	go func() { t.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(500 * time.Millisecond):
	}
	t.mu.Lock()
	t.muted = true // what is held or dropped reports nothing more
	t.mu.Unlock()
	for _, l := range t.lanes {
		l.cancel()
	}
	<-done
	t.forget()
	t.mu.Lock()
	t.muted = false
	t.mu.Unlock()
}

func main() {
	runtime.GOMAXPROCS(1) // see spawn
	t := &testee{out: bufio.NewWriter(os.Stdout)}
	t.forget()
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.reset()
			return
		}
		if t.take(line) {
			return
		}
	}
}

func dump() {
	_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
	fmt.Fprintln(os.Stderr, runtime.Version())
}
