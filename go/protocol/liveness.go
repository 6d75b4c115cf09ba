package protocol

import (
	"sync"
	"time"
)

// liveness watches whether an open link still lives (REQ-CONN-38, REQ-CONN-39): its timers, and the one
// place that notices a sleep. Guarded by the client's mutex.
type liveness struct {
	options *Options
	mu      *sync.Mutex
	// happened takes the event of a timer that is due. It may end the link.
	happened func(word string)

	heardAt time.Time
	// armedAt and wallAt are the two clocks when the timer ping was armed.
	armedAt, wallAt time.Time
	stable, ping    func() // stop their timers; nil where none is armed
	// pong and probe stop the limits of pings of our own that nothing followed yet.
	pong, probe func()
}

// begin watches a link that opened.
func (l *liveness) begin() {
	l.arm(&l.stable, l.options.StableAfter, func() { l.happened("stable") })
	l.heardAt = l.options.Clock.Now()
	if l.options.PingInterval > 0 {
		l.watch(l.options.PingInterval)
	}
}

// heard takes note that something came: the link lives. It is called once a batch and arms no timer.
func (l *liveness) heard(at time.Time) {
	l.heardAt = at
	disarm(&l.pong)
	disarm(&l.probe)
}

// pinged waits PongTimeout for a sign of life: a ping went out after a silence.
func (l *liveness) pinged() { l.expect(&l.pong, l.options.PongTimeout, "pong_timeout") }

// probed waits for a sign of life: a ping went out after a sleep.
func (l *liveness) probed() { l.expect(&l.probe, limitProbeTimeout, "probe_failed") }

// end watches no longer: the link has ended.
func (l *liveness) end() {
	for _, timer := range []*func(){&l.stable, &l.ping, &l.pong, &l.probe} {
		disarm(timer)
	}
}

// expect does not put off the end of a wait that an earlier ping began.
func (l *liveness) expect(timer *func(), limit time.Duration, word string) {
	if limit > 0 && *timer == nil {
		l.arm(timer, limit, func() { l.happened(word) })
	}
}

func (l *liveness) watch(delay time.Duration) {
	l.armedAt, l.wallAt = l.options.Clock.Now(), l.options.Clock.Wall()
	l.arm(&l.ping, delay, l.look)
}

// look finds out when something came last: what comes only notes the time.
func (l *liveness) look() {
	interval, now := l.options.PingInterval, l.options.Clock.Now()
	slept := l.options.Clock.Wall().Sub(l.wallAt)-now.Sub(l.armedAt) > 2*interval
	left := interval - now.Sub(l.heardAt)
	silent := left <= 0
	if silent {
		left = interval
	}
	l.watch(left)
	switch {
	case slept:
		l.happened("wake")
	case silent:
		l.happened("silence")
	}
}

func (l *liveness) arm(timer *func(), limit time.Duration, f func()) {
	*timer = due(l.options.Clock, l.mu, limit, func() {
		*timer = nil
		f()
	})
}

func disarm(timer *func()) {
	if stop := *timer; stop != nil {
		*timer = nil
		stop()
	}
}
