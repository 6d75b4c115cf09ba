package protocol

import "sync"

// writer holds the frames that one link has taken, for the goroutine that writes them.
type writer struct {
	mu    *sync.Mutex // the client's
	box   *outbox
	wake  chan struct{}
	taken []*outgoing
	// closeWith ends the writer after the last frame with a close frame; 0 while it goes on.
	closeWith int
	// broken says that the socket is gone.
	broken bool
}

func newWriter(mu *sync.Mutex, box *outbox) *writer {
	return &writer{mu: mu, box: box, wake: make(chan struct{}, 1)}
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) take(o *outgoing) {
	w.taken = append(w.taken, o)
	w.signal()
}

// end lets the writer finish: what was taken is written, then the close frame. The mutex is held.
func (w *writer) end(code int) {
	w.closeWith = code
	w.signal()
}

// destroy gives up on everything that was not written. The mutex is held.
func (w *writer) destroy() {
	w.broken, w.taken = true, nil
	w.signal()
}

// run writes until the link ends; it returns the code of the close frame that is due, 0 when the
// socket is gone.
func (w *writer) run(write func([]byte) error) int {
	for {
		w.mu.Lock()
		batch := w.taken
		w.taken = nil
		over, code := len(batch) == 0 && (w.broken || w.closeWith != 0), w.closeWith
		if w.broken {
			code = 0
		}
		w.mu.Unlock()
		if over {
			return code
		}
		if len(batch) == 0 {
			<-w.wake
			continue
		}
		for _, o := range batch {
			// A failed write needs no answer of its own: the reader sees the end of the socket.
			err := write(o.text)
			w.mu.Lock()
			w.box.flushed(o, err == nil)
			w.mu.Unlock()
		}
	}
}
