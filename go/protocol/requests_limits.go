package protocol

import (
	"sync"
	"time"
)

const (
	stall     = 100 * time.Millisecond // by so much a limit is late when the process stood still
	lateGrace = 100 * time.Millisecond // for what lies in the socket by then
)

// armed arms a limit as [due] does; a limit of 0 is off.
func armed(r *router, limit time.Duration, f func()) (stop func()) {
	if limit == 0 {
		return func() {}
	}
	return due(r.options.Clock, r.mu, limit, f)
}

// due arms a limit, one of 0 is over at once: f runs with the mutex. One that fires late, because the
// process stood still, first lets be read what came meanwhile (REQ-TIME-02). The stop function is called
// with the mutex.
func due(clock Clock, mu *sync.Mutex, limit time.Duration, f func()) (stop func()) {
	stopped, late := false, false
	var timer Timer
	var fire func()
	end := clock.Now().Add(limit)
	fire = func() {
		mu.Lock()
		defer mu.Unlock()
		if stopped {
			return
		}
		if !late && clock.Now().Sub(end) > stall {
			late = true
			timer = clock.AfterFunc(lateGrace, fire)
			return
		}
		stopped = true
		f()
	}
	timer = clock.AfterFunc(limit, fire)
	return func() {
		if !stopped {
			stopped = true
			timer.Stop()
		}
	}
}
