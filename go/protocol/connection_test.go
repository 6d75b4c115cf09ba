package protocol_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/SmooAI/smooth-operator/go/protocol"
	"github.com/SmooAI/smooth-operator/go/protocol/protocoltest"
)

// reasons collects the reasons of state events.
func reasons(c *protocol.Client) <-chan protocol.StateChange {
	changes := make(chan protocol.StateChange, 64)
	c.OnState(func(s protocol.StateChange) { changes <- s })
	return changes
}

func wantMoves(t *testing.T, changes <-chan protocol.StateChange, want ...string) protocol.StateChange {
	t.Helper()
	var last protocol.StateChange
	for _, move := range want {
		last = receive(t, changes, move)
		if got := string(last.Current) + " " + last.Reason; got != move {
			t.Fatalf("got %q; want %q", got, move)
		}
	}
	return last
}

func TestREQ_CONN_02_EveryMoveIsOneStateEvent(t *testing.T) {
	p := newPeer(t)
	client := newClient(t, protocol.Options{URL: p.url()})
	changes := reasons(client)
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	wantMoves(t, changes, "connecting connect", "open opened")
	_ = p.link().conn.Close(4002, "")
	if last := wantMoves(t, changes, "closed closed_by_peer"); last.CloseCode != 4002 {
		t.Error(last)
	}
}

func TestREQ_CONN_02_StatesAreAnIteration(t *testing.T) {
	p := newPeer(t)
	client := newClient(t, protocol.Options{URL: p.url()})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	states := client.States(ctx)
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
	var got []string
	for change := range states {
		if got = append(got, change.Reason); change.Current == protocol.ConnectionStateClosed {
			cancel()
		}
	}
	if !slices.Equal(got, []string{"connect", "opened", "close"}) {
		t.Error(got)
	}
}

func TestREQ_CONN_03_ConcurrentConnectsShareOneAttempt(t *testing.T) {
	p := newPeer(t)
	client := newClient(t, protocol.Options{URL: p.url()})
	results := make(chan error, 8)
	for range 8 {
		go func() { results <- client.Connect(within(t)) }()
	}
	for range 8 {
		if err := receive(t, results, "connect"); err != nil {
			t.Fatal(err)
		}
	}
	p.link()
	if err := client.Connect(within(t)); err != nil || len(p.links) != 0 {
		t.Fatal(err, len(p.links))
	}
	_ = client.Close()
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	(&rig{peer: p, client: client, peerLink: p.link()}).fence(client)
}

func TestREQ_CONN_04_TheAttemptIsBounded(t *testing.T) {
	p := newPeer(t)
	held := make(chan struct{})
	defer close(held)
	p.answer = func(http.ResponseWriter, *http.Request) { <-held }
	clock := protocoltest.NewVirtualClock()
	client := newClient(t, protocol.Options{URL: p.url(), Clock: clock})
	changes := reasons(client)
	done := later(func() (any, error) { return nil, client.Connect(within(t)) })
	wantMoves(t, changes, "connecting connect")
	call := later(func() (any, error) { return client.Ping(within(t)) })
	for clock.Armed() < 2 { // the attempt's limit and the call's
		time.Sleep(time.Millisecond)
	}
	clock.Advance(10 * time.Second)
	last := wantMoves(t, changes, "idle connect_failed")
	for _, got := range []error{receive(t, done, "connect").err, receive(t, call, "ping").err, last.Err} {
		wantKind(t, got, protocol.ErrorKindConnectFailed)
	}
}

func TestREQ_CONN_26_GivingUpTheLastWaitEndsTheWaitAndNotTheAttempt(t *testing.T) {
	p := newPeer(t)
	held := make(chan struct{})
	client := newClient(t, protocol.Options{URL: p.url(), TokenSource: func(context.Context, protocol.TokenRequest) (string, error) {
		<-held
		return "", nil
	}})
	changes := reasons(client)
	ctx, cancel := context.WithCancel(context.Background())
	done := later(func() (any, error) { return nil, client.Connect(ctx) })
	wantMoves(t, changes, "connecting connect")
	cancel()
	if err := receive(t, done, "connect").err; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(held)
	wantMoves(t, changes, "open opened")
	p.link()
}

