package protocol

import "time"

// openedSocket makes a wire out of what an application opened.
type openedSocket struct {
	socket  Socket
	limit   int64
	drained func()
}

var _ wire = &openedSocket{}

func (s *openedSocket) onDrained(f func()) { s.drained = f }

func (s *openedSocket) read() ([]byte, bool, error) {
	s.drained() // every message is a batch of its own
	text, binary, err := s.socket.Read()
	if err == nil && int64(len(text)) > s.limit {
		return nil, false, errTooLarge
	}
	return text, binary, err
}

func (s *openedSocket) write(text []byte) error { return s.socket.Write(text) }

func (s *openedSocket) close(code int) { _ = s.socket.Close(code) }

func (s *openedSocket) abort() { s.socket.Abort() }

// drain leaves it to the socket how its close frame reaches the peer.
func (s *openedSocket) drain(time.Duration) {}
