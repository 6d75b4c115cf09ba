package protocol_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/SmooAI/smooth-operator/go/protocol"
	"github.com/SmooAI/smooth-operator/go/protocol/protocoltest"
)

// patience bounds every wait of the tests in real time; nothing waits that long when all is well.
const patience = 30 * time.Second

type frame = map[string]any

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a server of its own making on a real socket of the loopback.
type peer struct {
	t      *testing.T
	server *httptest.Server
	links  chan *peerLink
	// answer, when set, takes the place of the upgrade.
	answer http.HandlerFunc

	mu       sync.Mutex
	requests []*http.Request
	over     chan struct{}
}

// peerLink is one link as the server sees it.
type peerLink struct {
	t    *testing.T
	conn *websocket.Conn
	in   chan frame
	end  chan error
}

func newPeer(t *testing.T) *peer { return startPeer(t, (*httptest.Server).Start) }

func startPeer(t *testing.T, start func(*httptest.Server)) *peer {
	t.Helper()
	before := goleak.IgnoreCurrent()
	p := &peer{t: t, links: make(chan *peerLink, 16), over: make(chan struct{})}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	start(p.server)
	t.Cleanup(func() {
		close(p.over)
		p.server.Close()
		goleak.VerifyNone(t, before)
	})
	return p
}

func (p *peer) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r)
	p.mu.Unlock()
	if p.answer != nil {
		p.answer(w, r)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	conn.SetReadLimit(-1)
	l := &peerLink{t: p.t, conn: conn, in: make(chan frame, 256), end: make(chan error, 1)}
	p.links <- l
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		select {
		case <-p.over:
		case <-ctx.Done():
		}
	}()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			l.end <- err
			cancel()
			_ = conn.CloseNow()
			return
		}
		var got frame
		if err := json.Unmarshal(text, &got); err != nil {
			got = frame{"not json": string(text)}
		}
		l.in <- got
	}
}

func (p *peer) url() string { return "ws" + strings.TrimPrefix(p.server.URL, "http") + "/ws" }

// link returns the next link that a client opened.
func (p *peer) link() *peerLink { p.t.Helper(); return receive(p.t, p.links, "a link") }

// request returns the n-th handshake.
func (p *peer) request(n int) *http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[n]
}

func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

// recv returns the next frame of the client, which must be that action.
func (l *peerLink) recv(action string) frame {
	l.t.Helper()
	got := receive(l.t, l.in, action)
	if got["action"] != action {
		l.t.Fatalf("got %v; want %s", got, action)
	}
	return got
}

func (l *peerLink) send(frames ...frame) {
	l.t.Helper()
	for _, f := range frames {
		text, err := json.Marshal(f)
		if err != nil {
			l.t.Fatal(err)
		}
		l.text(string(text))
	}
}

func (l *peerLink) text(text string) {
	l.t.Helper()
	if err := l.conn.Write(l.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		l.t.Error(err)
	}
}

// fence proves that everything sent before was handled: a ping is answered after it.
func (l *peerLink) fence(c *protocol.Client) {
	l.t.Helper()
	done := make(chan error, 1)
	go func() { _, err := c.Ping(context.Background()); done <- err }()
	got := l.recv("ping")
	l.send(frame{"type": "pong", "requestId": got["requestId"]})
	if err := receive(l.t, done, "the pong"); err != nil {
		l.t.Fatal(err)
	}
}

// counted returns a generator of the ids r1, r2, …
func counted() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("r%d", n)
	}
}

// rig is a connected client with its peer and clock.
type rig struct {
	*peer
	client *protocol.Client
	clock  *protocoltest.VirtualClock
	*peerLink
}

// connected returns a client with ids r1, r2, … and a virtual clock, and the peer's end of its link.
func connected(t *testing.T, change ...func(*protocol.Options)) *rig {
	t.Helper()
	p := newPeer(t)
	r := &rig{peer: p, clock: protocoltest.NewVirtualClock()}
	options := protocol.Options{URL: p.url(), Clock: r.clock, IDGenerator: counted()}
	for _, f := range change {
		f(&options)
	}
	r.client = newClient(t, options)
	if err := r.client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	r.peerLink = p.link()
	return r
}

// newClient returns a client that seeks no lost link and asks no silent one, unless the options say so:
// most tests are about something else.
func newClient(t *testing.T, options protocol.Options) *protocol.Client {
	t.Helper()
	if options.AutoReconnect == nil {
		options.AutoReconnect = new(false)
	}
	if options.PingInterval == 0 {
		options.PingInterval = protocol.Off
	}
	client, err := protocol.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// within returns a context that bounds a wait of the test.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// turn sends a message under the id r1 (or a later one) and lets the peer take it.
func (r *rig) turn() *protocol.Turn {
	r.peerLink.t.Helper()
	t := r.client.SendMessage(r.peerLink.t.Context(), protocol.SendMessage{SessionID: "s", Message: "hello"})
	if got := r.recv("send_message"); got["requestId"] != t.RequestID() {
		r.peerLink.t.Fatalf("got %v", got)
	}
	r.send(frame{"type": "immediate_response", "requestId": t.RequestID(), "status": 202, "data": frame{}})
	return t
}

func token(id, text string) frame {
	return frame{"type": "stream_token", "requestId": id, "data": frame{"requestId": id, "token": text}}
}

func final(id string, response any) frame {
	return frame{"type": "eventual_response", "requestId": id, "data": frame{
		"requestId": id, "status": 200, "data": frame{"messageId": "m1", "response": response},
	}}
}

func failure(id, code string, extra ...string) frame {
	info := frame{"code": code, "message": "no"}
	if len(extra) > 0 {
		info["terminal"] = extra[0] == "terminal"
	}
	return frame{"type": "error", "requestId": id, "data": frame{"requestId": id, "error": info}}
}

func question(id string, kind string, details frame) frame {
	return frame{"type": kind, "requestId": id, "data": frame{"requestId": id, "data": details}}
}

func confirmation(id string) frame {
	return question(id, "write_confirmation_required", frame{"toolId": "pay", "actionDescription": "Pay"})
}

func otpRequired(id string) frame {
	return question(id, "otp_verification_required", frame{
		"toolId": "pay", "actionDescription": "Pay", "availableChannels": []string{"sms"}, "authLevel": "otp",
	})
}

func interaction(id string) frame {
	return question(id, "interaction_required", frame{
		"interactionId": "i1", "kind": "choices", "spec": frame{}, "reason": "why",
	})
}

// later runs a blocking call and returns what it gave.
func later[T any](call func() (T, error)) <-chan outcome[T] {
	done := make(chan outcome[T], 1)
	go func() {
		value, err := call()
		done <- outcome[T]{value, err}
	}()
	return done
}

type outcome[T any] struct {
	value T
	err   error
}

func wantKind(t *testing.T, err error, kind protocol.ErrorKind) {
	t.Helper()
	if protocol.Kind(err) != kind {
		t.Fatalf("got kind %q of %v; want %q", protocol.Kind(err), err, kind)
	}
}

func wait(t *testing.T, turn *protocol.Turn) *protocol.TurnResult {
	t.Helper()
	result, err := turn.Wait(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return result
}
