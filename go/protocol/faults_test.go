package protocol_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

const secret = "s3cret-t0ken"

// wantRefused checks that an error is misuse that names something and shows no value.
func wantRefused(t *testing.T, err error, names string) {
	t.Helper()
	if !errors.Is(err, protocol.ErrInvalidArgument) || !strings.Contains(err.Error(), names) {
		t.Errorf("got %v; want misuse of %s", err, names)
	}
	if err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("the value shows: %v", err)
	}
}

func TestREQ_CONN_19_AURLThatCouldBeReadAsMoreThanOneIsRefused(t *testing.T) {
	for _, url := range []string{
		"", "ws://h/ok?x=1 HTTP/1.1\r\nX-Evil: " + secret, "ws://h/a b", "ws://h/\x00", "ws://h/\x7f", "ws://h/\u0085", `ws://h\@evil/`,
		"ws://user:" + secret + "@h/", "ws://" + secret + "@h/", "ws://höst/", "http://h/" + secret, "ws:///" + secret, "//h/",
		" ws://h/", "ws://h/ ", "ws://h/\xff", "ws://h:port/", "ws://[::1/",
	} {
		_, err := protocol.New(protocol.Options{URL: url})
		wantRefused(t, err, "Options.URL")
	}
}

func TestREQ_CONN_19_WhatIsNotASCIITravelsPercentEncoded(t *testing.T) {
	p := newPeer(t)
	client := newClient(t, protocol.Options{URL: p.url() + "/é?q=é€&kept=%20#fragé", Token: secret})
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := p.request(0).RequestURI; got != "/ws/%C3%A9?q=%C3%A9%E2%82%AC&kept=%20&token="+secret {
		t.Error(got)
	}
}

func TestREQ_CONN_20_HeadersThatWouldBeMoreThanOneAreRefused(t *testing.T) {
	url := "ws://127.0.0.1:1/ws"
	for _, name := range []string{"", "X One", "X:One", "X\r\nEvil", "Ünicode", "X\x00", "X(One)"} {
		_, err := protocol.New(protocol.Options{URL: url, Header: http.Header{name: {secret}}})
		wantRefused(t, err, "Options.Header")
	}
	for _, name := range []string{
		"Host", "host", "Connection", "Upgrade", "Sec-WebSocket-Key", "sec-websocket-extensions", "Transfer-Encoding", "Content-Length",
		"Keep-Alive", "TE", "Trailer", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
	} {
		_, err := protocol.New(protocol.Options{URL: url, Header: http.Header{name: {secret}}})
		wantRefused(t, err, name)
	}
	for _, end := range []string{"\r", "\n", "\x00", "\r\nX-Evil: 1"} {
		_, err := protocol.New(protocol.Options{URL: url, Header: http.Header{"X-One": {"fine", secret + end}}})
		wantRefused(t, err, "X-One")
		_, err = protocol.New(protocol.Options{URL: url, Origin: secret + end})
		wantRefused(t, err, "Options.Origin")
		_, err = protocol.New(protocol.Options{URL: url, Token: secret + end, TokenIn: protocol.TokenInHeader})
		wantRefused(t, err, "Options.Token")
		source := func(context.Context, protocol.TokenRequest) (string, error) { return secret + end, nil }
		err = newClient(t, protocol.Options{URL: url, TokenSource: source, TokenIn: protocol.TokenInHeader}).Connect(within(t))
		wantRefused(t, err, "TokenSource") // REQ-CONN-28
	}
	if _, err := protocol.New(protocol.Options{URL: url, Header: http.Header{"Authorization": {"Basic x"}, "X-One": {""}}}); err != nil {
		t.Error(err)
	}
}

// hostile answers a handshake with whatever it likes to say.
func hostile(t *testing.T, answer string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return "ws://" + listener.Addr().String() + "/ws?team=blue"
}

