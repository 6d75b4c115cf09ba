package protocol_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/SmooAI/smooth-operator/go/protocol"
	"github.com/SmooAI/smooth-operator/go/protocol/protocoltest"
)

// seeks lets a client seek a lost link, and draw 0: the first wait is none, the others are BackoffBase.
func seeks(o *protocol.Options) {
	o.AutoReconnect = new(true)
	o.Random = func() float64 { return 0 }
}

// moves returns what a client tells of its link from now on.
func moves(client *protocol.Client) <-chan protocol.StateChange {
	told := make(chan protocol.StateChange, 64)
	client.OnState(func(s protocol.StateChange) { told <- s })
	return told
}

// wantMove waits for the next move and checks where it leads to.
func wantMove(t *testing.T, told <-chan protocol.StateChange, to protocol.ConnectionState, reason string) protocol.StateChange {
	t.Helper()
	got := receive(t, told, string(to))
	if got.Current != to || got.Reason != reason {
		t.Fatalf("got %+v; want %s, %s", got, to, reason)
	}
	return got
}

// lose drops the link of a client and lets its next one come.
func (r *rig) lose(t *testing.T, told <-chan protocol.StateChange) {
	t.Helper()
	_ = r.conn.CloseNow()
	wait := wantMove(t, told, protocol.ConnectionStateReconnecting, "lost")
	r.clock.Advance(wait.RetryIn)
	r.peerLink = r.link()
	wantMove(t, told, protocol.ConnectionStateOpen, "opened")
}

func TestREQ_CONN_30_ALostLinkIsFoundAgainAndWorks(t *testing.T) {
	r := connected(t, seeks)
	told := moves(r.client)
	r.lose(t, told)
	r.fence(r.client)
	want := protocol.Counters{Connects: 2, Reconnects: 1, FramesIn: 1, FramesOut: 1}
	until(t, "the ping is counted", func() bool { return r.client.Counters() == want })
}

// What a client keeps does not grow with the links that it has had.
func TestREQ_CONN_37_AThousandLostLinksLeaveNothingBehind(t *testing.T) {
	r := connected(t, seeks)
	told := moves(r.client)
	more := func(links int) {
		for range links {
			r.lose(t, told)
		}
		r.clock.Advance(time.Minute) // the link is stable
		r.fence(r.client)
	}
	more(100)
	goroutines, memory := runtime.NumGoroutine(), inUse()
	more(1_000)
	if r.clock.Armed() != 0 {
		t.Error(r.clock.Armed(), "timers are armed")
	}
	// A handler of the peer's may not have returned yet.
	for limit := time.Now().Add(patience); runtime.NumGoroutine() > goroutines+2 && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > goroutines+2 {
		t.Error(now-goroutines, "goroutines more")
	}
	// The peer of the test keeps every handshake.
	if grown := inUse() - memory; grown > 16<<20 {
		t.Error(fmt.Sprintf("%d bytes more are in use", grown))
	}
}

// deafSocket takes everything and says nothing, not even in answer to a close frame.
type deafSocket struct {
	once   sync.Once
	gone   chan struct{}
	closed chan int
}

func newDeafSocket() *deafSocket {
	return &deafSocket{gone: make(chan struct{}), closed: make(chan int, 1)}
}

func (s *deafSocket) Read() ([]byte, bool, error) {
	<-s.gone
	return nil, false, errors.New("gone")
}

func (s *deafSocket) Write([]byte) error { return nil }

func (s *deafSocket) Close(code int) error {
	s.closed <- code
	return nil
}

func (s *deafSocket) Abort() { s.once.Do(func() { close(s.gone) }) }

func TestREQ_CONN_37_ThereAreNeverTwoSockets(t *testing.T) {
	opened := make(chan *deafSocket, 2)
	var before *deafSocket
	r := rig{clock: protocoltest.NewVirtualClock()}
	options := protocol.Options{URL: "ws://127.0.0.1:1", Clock: r.clock, PingInterval: time.Second, PongTimeout: time.Second}
	seeks(&options)
	options.Opener = func(context.Context, protocol.OpenRequest) (protocol.Socket, error) {
		if before != nil {
			select {
			case <-before.gone:
			default:
				t.Error("the socket before is still there")
			}
		}
		before = newDeafSocket()
		opened <- before
		return before, nil
	}
	client := newClient(t, options)
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	told := moves(client)
	first := receive(t, opened, "a socket")
	r.clock.Advance(2 * time.Second)
	lost := wantMove(t, told, protocol.ConnectionStateReconnecting, "pong_timeout")
	if code := receive(t, first.closed, "a close frame"); code != 4408 || lost.CloseCode != 4408 {
		t.Error(code, lost)
	}
	r.clock.Advance(lost.RetryIn)
	receive(t, opened, "the next socket")
	wantMove(t, told, protocol.ConnectionStateOpen, "opened")
}

func TestREQ_CONN_37_CloseEndsTheWaitAndTheAttempt(t *testing.T) {
	for name, wait := range map[string]bool{"wait": true, "attempt": false} {
		t.Run(name, func(t *testing.T) {
			r := connected(t, seeks)
			told := moves(r.client)
			asked := make(chan struct{})
			r.mu.Lock()
			r.answer = holding(asked)
			r.mu.Unlock()
			_ = r.conn.CloseNow()
			wantMove(t, told, protocol.ConnectionStateReconnecting, "lost")
			if !wait {
				r.client.Wake()
				receive(t, asked, "the handshake")
			}
			_ = r.client.Close()
			if r.client.State() != protocol.ConnectionStateClosed || r.clock.Armed() != 0 {
				t.Error(r.client.State(), r.clock.Armed())
			}
			wantMove(t, told, protocol.ConnectionStateClosed, "close")
		})
	}
}

