package protocol

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Close codes that the client sends or reads a meaning from.
const (
	closeProtocolError = 1002
	closeAbnormal      = 1006
	closeTooLarge      = 1009
)

// wire carries the messages of one link. One goroutine reads, one writes; close, abort and drain may
// be called by any.
type wire interface {
	// read returns the next message; its text is good until the next read.
	read() (text []byte, binary bool, err error)
	write(text []byte) error
	// close sends a close frame; the reader sees the peer's.
	close(code int)
	// abort drops the socket at once.
	abort()
	// drain forgets what the peer still sends, until it ends or the limit is over, and aborts.
	drain(limit time.Duration)
	// onDrained sets what is called before read waits: all that came has been read.
	onDrained(f func())
}

// transport is one WebSocket. It is the only room that knows the library. One goroutine reads, one
// writes; close and abort may be called by any.
type transport struct {
	conn   *websocket.Conn
	socket *socket
	frames *frames
	once   sync.Once
	room   []byte // of the message that was read last
}

// socket is the TCP connection below. The HTTP client opens it on a goroutine of its own, which may
// come too late.
type socket struct {
	mu      sync.Mutex
	conn    net.Conn
	dropped bool
	ended   atomic.Bool // the peer's last byte has been read, or the link was reset
}

// watchedConn tells the socket that the peer has ended.
type watchedConn struct {
	net.Conn
	socket *socket
}

func (c watchedConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	if err != nil {
		c.socket.ended.Store(true)
	}
	return n, err
}

func (s *socket) dial(ctx context.Context, _, address string) (net.Conn, error) {
	conn, err := dialFirst(ctx, net.DefaultResolver.LookupIPAddr, address)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn = conn; s.dropped {
		_ = conn.Close()
	}
	return watchedConn{conn, s}, nil
}

// drop closes the connection, now or as soon as it is there.
func (s *socket) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = true
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// dialing is what a handshake needs.
type dialing struct {
	url    string
	header http.Header
	caPEM  []byte
	limit  int64
}

// dial opens a WebSocket. It offers no extension, asks no proxy and follows no redirect
// (REQ-CONN-12, REQ-CONN-14).
func dial(ctx context.Context, d dialing) (*transport, error) {
	roots, err := trusted(d.caPEM)
	if err != nil {
		return nil, err
	}
	t := &transport{socket: &socket{}}
	h := &handshake{limit: d.limit, socket: t.socket, base: &http.Transport{
		DialContext:       t.socket.dial,
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSNextProto:      map[string]func(string, *tls.Conn) http.RoundTripper{},
		DisableKeepAlives: true,
	}}
	client := &http.Client{
		Transport:     h,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	options := &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: d.header, CompressionMode: websocket.CompressionDisabled,
	}
	conn, _, err := websocket.Dial(ctx, d.url, options)
	if err != nil {
		t.socket.drop()
		return nil, h.failure(err)
	}
	conn.SetReadLimit(-1) // frames keeps the limit
	t.conn, t.frames = conn, h.frames
	return t, nil
}

func trusted(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in the PEM text")
	}
	return pool, nil
}

// read returns the next message; its text is good until the next read.
func (t *transport) read() (text []byte, binary bool, err error) {
	if text, ok := t.frames.plain(); ok {
		return text, false, nil
	}
	kind, reader, err := t.conn.Reader(context.Background())
	if err != nil {
		return nil, false, err
	}
	t.room = t.room[:0]
	for {
		if len(t.room) == cap(t.room) {
			t.room = append(t.room, 0)[:len(t.room)]
		}
		n, err := reader.Read(t.room[len(t.room):cap(t.room)])
		t.room = t.room[:len(t.room)+n]
		if err == io.EOF {
			return t.room, kind == websocket.MessageBinary, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
}

func (t *transport) onDrained(f func()) { t.frames.drained = f }

// write hands one text message to the socket.
func (t *transport) write(text []byte) error {
	return t.conn.Write(context.Background(), websocket.MessageText, text)
}

// close sends a close frame; the reader sees the peer's.
func (t *transport) close(code int) { t.frames.part(code) }

// abort drops the socket at once.
func (t *transport) abort() {
	t.once.Do(func() {
		t.socket.drop()
		_ = t.conn.CloseNow()
	})
}

// drain reads and forgets what the peer still sends, so that it gets our close frame before the
// socket goes; until the peer ends or the limit is over.
func (t *transport) drain(limit time.Duration) {
	_ = t.socket.conn.SetReadDeadline(time.Now().Add(limit))
	_, _ = io.Copy(io.Discard, t.socket.conn)
	t.abort()
}

// ending is how a link ended: in the words of the connection machine, with close code and reason.
type ending struct {
	word   string
	code   int
	reason string // what the peer's close frame says
	// ours says that the socket is still there and waits for a close frame with the code.
	ours bool
}

func endOf(err error) ending {
	var broken violation
	var told *CloseError
	var closed websocket.CloseError
	switch {
	case errors.Is(err, errTooLarge):
		return ending{word: "too_large", code: closeTooLarge, ours: true}
	case errors.As(err, &broken):
		return ending{word: "lost", code: closeProtocolError, ours: true}
	case errors.As(err, &told):
		return ending{word: "closed_by_peer", code: told.Code, reason: strings.ToValidUTF8(told.Reason, "\ufffd")}
	case errors.As(err, &closed):
		return ending{word: "closed_by_peer", code: int(closed.Code), reason: strings.ToValidUTF8(closed.Reason, "\ufffd")}
	}
	return ending{word: "lost", code: closeAbnormal}
}