func TestREQ_CONN_05_CloseMayBeCalledAnyTime(t *testing.T) {
	r := connected(t)
	changes := reasons(r.client)
	closed := make(chan error, 4)
	for range 4 {
		go func() { closed <- r.client.Close() }()
	}
	for range 4 {
		if err := receive(t, closed, "close"); err != nil {
			t.Fatal(err)
		}
	}
	if last := wantMoves(t, changes, "closed close"); last.CloseCode != 1000 {
		t.Error(last)
	}
	if err := receive(t, r.end, "the end"); websocket.CloseStatus(err) != 1000 {
		t.Error(err)
	}
	if r.clock.Armed() != 0 {
		t.Error(r.clock.Armed(), "timers are armed")
	}
}

func TestREQ_CONN_05_CloseDoesNotWaitForASilentPeer(t *testing.T) {
	for name, limit := range map[string]time.Duration{"short": 30 * time.Millisecond, "off": protocol.Off} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			silent := make(chan struct{})
			p.answer = func(w http.ResponseWriter, r *http.Request) {
				conn, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				<-silent // reads nothing, so no close frame is answered
				_ = conn.CloseNow()
			}
			client := newClient(t, protocol.Options{URL: p.url(), CloseTimeout: limit})
			if err := client.Connect(within(t)); err != nil {
				t.Fatal(err)
			}
			done := later(func() (any, error) { return nil, client.Close() })
			receive(t, done, "close")
			close(silent)
		})
	}
}

func TestREQ_CONN_06_CloseSettlesEverything(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	r.send(confirmation(turn.RequestID()))
	r.fence(r.client)
	call := later(func() (any, error) { return r.client.Ping(within(t)) })
	r.recv("ping")
	verb := later(func() (any, error) { return nil, turn.Confirm(within(t), true) })
	r.recv("confirm_tool_action")
	_ = r.client.Close()
	_, err := turn.Wait(within(t))
	for _, got := range []error{err, receive(t, call, "ping").err, receive(t, verb, "confirm").err} {
		wantKind(t, got, protocol.ErrorKindClientClosed)
	}
}

func TestREQ_CONN_07_StateEventsComeOneAtATimeAndNotInsideTheCaller(t *testing.T) {
	p := newPeer(t)
	client := newClient(t, protocol.Options{URL: p.url()})
	held, order := make(chan struct{}), make(chan string, 8)
	client.OnState(func(s protocol.StateChange) { <-held; order <- s.Reason })
	if err := client.Connect(within(t)); err != nil { // returns although the listener is stuck
		t.Fatal(err)
	}
	done := later(func() (any, error) { return nil, client.Close() })
	close(held)
	receive(t, done, "close")
	var got []string
	for len(order) > 0 {
		got = append(got, <-order)
	}
	if !slices.Equal(got, []string{"connect", "opened", "close"}) {
		t.Error(got)
	}
}

func TestREQ_CONN_07_AListenerMayCloseTheClient(t *testing.T) {
	p := newPeer(t)
	client := newClient(t, protocol.Options{URL: p.url(), CloseTimeout: time.Hour})
	closed := make(chan error, 1)
	client.OnState(func(s protocol.StateChange) {
		if s.Current == protocol.ConnectionStateOpen {
			closed <- client.Close()
		}
	})
	changes := reasons(client)
	_ = client.Connect(within(t))
	if err := receive(t, closed, "close"); err != nil {
		t.Error(err)
	}
	wantMoves(t, changes, "connecting connect", "open opened", "closed close")
}

