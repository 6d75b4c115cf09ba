package protocol

import "time"

const (
	stall     = 100 * time.Millisecond // by so much a limit is late when the process stood still
	lateGrace = 100 * time.Millisecond // for what lies in the socket by then
)

// armed arms a limit as [due] does; a limit of 0 is off.
func armed(r *router, limit time.Duration, f func()) (stop func()) {
	if limit == 0 {
		return func() {}
	}
	return due(r, limit, f)
}

// due arms a limit, one of 0 is over at once: f runs with the mutex. One that fires late, because the
// process stood still, first lets be read what came meanwhile (REQ-TIME-02). The stop function is called
// with the mutex.
func due(r *router, limit time.Duration, f func()) (stop func()) {
	stopped, late := false, false
	var timer Timer
	var fire func()
	end := r.options.Clock.Now().Add(limit)
	fire = func() {
		r.mu.Lock()
		if stopped {
			r.mu.Unlock()
			return
		}
		if !late && r.options.Clock.Now().Sub(end) > stall {
			late = true
			timer = r.options.Clock.AfterFunc(lateGrace, fire)
			r.mu.Unlock()
			return
		}
		stopped = true
		f()
		r.mu.Unlock()
	}
	timer = r.options.Clock.AfterFunc(limit, fire)
	return func() {
		if !stopped {
			stopped = true
			timer.Stop()
		}
	}
}
