package protocol

import (
	"maps"
	"slices"
	"time"
)

// turnLine has the turns of one client that have no outcome, by their session (REQ-TURN-31), and knows what
// came a moment too early (REQ-TURN-32). Guarded by the client's mutex.
type turnLine struct {
	serial bool
	clock  Clock
	open   map[string][]*Turn
	// ended is when the terminal event of a turn came, for sessions where that is not long ago.
	ended map[string]time.Time
}

func newTurnLine(options *Options) *turnLine {
	return &turnLine{
		serial: options.TurnPolicy == TurnPolicyQueue, clock: options.Clock,
		open: map[string][]*Turn{}, ended: map[string]time.Time{},
	}
}

// enter lets a message go out, or wait for the turns before it.
func (l *turnLine) enter(t *Turn) {
	l.join(t)
	if l.serial && len(l.open[t.sessionID]) > 1 {
		t.wait()
	} else {
		t.start()
	}
}

// join takes note of a turn that runs already.
func (l *turnLine) join(t *Turn) { l.open[t.sessionID] = append(l.open[t.sessionID], t) }

// over takes note that a turn has its outcome. Whose turn it is then starts after this step, in which the
// link may end what waits too.
func (l *turnLine) over(t *Turn) {
	line := slices.DeleteFunc(l.open[t.sessionID], func(other *Turn) bool { return other == t })
	if l.open[t.sessionID] = line; len(line) == 0 {
		delete(l.open, t.sessionID)
	} else if l.serial {
		t.client.connection.later(func() {
			if line := l.open[t.sessionID]; len(line) > 0 && line[0].waits {
				line[0].start()
			}
		})
	}
}

// terminal takes note that the terminal event of a turn came.
func (l *turnLine) terminal(sessionID string) {
	now := l.clock.Now()
	maps.DeleteFunc(l.ended, func(_ string, at time.Time) bool { return !recent(now, at) })
	l.ended[sessionID] = now
}

// early says whether a refused message was sent right after the end of another turn.
func (l *turnLine) early(t *Turn) bool {
	ended, known := l.ended[t.sessionID]
	line := l.open[t.sessionID]
	return known && len(line) == 1 && line[0] == t && recent(t.sentAt, ended)
}

func recent(now, at time.Time) bool { return now.Sub(at) < limitSlotGrace }

// wait lets the message wait for the turns before it; its own time runs.
func (t *Turn) wait() {
	t.waits = true
	t.arm("total", t.client.options.TurnTimeout, func() { t.local("total_timeout") })
}

// tooEarly takes the refusal of a message that may pass: it is sent again, once, after a pause, until when
// what comes with its id is nothing (REQ-TURN-32).
func (t *Turn) tooEarly(event Event) bool {
	if t.stops["slot"] != nil {
		return true
	}
	refusal, ok := event.(*ErrorEvent)
	if !ok || t.retried || t.again == nil || t.state.turn != turnSteps.initial ||
		refusal.Code != CodeTurnInProgress || !t.session.line.early(t) {
		return false
	}
	t.retried, t.state.resting = true, ""
	t.out = t.again(t.requestID) // it has not left, and leaves under another id
	t.stops["slot"] = due(t.client.options.Clock, t.client.mu, limitSlotPause, func() {
		delete(t.stops, "slot")
		t.renew()
		t.start()
	})
	return true
}