func TestREQ_CONN_21_NoCauseShowsWhatWasSentOrAnswered(t *testing.T) {
	for name, answer := range map[string]string{
		"no HTTP":       secret + "\r\n\r\n",
		"wrong accept":  "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + secret + "\r\n\r\n",
		"wrong upgrade": "HTTP/1.1 101 x\r\nUpgrade: " + secret + "\r\nConnection: Upgrade\r\n\r\n",
		"an extension":  "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Extensions: " + secret + "\r\n\r\n",
		"nothing":       "",
		"half a line":   "HTTP/1.1 20",
	} {
		url := hostile(t, answer)
		client := newClient(t, protocol.Options{URL: url, Token: secret, ConnectTimeout: time.Hour})
		err := client.Connect(within(t))
		wantKind(t, err, protocol.ErrorKindConnectFailed)
		for at := err; at != nil; at = errors.Unwrap(at) {
			for _, text := range []string{at.Error(), fmt.Sprintf("%+v", at), fmt.Sprintf("%#v", at)} {
				if strings.Contains(text, secret) || strings.Contains(text, "team=blue") {
					t.Errorf("%s: %T shows a secret: %s", name, at, text)
				}
			}
		}
	}
}

func TestREQ_CONN_22_ARefusedHandshakeSaysWhatTheAnswerSaid(t *testing.T) {
	p := newPeer(t)
	p.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.Header().Set("X-Request-Id", "req-77")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, strings.Repeat("b", 4095)+"é and more")
	}
	err := newClient(t, protocol.Options{URL: p.url()}).Connect(within(t))
	var refused *protocol.ConnectError
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if refused.Status != 503 || refused.RetryAfter == nil || *refused.RetryAfter != 7*time.Second || refused.ServerRequestID != "req-77" {
		t.Errorf("%+v", refused)
	}
	if len(refused.Body) != 4095+len("\ufffd") || !strings.HasSuffix(refused.Body, "b\ufffd") {
		t.Errorf("%d bytes: %q", len(refused.Body), refused.Body[4090:])
	}
	var details struct{ Body, RequestID string }
	if json.Unmarshal(refused.Details, &details) != nil || details.Body != refused.Body || details.RequestID != "req-77" {
		t.Errorf("%s", refused.Details)
	}
	if strings.Contains(err.Error(), "bbb") || !strings.Contains(err.Error(), "503") {
		t.Error(err)
	}
}

func TestREQ_CONN_22_AWaitOfZeroIsNotAWaitThatWasNotNamed(t *testing.T) {
	for value, named := range map[string]bool{"0": true, "Thu, 01 Jan 1970 00:00:10 GMT": true, "soon": false, "": false} {
		p := newPeer(t)
		p.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		}
		err := newClient(t, protocol.Options{URL: p.url()}).Connect(within(t))
		var refused *protocol.ConnectError
		if !errors.As(err, &refused) || (refused.RetryAfter != nil) != named || named && *refused.RetryAfter != 0 {
			t.Errorf("%q: %+v", value, err)
		}
	}
}

func TestREQ_CONN_22_ABodyThatNeverEndsDoesNotHoldTheAttempt(t *testing.T) {
	p := newPeer(t)
	held := make(chan struct{})
	p.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "part")
		w.(http.Flusher).Flush()
		<-held
	}
	defer close(held)
	err := newClient(t, protocol.Options{URL: p.url(), ConnectTimeout: time.Hour}).Connect(within(t))
	var refused *protocol.ConnectError
	if !errors.As(err, &refused) || refused.Body != "part" || refused.Status != 403 {
		t.Errorf("%+v", err)
	}
}

func TestREQ_CONN_23_OnlyWhatMayGetBetterIsRetryable(t *testing.T) {
	for status, retryable := range map[int]bool{
		200: false, 302: false, 400: false, 401: false, 403: false, 404: false, 408: true, 425: true, 429: true, 500: true, 501: false,
		502: true, 503: true, 505: false,
	} {
		p := newPeer(t)
		p.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
		err := newClient(t, protocol.Options{URL: p.url()}).Connect(within(t))
		var refused *protocol.ConnectError
		if !errors.As(err, &refused) || refused.Retryable != retryable || refused.Status != status {
			t.Errorf("%d: %+v", status, refused)
		}
	}
	untrusted := startPeer(t, (*httptest.Server).StartTLS)
	err := newClient(t, protocol.Options{URL: untrusted.url()}).Connect(within(t))
	var refused *protocol.ConnectError
	if !errors.As(err, &refused) || refused.Retryable {
		t.Errorf("an untrusted certificate: %+v", err)
	}
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	_ = listener.Close()
	err = newClient(t, protocol.Options{URL: "ws://" + listener.Addr().String()}).Connect(within(t))
	if !errors.As(err, &refused) || !refused.Retryable {
		t.Errorf("nobody there: %+v", err)
	}
}