func TestREQ_CONN_08_APanickingListenerDisturbsNobody(t *testing.T) {
	p := newPeer(t)
	log := newLog()
	client := newClient(t, protocol.Options{URL: p.url(), Logger: log.logger()})
	frames := make(chan protocol.FrameInfo, 64)
	client.OnState(func(protocol.StateChange) { panic("state") })
	taps := make(chan int, 64)
	client.OnFrame(func(protocol.FrameInfo) { taps <- 1; panic("tap") })
	client.OnFrame(func(f protocol.FrameInfo) { frames <- f })
	changes := reasons(client)
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	wantMoves(t, changes, "connecting connect", "open opened")
	l := p.link()
	l.fence(client)
	l.fence(client)
	for range 4 {
		receive(t, frames, "a frame")
	}
	_ = client.Close()
	if log.count("a listener panicked") != 2 || len(taps) != 1 {
		t.Error("a tap that panics is logged and removed:", log.text(), len(taps))
	}
}

func TestREQ_CONN_09_WithoutALinkNothingStarts(t *testing.T) {
	p := newPeer(t)
	client := newClient(t, protocol.Options{URL: p.url()})
	_, err := client.Ping(within(t))
	wantKind(t, err, protocol.ErrorKindNotConnected)
	_, err = client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "m"}).Wait(within(t))
	wantKind(t, err, protocol.ErrorKindNotConnected)
	err = client.Cancel(within(t), protocol.Cancel{RequestID: "x"})
	wantKind(t, err, protocol.ErrorKindNotConnected)

	lazy := newClient(t, protocol.Options{URL: p.url(), Lazy: true})
	done := later(func() (any, error) { return lazy.Ping(within(t)) })
	l := p.link()
	l.send(frame{"type": "pong", "requestId": l.recv("ping")["requestId"]})
	if got := receive(t, done, "pong"); got.err != nil {
		t.Error(got.err)
	}
}

func TestREQ_CONN_12_RefusedHandshakes(t *testing.T) {
	for status, kind := range map[int]protocol.ErrorKind{
		401: protocol.ErrorKindAuthentication, 403: protocol.ErrorKindConnectFailed, 500: protocol.ErrorKindConnectFailed,
		302: protocol.ErrorKindConnectFailed, 200: protocol.ErrorKindConnectFailed,
	} {
		p := newPeer(t)
		p.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", p.server.URL+"/other")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("no"))
		}
		client := newClient(t, protocol.Options{URL: p.url() + "?key=hidden", Token: "hidden"})
		err := client.Connect(within(t))
		wantKind(t, err, kind)
		var refused *protocol.ConnectError
		if !errors.As(err, &refused) || refused.Status != status || len(p.requests) != 1 {
			t.Errorf("%d: %#v after %d requests", status, err, len(p.requests))
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), "hidden") {
				t.Error("REQ-ERR-04:", e)
			}
		}
	}
}

func TestREQ_ERR_04_AnUnreachableServerShowsNoQuery(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	client := newClient(t, protocol.Options{URL: "ws://" + listener.Addr().String() + "/ws?key=hidden", Token: "hidden"})
	err = client.Connect(within(t))
	wantKind(t, err, protocol.ErrorKindConnectFailed)
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), "hidden") {
			t.Error(e)
		}
	}
}

// throwAway returns a certificate for the loopback, signed by an authority made for this test alone.
func throwAway(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "throw-away"}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, text
}

func TestREQ_CONN_13_TLSWithAnAddedRoot(t *testing.T) {
	certificate, root := throwAway(t)
	p := startPeer(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		s.Config.ErrorLog = newLog().standard()
		s.StartTLS()
	})
	url := "wss" + strings.TrimPrefix(p.server.URL, "https") + "/ws"
	stranger := newClient(t, protocol.Options{URL: url})
	err := stranger.Connect(within(t))
	wantKind(t, err, protocol.ErrorKindConnectFailed)
	client := newClient(t, protocol.Options{URL: url, CACertPEM: root})
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	p.link().fence(client)
}

func TestREQ_CONN_14_PingsAreAnsweredAndNotSent(t *testing.T) {
	r := connected(t)
	if err := r.conn.Ping(within(t)); err != nil {
		t.Fatal(err)
	}
}

