package protocol_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"syscall"
	"testing"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

func TestREQ_CONN_29_TheAnswerToTheHandshakeMayComeByteByByte(t *testing.T) {
	url := rawPeerIn(t, 1, func(conn net.Conn, in *bufio.Reader) {
		_, _ = io.WriteString(conn, text(`{"type":"surprise"}`))
		_, _ = io.Copy(io.Discard, in)
	})
	client := newClient(t, protocol.Options{URL: url, CloseTimeout: protocol.Off})
	pushed := make(chan protocol.Event, 1)
	client.OnEvent(func(e protocol.Event) { pushed <- e })
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	receive(t, pushed, "the event")
}

// text is a short text frame of a server.
func text(payload string) string { return "\x81" + string(rune(len(payload))) + payload }

func TestREQ_CONN_24_TheLinkOutlivesTheGoroutineAndTheContextThatOpenedIt(t *testing.T) {
	p := newPeer(t)
	client := newClient(t, protocol.Options{URL: p.url()})
	connect := func() {
		done := make(chan error, 1)
		go func() {
			defer runtime.Goexit()
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			done <- client.Connect(ctx)
		}()
		if err := receive(t, done, "connect"); err != nil {
			t.Fatal(err)
		}
	}
	connect()
	lost := p.link()
	lost.fence(client)
	pending := later(func() (any, error) { return client.Ping(within(t)) })
	lost.recv("ping")
	_ = lost.conn.CloseNow()
	wantKind(t, receive(t, pending, "ping").err, protocol.ErrorKindConnectionLost)
	connect()
	p.link().fence(client)
}

func TestREQ_ERR_08_TheChainOfCausesLeadsToTheSystemsReason(t *testing.T) {
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	_ = listener.Close()
	err := newClient(t, protocol.Options{URL: "ws://" + listener.Addr().String()}).Connect(within(t))
	if !errors.Is(err, syscall.ECONNREFUSED) || !errors.Is(err, protocol.ErrConnectFailed) {
		t.Errorf("refused: %v", err)
	}
	mine := errors.New("no token today")
	source := func(context.Context, protocol.TokenRequest) (string, error) { return "", mine }
	err = newClient(t, protocol.Options{URL: "ws://127.0.0.1:1", TokenSource: source}).Connect(within(t))
	if !errors.Is(err, mine) {
		t.Errorf("token: %v", err)
	}
	opener := func(context.Context, protocol.OpenRequest) (protocol.Socket, error) { return nil, mine }
	err = newClient(t, protocol.Options{URL: "ws://127.0.0.1:1", Opener: opener}).Connect(within(t))
	if !errors.Is(err, mine) {
		t.Errorf("opener: %v", err)
	}
}

func TestREQ_WIRE_16_WhatAPeerSendsUnaskedCostsNoMemory(t *testing.T) {
	const pongs, pings = 300_000, 1_000
	answered := make(chan int, 1)
	url := rawPeer(t, func(conn net.Conn, in *bufio.Reader) {
		go func() {
			for range pongs / 1000 {
				_, _ = conn.Write(bytes.Repeat([]byte("\x8a\x04wxyz"), 1000))
			}
			for range pings {
				_, _ = conn.Write([]byte("\x89\x04wxyz"))
			}
		}()
		frame, count := make([]byte, 10), 0
		for count < pings {
			if _, err := io.ReadFull(in, frame); err != nil || frame[0] != 0x8a {
				break
			}
			count++
		}
		answered <- count
		_, _ = io.Copy(io.Discard, in)
	})
	client := newClient(t, protocol.Options{URL: url, CloseTimeout: protocol.Off})
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	before := inUse()
	if got := receive(t, answered, "the answers"); got != pings {
		t.Errorf("%d of %d pings were answered", got, pings)
	}
	if grown := inUse() - before; grown > 1<<20 {
		t.Errorf("%d bytes more are in use", grown)
	}
}

func inUse() int64 {
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	return int64(memory.HeapAlloc)
}

func TestREQ_CONN_30_AnAnswerToTheHandshakeThatIsCutShortMayBeTriedAgain(t *testing.T) {
	const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Up"
	for _, size := range []int{1, 20, 40, len(answer)} {
		for _, linger := range []int{-1, 0} { // by FIN, by RST
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, answer[:size])
				_ = conn.(*net.TCPConn).SetLinger(linger)
				_ = conn.Close()
			}()
			err = newClient(t, protocol.Options{URL: "ws://" + listener.Addr().String()}).Connect(within(t))
			var failed *protocol.ConnectError
			if !errors.As(err, &failed) || !failed.Retryable {
				t.Errorf("%d octets, linger %d: %v may be tried again", size, linger, err)
			}
			_ = listener.Close()
		}
	}
}