func TestREQ_CONN_23_AnAnswerThatIsCutOffIsNoAnswer(t *testing.T) {
	for answer, retryable := range map[string]bool{
		"": true, "HTTP": true, "HTTP/1.1 ": true, "HTTP/1.1 10": true, "HTTP/1.1 101 Swi": true, "HTTP/1.1 101 x\r\nUpgr": true,
		"SSH-2.0-x\r\n": false, "HTTP/1.1 101 x\r\n\r\n": false,
	} {
		err := newClient(t, protocol.Options{URL: hostile(t, answer), ConnectTimeout: time.Hour}).Connect(within(t))
		wantKind(t, err, protocol.ErrorKindConnectFailed)
		var failed *protocol.ConnectError
		if !errors.As(err, &failed) || failed.Retryable != retryable {
			t.Errorf("%q: %+v", answer, err)
		}
	}
}

func TestREQ_ERR_07_TextsSayWhatToWhomAndWhatToDo(t *testing.T) {
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	host := listener.Addr().String()
	_ = listener.Close()
	client := newClient(t, protocol.Options{URL: "ws://" + host + "/path?key=" + secret})
	for _, c := range []struct {
		err  error
		says []string
	}{
		{client.Connect(within(t)), []string{host, "connection refused", "connect()"}},
		{second(client.Ping(within(t))), []string{host, "connect()", "lazy"}},
	} {
		for _, word := range c.says {
			if !strings.Contains(c.err.Error(), word) {
				t.Errorf("%q lacks %q", c.err, word)
			}
		}
		if strings.Contains(c.err.Error(), secret) || strings.Contains(c.err.Error(), "/path") {
			t.Error(c.err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestREQ_ERR_06_TheServersWordsAreBesideTheTextAndNotInIt(t *testing.T) {
	r := connected(t)
	call := later(func() (any, error) { return r.client.GetSession(within(t), protocol.GetSession{SessionID: "s"}) })
	id := r.recv("get_session")["requestId"].(string)
	r.send(frame{"type": "error", "requestId": id, "data": frame{"requestId": id, "error": frame{
		"code": "SESSION_NOT_FOUND", "message": "the server's own words",
	}}})
	err := receive(t, call, "the answer").err
	var agent *protocol.AgentError
	if !errors.As(err, &agent) || agent.ServerMessage != "the server's own words" || agent.SessionID != "s" {
		t.Fatalf("%+v", err)
	}
	if strings.Contains(err.Error(), "own words") || !strings.Contains(err.Error(), "session s") {
		t.Error(err)
	}
	turn := r.turn()
	_ = r.conn.Close(4402, "why it closed")
	_, err = turn.Wait(within(t))
	if !errors.As(err, &agent) || agent.CloseReason != "why it closed" || agent.CloseCode != 4402 {
		t.Fatalf("%+v", agent)
	}
	if strings.Contains(err.Error(), "why it closed") || !strings.Contains(err.Error(), "4402") {
		t.Error(err)
	}
}

func TestREQ_CALL_11_TextThatIsNotUTF8IsNotSent(t *testing.T) {
	r := connected(t)
	bad := "half \xed\xa0\xbd"
	_, err := r.client.RenameConversation(within(t), protocol.RenameConversation{ConversationID: "c", Title: bad})
	wantRefused(t, err, "RenameConversation.Title")
	_, err = r.client.CreateConversationSession(within(t), protocol.CreateConversationSession{
		AgentID: "a", Metadata: map[string]any{"deep": []any{map[string]any{"x": bad}}},
	})
	wantRefused(t, err, "CreateConversationSession.Metadata")
	_, err = r.client.CreateConversationSession(within(t), protocol.CreateConversationSession{
		AgentID: "a", Metadata: map[string]any{"x": json.RawMessage(`"\ud83d"`)},
	})
	wantRefused(t, err, "half of a surrogate pair")
	turn := r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: bad})
	wantRefused(t, turn.Err(), "SendMessage.Message")
	r.send(confirmation(r.turn().RequestID()))
	r.fence(r.client) // nothing else was sent
}

func TestREQ_CALL_12_WhatTheSchemaAsksIsCheckedWhereItIsWritten(t *testing.T) {
	drawn := 0
	r := connected(t, func(o *protocol.Options) {
		ids := o.IDGenerator
		o.IDGenerator = func() string { drawn++; return ids() }
	})
	ctx := within(t)
	for names, call := range map[string]func() error{
		"CreateConversationSession.AgentID": func() error {
			return second(r.client.CreateConversationSession(ctx, protocol.CreateConversationSession{}))
		},
		"AuthContext.UserID": func() error {
			return second(r.client.StartConversation(ctx, protocol.StartOptions{AgentID: "a", AuthContext: &protocol.AuthContext{}}))
		},
		"SendMessage.SessionID": func() error {
			return r.client.SendMessage(ctx, protocol.SendMessage{Message: "m"}).Err()
		},
		"SendMessage.Message": func() error {
			return r.client.SendMessage(ctx, protocol.SendMessage{SessionID: "s"}).Err()
		},
		"must be at most 10000": func() error {
			return r.client.SendMessage(ctx, protocol.SendMessage{SessionID: "s", Message: strings.Repeat("é", 10_001)}).Err()
		},
		"SendMessage.Skill": func() error {
			return r.client.SendMessage(ctx, protocol.SendMessage{SessionID: "s", Message: "m", Skill: "no such"}).Err()
		},
		"FileAttachment.URL": func() error {
			files := []protocol.FileAttachment{{Name: "n"}}
			return r.client.SendMessage(ctx, protocol.SendMessage{SessionID: "s", Message: "m", Files: files}).Err()
		},
		"GetConversationMessages.Limit": func() error {
			return second(r.client.GetConversationMessages(ctx, protocol.GetConversationMessages{SessionID: "s", Limit: new(int64(101))}))
		},
		"ListConversations.Limit": func() error {
			return second(r.client.ListConversations(ctx, protocol.ListConversations{Limit: new(int64(0))}))
		},
		"RenameConversation.Title": func() error {
			return second(r.client.RenameConversation(ctx, protocol.RenameConversation{ConversationID: "c", Title: strings.Repeat("x", 201)}))
		},
	} {
		wantRefused(t, call(), names)
	}
	if drawn != 0 {
		t.Errorf("%d ids were drawn", drawn)
	}
	if err := r.client.SendMessage(ctx, protocol.SendMessage{SessionID: "s", Message: strings.Repeat("é", 10_000)}).Err(); err != nil {
		t.Error(err)
	}
}

func TestREQ_CONN_27_AListenerThatDoesNotReturnDoesNotHoldClose(t *testing.T) {
	r := connected(t, func(o *protocol.Options) { o.Clock, o.CloseTimeout = nil, 50*time.Millisecond })
	stuck := make(chan struct{})
	defer close(stuck)
	called := make(chan struct{}, 8)
	r.client.OnFrame(func(protocol.FrameInfo) { called <- struct{}{}; <-stuck })
	_ = r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "m"})
	receive(t, called, "the listener")
	receive(t, later(func() (any, error) { return nil, r.client.Close() }), "close")
}