func TestREQ_CONN_15_HowALinkEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end        func(*peerLink)
		code       int
		call, turn protocol.ErrorKind
	}{
		"normal": {func(l *peerLink) { _ = l.conn.Close(1000, "") }, 1000, protocol.ErrorKindConnectionLost, protocol.ErrorKindTurnInterrupted},
		"4401":   {func(l *peerLink) { _ = l.conn.Close(4401, "") }, 4401, protocol.ErrorKindAuthentication, protocol.ErrorKindAuthentication},
		"none":   {func(l *peerLink) { _ = l.conn.Close(1005, "") }, 1005, protocol.ErrorKindConnectionLost, protocol.ErrorKindTurnInterrupted},
		"lost":   {func(l *peerLink) { _ = l.conn.CloseNow() }, 1006, protocol.ErrorKindConnectionLost, protocol.ErrorKindTurnInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t)
			turn := r.turn()
			r.send(token(turn.RequestID(), "par"), confirmation(turn.RequestID()))
			call := later(func() (any, error) { return r.client.Ping(within(t)) })
			r.recv("ping")
			c.end(r.peerLink)
			got := receive(t, call, "ping").err
			wantKind(t, got, c.call)
			_, err := turn.Wait(within(t))
			wantKind(t, err, c.turn)
			for _, e := range []error{got, err} {
				var agent *protocol.AgentError
				if !errors.As(e, &agent) || agent.CloseCode != c.code {
					t.Errorf("close code of %v", e)
				}
			}
			var lost *protocol.TurnInterruptedError
			if c.turn == protocol.ErrorKindTurnInterrupted {
				// REQ-TURN-20
				if !errors.As(err, &lost) || !lost.Sent || lost.PartialText != "par" ||
					lost.Question != protocol.QuestionKindConfirmation || lost.SessionID != "s" || lost.RequestID != "r1" {
					t.Errorf("%+v", lost)
				}
				if !errors.Is(err, protocol.ErrConnectionLost) || !errors.Is(err, protocol.ErrTurnInterrupted) {
					t.Error("classes:", err)
				}
			}
		})
	}
}

func TestREQ_CONN_16_FramesLeaveInTheOrderOfTheCalls(t *testing.T) {
	r := connected(t)
	for range 200 {
		r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "x"})
	}
	for i := range 200 {
		if got := r.recv("send_message")["requestId"]; got != "r"+big.NewInt(int64(i+1)).String() {
			t.Fatal(i, got)
		}
	}
}

func TestREQ_CONN_17_ConcurrentUseIsSafe(t *testing.T) {
	r := connected(t)
	go func() {
		for range 64 {
			got := <-r.in
			id := got["requestId"].(string)
			if got["action"] == "ping" {
				r.send(frame{"type": "pong", "requestId": id})
			} else {
				r.send(token(id, "x"), final(id, "done"))
			}
		}
	}()
	results := make(chan error, 64)
	for range 32 {
		go func() { _, err := r.client.Ping(within(t)); results <- err }()
		go func() {
			turn := r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "x"})
			for range turn.Events() {
				_ = turn.PartialText()
			}
			_, err := turn.Wait(within(t))
			results <- err
		}()
	}
	for range 64 {
		if err := receive(t, results, "a result"); err != nil {
			t.Error(err)
		}
	}
}

func TestREQ_CONN_18_ASocketThatTakesNothingHoldsUpNobody(t *testing.T) {
	p := newPeer(t)
	stall := make(chan struct{})
	p.answer = func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		<-stall
		_ = conn.CloseNow()
	}
	client := newClient(t, protocol.Options{
		URL: p.url(), RequestTimeout: 50 * time.Millisecond, CloseTimeout: 50 * time.Millisecond,
	})
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	message := strings.Repeat("x", 1<<19)
	var turns []*protocol.Turn
	for range 40 { // far more than the socket's buffers take
		turns = append(turns, client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "m", Model: message}))
	}
	_, err := client.Ping(within(t))
	wantKind(t, err, protocol.ErrorKindRequestTimeout)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	receive(t, later(func() (any, error) { return nil, client.Close() }), "close")
	_, err = turns[39].Wait(within(t))
	wantKind(t, err, protocol.ErrorKindClientClosed)
	close(stall)
}
