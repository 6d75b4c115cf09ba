package protocol

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

// Clock is the source of time of a client. Every limit runs on it (REQ-TIME-01). It must be safe
// for concurrent use.
type Clock interface {
	// Now returns the current time; only differences of two values are used. It stands still while the
	// machine sleeps, or need not go on then.
	Now() time.Time
	// Wall returns the time of the wall clock, which goes on while the machine sleeps: by what it runs
	// ahead of Now the client notices a sleep (REQ-CONN-39).
	Wall() time.Time
	// AfterFunc calls f in its own time, not before d has passed and not inside AfterFunc itself.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is one armed limit.
type Timer interface {
	// Stop prevents the call, if it has not begun yet, and reports whether it did.
	Stop() bool
}

// systemClock is the machine's clock.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// Wall leaves the monotonic reading out, which stands still while the machine sleeps.
func (systemClock) Wall() time.Time { return time.Now().Round(0) }

func (systemClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

const (
	stall     = 100 * time.Millisecond // by so much a limit is late when the process stood still
	lateGrace = 100 * time.Millisecond // for what lies in the socket by then
)

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

// requestIDs returns a generator of requestIds: "req-" and a random UUID of version 4
// (REQ-CALL-01). Without a source of its own it draws from crypto/rand.
func requestIDs(random func() float64) func() string {
	return func() string {
		var b [16]byte
		_, _ = rand.Read(b[:])
		for i := range b {
			if random != nil {
				b[i] = byte(random() * 256)
			}
		}
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		return fmt.Sprintf("req-%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
}

// random returns a number of [0, 1) from crypto/rand.
func random() float64 {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53)
}
