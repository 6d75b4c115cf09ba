package protocol_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// rawPeer accepts one link and hands its bytes to play, which owns them.
func rawPeer(t *testing.T, play func(net.Conn, *bufio.Reader)) (url string) {
	t.Helper()
	return rawPeerIn(t, 1<<10, play)
}

// rawPeerIn is rawPeer whose answer comes in pieces of a size.
func rawPeerIn(t *testing.T, size int, play func(net.Conn, *bufio.Reader)) (url string) {
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
		defer conn.Close()
		in := bufio.NewReader(conn)
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
		for piece := range slices.Chunk([]byte(answer), size) {
			_, _ = conn.Write(piece)
		}
		play(conn, in)
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return "ws://" + listener.Addr().String() + "/ws"
}

func TestREQ_WIRE_15_AMaskedFrameOfTheServerEndsTheLinkWith1002(t *testing.T) {
	closed := make(chan []byte, 1)
	url := rawPeer(t, func(conn net.Conn, in *bufio.Reader) {
		_, _ = conn.Write([]byte("\x81\x81\x00\x00\x00\x00x"))
		frame := make([]byte, 8)
		_, _ = io.ReadFull(in, frame)
		closed <- frame
	})
	client := newClient(t, protocol.Options{URL: url})
	ended := make(chan protocol.StateChange, 8)
	client.OnState(func(s protocol.StateChange) {
		if s.Current == protocol.ConnectionStateClosed {
			ended <- s
		}
	})
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, ended, "the end"); got.CloseCode != 1002 {
		t.Errorf("told with code %d", got.CloseCode)
	}
	frame := receive(t, closed, "a close frame")
	if frame[0] != 0x88 || frame[6]^frame[2] != 0x03 || frame[7]^frame[3] != 0xea {
		t.Errorf("% x", frame)
	}
}

// A peer that never answers the close frame is waited for as long as the option says: the library
// would give up after five seconds.
func TestREQ_CONN_27_CloseTimeoutCountsWhateverItsLength(t *testing.T) {
	gone := make(chan struct{})
	url := rawPeer(t, func(conn net.Conn, in *bufio.Reader) {
		_, _ = io.Copy(io.Discard, in)
		close(gone)
	})
	clock := newStepClock()
	client := newClient(t, protocol.Options{URL: url, CloseTimeout: time.Hour, Clock: clock})
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- client.Close() }()
	limit := receive(t, clock.armed, "the limit of Close")
	for limit.d != time.Hour {
		limit = receive(t, clock.armed, "the limit of Close")
	}
	select {
	case <-over:
		t.Fatal("Close did not wait")
	default:
	}
	limit.f()
	if err := receive(t, over, "the end of Close"); err != nil {
		t.Error(err)
	}
	receive(t, gone, "the end of the socket")
}

// stepClock tells of every limit that is armed and lets the test fire it.
type stepClock struct {
	armed chan armedLimit
}

type armedLimit struct {
	d time.Duration
	f func()
}

func newStepClock() *stepClock { return &stepClock{armed: make(chan armedLimit, 64)} }

func (c *stepClock) Now() time.Time { return time.Time{} }

func (c *stepClock) Wall() time.Time { return time.Time{} }

func (c *stepClock) AfterFunc(d time.Duration, f func()) protocol.Timer {
	c.armed <- armedLimit{d, f}
	return stopped{}
}

type stopped struct{}

func (stopped) Stop() bool { return true }
