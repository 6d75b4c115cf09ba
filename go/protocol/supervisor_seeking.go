package protocol

import (
	"sync"
	"time"
)

// seeking knows whether another attempt comes, when, and why its token is asked for (REQ-CONN-30 to
// REQ-CONN-36). Guarded by the client's mutex.
type seeking struct {
	options *Options
	mu      *sync.Mutex
	backoff backoff
	// over is called when the wait before an attempt is over. The mutex is held.
	over func()

	wait    func() // stops the wait; nil without one
	due     bool   // an attempt follows this step
	reason  TokenReason
	renewed bool
	// err is what the last attempt failed with.
	err error
}

func newSeeking(options *Options, mu *sync.Mutex, over func()) seeking {
	return seeking{
		options: options, mu: mu, over: over, reason: TokenReasonConnect,
		backoff: newBackoff(options.BackoffBase, options.BackoffMax),
	}
}

// number is that of the attempt to come, from 1.
func (s *seeking) number() int { return s.backoff.attempts + 1 }

// facts are what the machine of the link may look at.
func (s *seeking) facts(o outlook) stepFacts {
	most := s.options.MaxReconnectAttempts
	ever := most == nil || *most > 0
	return stepFacts{
		autoReconnect:     stepKnown(s.options.seeks()),
		retryInitial:      stepKnown(s.options.RetryInitialConnect && ever),
		retry:             stepKnown(o.retry),
		tokenRenewable:    stepKnown(s.options.TokenSource != nil && !s.renewed),
		attemptsRemaining: stepKnown(s.backoff.remaining(most)),
	}
}

// begin lets the first attempt of Connect follow this step.
func (s *seeking) begin() {
	s.beginAnew()
	s.err, s.reason, s.due = nil, TokenReasonConnect, true
}

// beginAnew counts attempts and waits from now on (REQ-CONN-32).
func (s *seeking) beginAnew() {
	s.backoff.reset()
	s.renewed = false
}

// schedule waits for the next attempt and returns how long (REQ-CONN-31, REQ-CONN-33).
func (s *seeking) schedule(o outlook) time.Duration {
	delay := s.backoff.delay(s.draw(), o.backoffFrom, o.hint)
	s.wait = due(s.options.Clock, s.mu, delay, func() {
		s.wait = nil
		s.over()
	})
	return delay
}

// draw returns one number of the random source. A source that breaks ends no seeking.
func (s *seeking) draw() (drawn float64) {
	drawn = 0.5
	guarded(s.options.Logger, "Options.Random", func() {
		if got := s.options.Random(); got >= 0 && got < 1 {
			drawn = got
		} else {
			s.options.Logger.Warn("Options.Random gave no number of [0, 1)")
		}
	})
	return drawn
}

// renew asks the token source for another token next (REQ-CONN-34).
func (s *seeking) renew() { s.renewed, s.reason = true, TokenReasonRejected }

// attempt lets one more attempt follow this step.
func (s *seeking) attempt() {
	if !s.due {
		s.endWait()
		s.backoff.attempts++
		s.due = true
	}
}

// take says whether an attempt follows, and why its token is asked for.
func (s *seeking) take() (reason TokenReason, follows bool) {
	if !s.due {
		return "", false
	}
	s.due = false
	reason, s.reason = s.reason, TokenReasonReconnect
	return reason, true
}

// stop lets no attempt follow, now or later.
func (s *seeking) stop() {
	s.due = false
	s.endWait()
}

func (s *seeking) endWait() {
	if s.wait != nil {
		s.wait()
		s.wait = nil
	}
}
