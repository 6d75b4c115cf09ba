package protocol_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

func TestREQ_CONN_01_MalformedOptionsAreRefused(t *testing.T) {
	good := "ws://127.0.0.1:1/ws"
	for name, options := range map[string]protocol.Options{
		"no URL":         {},
		"http":           {URL: "http://127.0.0.1/ws"},
		"no host":        {URL: "ws:///ws"},
		"broken":         {URL: "ws://[::1"},
		"placement":      {URL: good, TokenIn: "cookie"},
		"negative time":  {URL: good, TurnIdleTimeout: -1},
		"negative limit": {URL: good, MaxMessageBytes: -1},
		"no certificate": {URL: good, CACertPEM: []byte("x")},
	} {
		if _, err := protocol.New(options); !errors.Is(err, protocol.ErrInvalidArgument) {
			t.Errorf("%s: got %v", name, err)
		} else if protocol.Kind(err) != protocol.ErrorKindInvalidArgument {
			t.Errorf("%s: kind %s", name, protocol.Kind(err))
		}
	}
}

func TestREQ_CONN_01_ANewClientIsIdle(t *testing.T) {
	before := runtime.NumGoroutine()
	client := newClient(t, protocol.Options{URL: "wss://127.0.0.1:1/ws"})
	if client.State() != protocol.ConnectionStateIdle || runtime.NumGoroutine() > before {
		t.Fatal(client.State(), runtime.NumGoroutine(), before)
	}
}

func TestREQ_CONN_10_TheQueryIsKeptAndTheTokenComesLast(t *testing.T) {
	p := newPeer(t)
	client := newClient(t, protocol.Options{
		URL: p.url() + "?a=1&token=old&b=%20&token=x#part", Token: "a b/ä+~", Header: http.Header{"X-One": {"1"}},
		Origin: "https://site.example",
	})
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	got := p.request(0)
	if got.URL.RawQuery != "a=1&b=%20&token=a%20b%2F%C3%A4%2B~" || got.Header.Get("Authorization") != "" {
		t.Error(got.URL.RawQuery, got.Header)
	}
	if got.Header.Get("X-One") != "1" || got.Header.Get("Origin") != "https://site.example" {
		t.Error(got.Header)
	}
	if got.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Error("REQ-CONN-14: an extension was offered")
	}
}

func TestREQ_CONN_10_TheTokenTravelsInTheHeaderAlone(t *testing.T) {
	p := newPeer(t)
	client := newClient(t, protocol.Options{
		URL: p.url() + "?token=old", Token: "secret", TokenIn: protocol.TokenInHeader,
	})
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := p.request(0); got.URL.RawQuery != "token=old" || got.Header.Get("Authorization") != "Bearer secret" {
		t.Error(got.URL, got.Header)
	}
}

func TestREQ_CONN_11_TheTokenSourceIsAskedBeforeEveryAttempt(t *testing.T) {
	p := newPeer(t)
	asked := 0
	client := newClient(t, protocol.Options{URL: p.url(), TokenSource: func(context.Context, protocol.TokenRequest) (string, error) {
		asked++
		if asked == 1 {
			return "", errors.New("no token today")
		}
		return fmt.Sprint("t", asked), nil
	}})
	err := client.Connect(within(t))
	wantKind(t, err, protocol.ErrorKindConnectFailed)
	for range 2 {
		if err := client.Connect(within(t)); err != nil {
			t.Fatal(err)
		}
		p.link()
		_ = client.Close()
	}
	if q := p.request(1).URL.RawQuery; q != "token=t3" || asked != 3 {
		t.Error(q, asked)
	}
}

func TestREQ_CONN_11_TheTokenSourceIsBoundedByTheConnectTimeout(t *testing.T) {
	held := make(chan struct{})
	defer close(held)
	client := newClient(t, protocol.Options{
		URL: "ws://127.0.0.1:1/ws", ConnectTimeout: 20 * time.Millisecond,
		TokenSource: func(context.Context, protocol.TokenRequest) (string, error) { <-held; return "", nil },
	})
	err := client.Connect(within(t))
	wantKind(t, err, protocol.ErrorKindConnectFailed)
	if errors.Is(err, context.Canceled) {
		t.Error("it looks like the caller's context:", err)
	}
}

func TestREQ_LOG_01_NothingSecretIsPrinted(t *testing.T) {
	options := protocol.Options{URL: "ws://h/ws?key=secret", Token: "secret", Header: http.Header{"A": {"secret"}}}
	client := newClient(t, options)
	verify := protocol.VerifyOTP{RequestID: "r", Code: "secret"}
	signed := protocol.AuthContext{UserID: "u", Signature: "secret"}
	for _, value := range []any{options, client, verify, &verify, signed, &signed} {
		for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(form, value); strings.Contains(text, "secret") {
				t.Errorf("%s of %T: %s", form, value, text)
			}
		}
	}
	if text := options.LogValue().String(); strings.Contains(text, "secret") {
		t.Error(text)
	}
}
