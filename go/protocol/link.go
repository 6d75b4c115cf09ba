package protocol

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// partingGrace is how long a close frame has to reach the socket when nobody waits for the peer's.
const partingGrace = 20 * time.Millisecond

// link is one open socket: it reads and decodes, and writes what it takes from the outbox. Fields are guarded
// by the client's mutex, but for those of the reading goroutine.
type link struct {
	supervisor *supervisor
	transport  wire
	writer     *writer
	ended      bool
	malformed  int // in a row
	// written is closed when nothing more is written; nil until the link has begun.
	written <-chan struct{}
	// guards drop the socket when its end takes too long.
	guards []Timer

	// Of the reading goroutine alone: what was learned, and whether something was read since the
	// batch began.
	learner learner
	touched bool
}

func newLink(s *supervisor, t wire) *link {
	l := &link{supervisor: s, transport: t, writer: newWriter(s.mu, &s.outbox)}
	t.onDrained(l.batchEnded)
	return l
}

// take gives a frame to the writer. The mutex is held.
func (l *link) take(o *outgoing) {
	l.supervisor.tap.show(DirectionOut, o.action, o.requestID, o.text, len(o.text))
	l.writer.take(o)
}

// write runs until the writer ends.
func (l *link) write() {
	if code := l.writer.run(l.transport.write); code != 0 {
		l.transport.close(code)
	}
}

// part begins the end of the link from our side: the socket is dropped after CloseTimeout, in the
// client's time or the machine's, whichever is over first. The mutex is held.
func (l *link) part() {
	l.ended = true
	options := &l.supervisor.options
	limit := max(options.CloseTimeout, partingGrace)
	l.guards = []Timer{
		options.Clock.AfterFunc(limit, l.transport.abort),
		time.AfterFunc(limit, l.transport.abort),
	}
}

// drop ends a link that is parting: its close frame may still go, for a moment, then the socket is gone.
func (l *link) drop() {
	closedWithin(partingGrace, l.written)
	l.transport.abort()
}

// read runs until the socket ends.
func (l *link) read() {
	for {
		text, binary, err := l.transport.read()
		if err != nil {
			l.over(endOf(err))
			return
		}
		if !l.touched {
			l.touched = true
			l.heard()
		}
		switch {
		case binary:
			l.locked(func() { l.malformedReceived(nil, len(text)) })
		case l.learnedReceived(text):
		case !utf8.Valid(text):
			l.locked(func() {
				l.supervisor.counters.FramesIn++
				l.supervisor.end(ending{word: "invalid_utf8"})
			})
		default:
			l.textReceived(bytes.Clone(text))
		}
	}
}

// heard takes note of the first message of a batch: the link lives.
func (l *link) heard() {
	s := l.supervisor
	at := s.options.Clock.Now()
	l.locked(func() { s.liveness.heard(at) })
}

// locked runs f with the mutex, unless the link has ended: then nothing that it reads counts.
func (l *link) locked(f func()) {
	l.supervisor.mu.Lock()
	defer l.supervisor.mu.Unlock()
	if !l.ended {
		f()
	}
}

// over takes note of the end of the socket.
func (l *link) over(end ending) {
	s := l.supervisor
	l.locked(func() { s.end(end) })
	s.mu.Lock()
	l.writer.destroy()
	s.mu.Unlock()
	if end.ours {
		l.transport.close(end.code)
		l.transport.drain(max(s.options.CloseTimeout, partingGrace))
	}
	l.transport.abort()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, guard := range l.guards {
		guard.Stop()
	}
}

// batchEnded tells the sink that all that was read is handled.
func (l *link) batchEnded() {
	if l.touched {
		l.touched = false
		l.supervisor.mu.Lock()
		defer l.supervisor.mu.Unlock()
		l.supervisor.sink.batchEnded()
	}
}

// learnedReceived hands a frame on that is known but for its text; false for any other.
func (l *link) learnedReceived(text []byte) bool {
	event := l.learner.read(text)
	if event == nil {
		return false
	}
	s := l.supervisor
	tapped := s.tap.wanted()
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.ended {
		return true
	}
	s.counters.FramesIn++
	l.malformed = 0
	if tapped {
		s.tap.show(DirectionIn, event.EventType(), event.correlation(), bytes.Clone(text), len(text))
	}
	s.sink.eventReceived(event)
	return true
}

// textReceived decodes outside the mutex and hands on inside.
func (l *link) textReceived(text []byte) {
	f, ok := readFrame(text)
	if !ok {
		l.locked(func() { l.malformedReceived(text, len(text)) })
		return
	}
	event, err := f.event()
	if err == nil && fast.learned {
		l.learner.learn(f, event)
	}
	l.locked(func() {
		s := l.supervisor
		s.counters.FramesIn++
		l.malformed = 0
		s.tap.show(DirectionIn, f.wire, f.id, text, len(text))
		if err != nil {
			s.sink.brokenReceived(err.(*DecodeError))
			return
		}
		if event.EventType() == TypeUnknown {
			s.tap.warnOnce(f.wire, "an event of an unknown type")
		}
		s.sink.eventReceived(event)
	})
}

func (l *link) malformedReceived(text []byte, size int) {
	l.supervisor.counters.FramesIn++
	l.supervisor.counters.DroppedFrames++
	l.supervisor.tap.show(DirectionIn, "", "", text, size)
	l.malformed++
	l.supervisor.tap.warnOnce("", "a malformed frame was dropped")
	if l.malformed == limitMalformedInARow {
		l.supervisor.end(ending{word: "malformed_limit"})
	}
}