// heldClock is a clock of a process that stands still: time goes on and no limit fires.
type heldClock struct {
	stepClock
	now func() time.Time
}

func (c *heldClock) Now() time.Time { return c.now() }

func TestREQ_TIME_02_ALimitThatFiresLateFirstLetsTheSocketBeRead(t *testing.T) {
	var late atomic.Int64
	clock := &heldClock{stepClock: *newStepClock(), now: func() time.Time { return time.Unix(late.Load(), 0) }}
	r := connected(t, func(o *protocol.Options) { o.Clock = clock })
	call := later(func() (any, error) { return r.client.Ping(within(t)) })
	got := r.recv("ping")
	var limit armedLimit
	for limit.d != 30*time.Second {
		limit = receive(t, clock.armed, "the limit of the call")
	}
	late.Store(60) // the process stood still for a minute; the answer lies in the socket
	limit.f()
	again := receive(t, clock.armed, "a second chance")
	r.send(frame{"type": "pong", "requestId": got["requestId"]})
	if err := receive(t, call, "the pong").err; err != nil {
		t.Error(err)
	}
	again.f() // too late to matter
	call = later(func() (any, error) { return r.client.Ping(within(t)) })
	r.recv("ping")
	for limit = again; limit.d != 30*time.Second; {
		limit = receive(t, clock.armed, "the limit of the call")
	}
	late.Store(120)
	limit.f()
	again = receive(t, clock.armed, "a second chance")
	late.Store(121) // late once more: there is no third
	again.f()
	wantKind(t, receive(t, call, "the end").err, protocol.ErrorKindRequestTimeout)
}
