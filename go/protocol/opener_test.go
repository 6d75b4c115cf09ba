package protocol_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// pipe is a socket without a network.
type pipe struct {
	in, out chan []byte
	closed  chan int
	over    chan struct{}
}

func (p *pipe) Read() ([]byte, bool, error) {
	select {
	case text := <-p.in:
		return text, false, nil
	case code := <-p.closed:
		return nil, false, &protocol.CloseError{Code: code, Reason: "bye"}
	case <-p.over:
		return nil, false, errors.New("aborted")
	}
}

func (p *pipe) Write(text []byte) error { p.out <- text; return nil }

func (p *pipe) Close(code int) error { p.closed <- code; return nil } // the peer answers at once

func (p *pipe) Abort() {
	select {
	case <-p.over:
	default:
		close(p.over)
	}
}

func TestREQ_CONN_14_AnOpenerTakesThePlaceOfTheWebSocket(t *testing.T) {
	p := &pipe{make(chan []byte, 8), make(chan []byte, 8), make(chan int, 1), make(chan struct{})}
	var asked protocol.OpenRequest
	client := newClient(t, protocol.Options{
		URL: "ws://h/ws?a=1", Token: secret, Origin: "https://site.example",
		Opener: func(_ context.Context, request protocol.OpenRequest) (protocol.Socket, error) {
			asked = request
			return p, nil
		},
	})
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	if asked.URL != "ws://h/ws?a=1&token="+secret || asked.Header.Get("Origin") == "" || asked.MaxMessageBytes != 16<<20 {
		t.Error(asked.URL, asked.Header)
	}
	if shown := fmt.Sprintf("%v %+v %#v", asked, asked, asked); strings.Contains(shown, secret) {
		t.Error(shown)
	}
	call := later(func() (any, error) { return client.Ping(within(t)) })
	var ping struct{ RequestID string }
	if err := json.Unmarshal(receive(t, p.out, "the ping"), &ping); err != nil {
		t.Fatal(err)
	}
	p.in <- fmt.Appendf(nil, `{"type":"pong","requestId":%q}`, ping.RequestID)
	if err := receive(t, call, "the pong").err; err != nil {
		t.Error(err)
	}
	turn := client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "m"})
	receive(t, p.out, "the message")
	p.closed <- 4001
	_, err := turn.Wait(within(t))
	var lost *protocol.TurnInterruptedError
	if !errors.As(err, &lost) || lost.CloseCode != 4001 || lost.CloseReason != "bye" {
		t.Errorf("%+v", err)
	}
}

func TestREQ_CONN_21_AnOpenerThatFailsFailsTheAttempt(t *testing.T) {
	cause := errors.New("no way out")
	client := newClient(t, protocol.Options{
		URL:    "ws://h/ws",
		Opener: func(context.Context, protocol.OpenRequest) (protocol.Socket, error) { return nil, cause },
	})
	err := client.Connect(within(t))
	wantKind(t, err, protocol.ErrorKindConnectFailed)
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "opener") {
		t.Error(err)
	}
}

func TestREQ_CONN_12_AnOpenerTellsOfARefusedHandshake(t *testing.T) {
	refusal := &protocol.RefusedError{
		Status: 401, Header: http.Header{"Retry-After": {"3"}, "X-Request-Id": {"edge-1"}}, Body: "who?",
	}
	client := newClient(t, protocol.Options{
		URL:    "ws://h/ws",
		Opener: func(context.Context, protocol.OpenRequest) (protocol.Socket, error) { return nil, refusal },
	})
	err := client.Connect(within(t))
	wantKind(t, err, protocol.ErrorKindAuthentication)
	var failed *protocol.ConnectError
	if !errors.As(err, &failed) || failed.Status != 401 || failed.Body != "who?" || failed.ServerRequestID != "edge-1" ||
		failed.RetryAfter == nil || *failed.RetryAfter != 3*time.Second || !errors.Is(err, refusal) {
		t.Errorf("%+v", failed)
	}
}