func TestREQ_CONN_41_WhatFailsInTheBackgroundIsToldAndLogged(t *testing.T) {
	log := newLog()
	broken := map[string]bool{}
	r := connected(t, seeks, func(o *protocol.Options) {
		o.Logger = log.logger()
		o.Random = func() float64 { panic("no dice") }
		o.TokenSource = func(_ context.Context, request protocol.TokenRequest) (string, error) {
			if request.Reason == protocol.TokenReasonReconnect && !broken["source"] {
				broken["source"] = true
				panic("no token")
			}
			return "t", nil
		}
	})
	told := moves(r.client)
	_ = r.conn.CloseNow()
	wait := wantMove(t, told, protocol.ConnectionStateReconnecting, "lost")
	r.clock.Advance(wait.RetryIn)
	failed := wantMove(t, told, protocol.ConnectionStateReconnecting, "connect_failed")
	if wait.RetryIn != 250*time.Millisecond || failed.Attempt != 2 || protocol.Kind(failed.Err) != protocol.ErrorKindConnectFailed {
		t.Errorf("%+v, %+v", wait, failed)
	}
	r.clock.Advance(failed.RetryIn)
	r.peerLink = r.link()
	wantMove(t, told, protocol.ConnectionStateOpen, "opened")
	if log.count("reason=connect_failed") != 1 || log.count("reason=lost") != 1 {
		t.Error(log.text())
	}
}

func TestREQ_CONN_41_ALinkThatIsGivenUpIsAWarning(t *testing.T) {
	log := newLog()
	r := connected(t, seeks, func(o *protocol.Options) { o.Logger, o.MaxReconnectAttempts = log.logger(), new(1) })
	told := moves(r.client)
	r.server.CloseClientConnections()
	r.server.Listener.Close()
	_ = r.conn.CloseNow()
	wait := wantMove(t, told, protocol.ConnectionStateReconnecting, "lost")
	r.clock.Advance(wait.RetryIn)
	over := wantMove(t, told, protocol.ConnectionStateClosed, "connect_failed")
	if !errors.Is(over.Err, protocol.ErrReconnectExhausted) || !errors.Is(over.Err, protocol.ErrConnection) {
		t.Error(over.Err)
	}
	var cause *protocol.ConnectError
	if !errors.As(over.Err, &cause) {
		t.Error("the last attempt's error is not the cause:", over.Err)
	}
	if log.count("level=WARN msg=link") != 1 {
		t.Error(log.text())
	}
}

func TestREQ_CONN_39_AClockThatShowsASleepAsksForASignOfLife(t *testing.T) {
	for slept, lost := range map[time.Duration]bool{0: false, 51 * time.Second: true} {
		t.Run(slept.String(), func(t *testing.T) {
			r := connected(t, seeks, func(o *protocol.Options) { o.PingInterval = 25 * time.Second })
			r.clock.Sleep(slept)
			r.clock.Advance(25 * time.Second)
			r.recv("ping")
			r.clock.Advance(5 * time.Second) // the time of a probe; that of a ping is 10
			if lost != (r.client.State() != protocol.ConnectionStateOpen) {
				t.Fatal(r.client.State())
			}
			if lost {
				if code := websocket.CloseStatus(receive(t, r.end, "the end")); code != 4408 {
					t.Error(code)
				}
			}
		})
	}
}

func TestREQ_CONN_38_AnythingThatComesProvesLife(t *testing.T) {
	r := connected(t, seeks, func(o *protocol.Options) { o.PingInterval = 25 * time.Second })
	frames := make(chan protocol.FrameInfo, 8)
	r.client.OnFrame(func(f protocol.FrameInfo) {
		if f.Direction == protocol.DirectionIn {
			frames <- f
		}
	})
	for range 3 {
		r.clock.Advance(24 * time.Second)
		r.text("no frame at all")
		receive(t, frames, "the malformed frame")
	}
	r.clock.Advance(25*time.Second - time.Millisecond)
	r.clock.Advance(time.Millisecond)
	got := r.recv("ping") // exactly one interval after the last
	r.text("no frame either")
	receive(t, frames, "the malformed frame")
	r.clock.Advance(10 * time.Second)
	r.send(frame{"type": "pong", "requestId": got["requestId"]})
	receive(t, frames, "the pong")
	if r.client.State() != protocol.ConnectionStateOpen || len(r.in) != 0 {
		t.Error(r.client.State(), len(r.in))
	}
}

func TestREQ_CONN_01_OptionsOfSeekingAreChecked(t *testing.T) {
	for name, change := range map[string]func(*protocol.Options){
		"attempts":     func(o *protocol.Options) { o.MaxReconnectAttempts = new(-1) },
		"queue":        func(o *protocol.Options) { o.QueueLimit = new(-1) },
		"policy":       func(o *protocol.Options) { o.QueuePolicy = "never" },
		"base":         func(o *protocol.Options) { o.BackoffBase = time.Microsecond },
		"base off":     func(o *protocol.Options) { o.BackoffBase = protocol.Off },
		"max":          func(o *protocol.Options) { o.BackoffMax = -1 },
		"stable":       func(o *protocol.Options) { o.StableAfter = -1 },
		"interval":     func(o *protocol.Options) { o.PingInterval = -1 },
		"pong timeout": func(o *protocol.Options) { o.PongTimeout = -1 },
	} {
		options := protocol.Options{URL: "ws://127.0.0.1:1/ws"}
		change(&options)
		if _, err := protocol.New(options); !errors.Is(err, protocol.ErrInvalidArgument) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// holding answers no handshake; it closes asked when the first came.
func holding(asked chan struct{}) http.HandlerFunc {
	var once sync.Once
	return func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(asked) })
		<-r.Context().Done()
	}
}
