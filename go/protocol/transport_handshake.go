package protocol

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const refusalPatience = time.Second // for a body that does not end

// handshakeError is a handshake that did not give a link.
type handshakeError struct {
	status     int // 0 when the answer was no refusal
	retryAfter *time.Duration
	body       string
	requestID  string
	// final says that another attempt would end alike.
	final bool
	cause error
}

func (e *handshakeError) Error() string { return "the handshake failed" }

func (e *handshakeError) Unwrap() error { return e.cause }

// handshake is what the refusal comes to.
func (e *RefusedError) handshake() *handshakeError {
	body := e.Body[:min(len(e.Body), limitRefusalBodyBytes)]
	return &handshakeError{
		status: e.Status, body: strings.ToValidUTF8(body, "\ufffd"), requestID: e.Header.Get("X-Request-Id"),
		retryAfter: retryAfter(e.Header.Get("Retry-After")), cause: e,
	}
}

// handshake remembers what a refusal says; under an accepted link it lays frames.
type handshake struct {
	base    *http.Transport
	socket  *socket
	limit   int64
	refusal *handshakeError
	frames  *frames
}

func (h *handshake) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := h.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		patience := time.AfterFunc(refusalPatience, func() { _ = response.Body.Close() })
		body, _ := io.ReadAll(io.LimitReader(response.Body, limitRefusalBodyBytes))
		patience.Stop()
		_ = response.Body.Close()
		response.Body = http.NoBody
		h.refusal = &handshakeError{
			status: response.StatusCode, body: strings.ToValidUTF8(string(body), "\ufffd"),
			requestID: response.Header.Get("X-Request-Id"), retryAfter: retryAfter(response.Header.Get("Retry-After")),
		}
	} else if socket, ok := response.Body.(io.ReadWriteCloser); ok {
		h.frames = newFrames(socket, h.limit)
		response.Body = h.frames
	}
	return response, nil
}

// failure is what a failed handshake comes to.
func (h *handshake) failure(err error) error {
	if h.refusal != nil {
		return h.refusal
	}
	cause := scrubbed(err)
	if cause == errNoWebSocket && h.socket.ended.Load() {
		// The HTTP client takes the beginning of a status line for a whole one that is malformed.
		cause = io.ErrUnexpectedEOF
	}
	var untrusted *tls.CertificateVerificationError
	var host x509.HostnameError
	final := errors.As(err, &untrusted) || errors.As(err, &host) || cause == errNoWebSocket
	return &handshakeError{final: final, cause: cause}
}

var errNoWebSocket = errors.New("the answer is no WebSocket handshake")

// scrubbed returns the part of an error that is known to show nothing of what was sent: the wrappers
// of HTTP client and library show URL, headers and the answer (REQ-CONN-21).
func scrubbed(err error) error {
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &certificate):
		return certificate
	case errors.As(err, &record):
		return record
	case errors.As(err, &alert):
		return alert
	case errors.As(err, &network):
		return network
	}
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errNoWebSocket
}

// reasonOf returns the system's own words for why an attempt failed, without addresses.
func reasonOf(err error) string {
	var name *net.DNSError
	var number syscall.Errno
	var system *os.SyscallError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &name):
		return name.Err
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &system):
		return system.Err.Error()
	case errors.As(err, &certificate):
		return certificate.Err.Error()
	case errors.Is(err, io.EOF):
		return "the server closed the connection"
	case err == nil:
		return ""
	}
	return err.Error()
}

// retryAfter reads the header of that name: seconds or a date; nil for anything else.
func retryAfter(value string) *time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = max(time.Until(date), 0)
	} else {
		return nil
	}
	return &wait
}
