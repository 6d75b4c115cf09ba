// Package protocoltest helps to test programs that use package protocol.
package protocoltest

import (
	"sync"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// VirtualClock is a [protocol.Clock] that moves only by [VirtualClock.Advance] and
// [VirtualClock.Sleep]. Its zero value is not
// usable; make one with [NewVirtualClock]. It is safe for concurrent use.
type VirtualClock struct {
	advancing sync.Mutex // one Advance at a time

	mu     sync.Mutex
	now    time.Time
	slept  time.Duration // by what the wall clock is ahead
	serial int
	armed  map[*virtualTimer]struct{}
}

type virtualTimer struct {
	clock  *VirtualClock
	due    time.Time
	serial int // timers of the same moment fire in the order of their making
	f      func()
}

// NewVirtualClock returns a clock that stands at the first of January 2000, UTC.
func NewVirtualClock() *VirtualClock {
	return &VirtualClock{
		now:   time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC),
		armed: map[*virtualTimer]struct{}{},
	}
}

var _ protocol.Clock = (*VirtualClock)(nil)

// Now returns the virtual time.
func (c *VirtualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Wall returns the virtual time of the wall clock.
func (c *VirtualClock) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.Add(c.slept)
}

// Sleep lets the machine sleep: the wall clock alone moves on by d, and no timer is due (REQ-CONN-39).
func (c *VirtualClock) Sleep(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept += d
}

// AfterFunc arms a timer; f is called by an Advance that reaches its time.
func (c *VirtualClock) AfterFunc(d time.Duration, f func()) protocol.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	t := &virtualTimer{c, c.now.Add(d), c.serial, f}
	c.armed[t] = struct{}{}
	return t
}

// Stop prevents the call, if it has not begun, and reports whether it did.
func (t *virtualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, ok := t.clock.armed[t]
	delete(t.clock.armed, t)
	return ok
}

// Advance moves the clock by d. It calls the timers that fall due, those that they arm included, in
// the order of their times, each at its own time. Frames that they caused are on their way when it
// returns: wait for them as for any other frame.
func (c *VirtualClock) Advance(d time.Duration) {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	c.mu.Lock()
	end := c.now.Add(d)
	c.mu.Unlock()
	for f := c.next(end); f != nil; f = c.next(end) {
		f()
	}
}

// next takes the first timer that is due by the end and moves the clock to it; without one it moves
// the clock to the end.
func (c *VirtualClock) next(end time.Time) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var first *virtualTimer
	for t := range c.armed {
		if !t.due.After(end) && (first == nil || t.before(first)) {
			first = t
		}
	}
	if first == nil {
		c.now = end
		return nil
	}
	delete(c.armed, first)
	if first.due.After(c.now) {
		c.now = first.due
	}
	return first.f
}

func (t *virtualTimer) before(other *virtualTimer) bool {
	if t.due.Equal(other.due) {
		return t.serial < other.serial
	}
	return t.due.Before(other.due)
}

// Armed returns how many timers are armed.
func (c *VirtualClock) Armed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.armed)
}
