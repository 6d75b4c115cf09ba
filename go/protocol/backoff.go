package protocol

import (
	"math"
	"time"
)

// endless is how many attempts are left where there is no limit.
const endless = 1<<53 - 1

// backoff counts the attempts of one client, and the waits before them (REQ-CONN-31 to REQ-CONN-33).
// Pure.
type backoff struct {
	base, longest float64 // milliseconds
	doublings     int
	// attempts since the count began anew; the first one of Connect is not among them.
	attempts int
}

func newBackoff(base, longest time.Duration) backoff {
	return backoff{base: milliseconds(base), longest: milliseconds(longest)}
}

// reset begins to count anew (REQ-CONN-32).
func (b *backoff) reset() { b.doublings, b.attempts = 0, 0 }

// remaining returns how many attempts are left of a limit; nil = without end.
func (b *backoff) remaining(limit *int) int64 {
	if limit == nil {
		return endless
	}
	return int64(max(0, *limit-b.attempts))
}

// delay returns how long to wait before the next attempt, in whole milliseconds. draw is one number of
// the random source, from that of the table of close codes, hint what the server asked for.
func (b *backoff) delay(draw float64, from int, hint *time.Duration) time.Duration {
	n := max(b.doublings, from)
	b.doublings = n + 1
	var wait float64
	switch {
	case hint != nil:
		told := milliseconds(min(*hint, limitRetryAfterLongest))
		wait = told + math.Floor(draw*max(b.base, told/4))
	case n == 0:
		wait = min(b.longest, math.Floor(draw*b.base))
	default:
		grown := math.Ldexp(b.base, min(n, limitBackoffDoublings))
		wait = min(b.longest, b.base+math.Floor(draw*min(b.longest, grown)))
	}
	return time.Duration(math.Floor(wait)) * time.Millisecond
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
