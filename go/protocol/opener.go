package protocol

import (
	"context"
	"fmt"
	"net/http"
)

// Opener opens the socket of a link, in the place of the client's own WebSocket; see [Options.Opener].
// It is called once an attempt and gives up when ctx ends. A failure fails the attempt with kind
// connect_failed and is its cause; a [*RefusedError] is read as the refusal of a handshake.
type Opener func(ctx context.Context, request OpenRequest) (Socket, error)

// OpenRequest is what a socket is opened with.
type OpenRequest struct {
	// URL of the server, a token that travels in the query included.
	URL string
	// Header of the handshake, Origin and a token that travels in a header included.
	Header http.Header
	// MaxMessageBytes is the largest message that the client takes.
	MaxMessageBytes int64
}

// String leaves out what may be secret.
func (r OpenRequest) String() string { return "protocol.OpenRequest(" + safeURL(r.URL) + ")" }

// GoString is String.
func (r OpenRequest) GoString() string { return r.String() }

// Socket carries the messages of one link. One goroutine calls Read, one other Write; Close and Abort
// may be called by any.
type Socket interface {
	// Read waits for the next message. Its error is a [*CloseError] when the peer closed with a frame.
	// The text is good until the next Read.
	Read() (text []byte, binary bool, err error)
	// Write hands one text message to the peer.
	Write(text []byte) error
	// Close tells the peer that nothing more follows. Read goes on until the peer has answered.
	Close(code int) error
	// Abort drops the socket at once; Read and Write return.
	Abort()
}

// CloseError says that the peer closed a [Socket]: 1005 stands for a close without a code.
type CloseError struct {
	Code   int
	Reason string
}

// Error names the code; the peer's words are in Reason alone.
func (e *CloseError) Error() string { return fmt.Sprintf("protocol: closed with code %d", e.Code) }

// RefusedError is what an [Opener] returns when the server answered the handshake with another status than
// 101. It is told as the client's own WebSocket tells such an answer (REQ-CONN-12, REQ-CONN-22).
type RefusedError struct {
	// Status is the HTTP status, 100 to 599.
	Status int
	// Header of the answer; Retry-After and X-Request-Id are read.
	Header http.Header
	// Body of the answer; its first 4,096 bytes are kept.
	Body string
}

// Error names the status; the server's words are in Body alone.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("protocol: the handshake was refused with status %d", e.Status)
}
