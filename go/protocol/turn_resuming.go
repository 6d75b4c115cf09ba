package protocol

import (
	"slices"
	"strconv"
	"time"
)

const (
	stateSuspended = "suspended"
	// resumeLeast is what a limit has left at least.
	resumeLeast = time.Millisecond
	// numberMost is the largest seq.
	numberMost = 1<<53 - 1
	// noGoal says that a turn has caught up.
	noGoal = -1
)

// resuming is what a turn of a replay session has beside its states: the numbers of its events, and
// what waits until it goes on (REQ-RESUME-01 to REQ-RESUME-10). A turn of any other session has none.
// Whoever calls tells the time.
type resuming struct {
	takenUp  bool // another client sent the message
	sequence string
	last     int64 // newest number that was taken
	goal     int64 // lastSeq of turn_resumed until the turn has caught up, else noGoal
	toldAt   *int64
	limit    time.Duration
	left     time.Duration // of limit, until something new comes
	since    time.Time
	backoff  backoff
	held     []*verb   // called while the turn was suspended, oldest first
	cancel   *outgoing // goes out behind the next resume_turn
}

func newResuming(options *Options) *resuming {
	return &resuming{
		sequence: sequenceSteps.initial, goal: noGoal, limit: options.ResumeTimeout, left: options.ResumeTimeout,
		backoff: newBackoff(options.BackoffBase, options.BackoffMax),
	}
}

// taking keeps what the machine sequence makes of an event.
type taking struct{ word *string }

var _ sequenceActs = taking{}

func (t taking) take(event stepEvent) { *t.word = string(event) }

// takes says what an event is for the machines of its turn, in place of word (REQ-RESUME-06).
func (r *resuming) takes(event Event, word, turn string) string {
	if !numbered(event) {
		return word
	}
	seq := sequenceOf(event)
	facts := stepFacts{turn: stepKnown(turn), seq: stepKnown(r.place(seq))}
	next, effects := sequenceSteps.step(r.sequence, word, &facts)
	r.sequence = next
	for _, e := range effects {
		e.do(taking{&word})
	}
	if len(effects) == 0 && seq > 0 {
		r.took(seq)
	}
	return word
}

// place says where a number stands beside the newest one; 0 is none.
func (r *resuming) place(seq int64) string {
	switch {
	case seq == 0:
		return "none"
	case seq <= r.last:
		return "old"
	case seq == r.last+1:
		return "next"
	}
	return "gap"
}

// follows takes an event that is the next one and leads to nothing else; it says false of any other.
func (r *resuming) follows(event Event) bool {
	seq := r.last + 1
	if r.sequence != sequenceSteps.initial || r.goal != noGoal && seq >= r.goal || sequenceOf(event) != seq {
		return false
	}
	r.took(seq)
	return true
}

func (r *resuming) took(seq int64) { r.last, r.left = seq, r.limit }

// expiry returns until when the cancel of a turn that is over may wait for a link (REQ-RESUME-08); the zero
// time: without end.
func (r *resuming) expiry(now time.Time) time.Time {
	if r == nil || r.limit == 0 {
		return time.Time{}
	}
	return now.Add(r.limit)
}

// suspend begins a suspension. The frames of verbs that have no answer may be lost.
func (r *resuming) suspend(now time.Time, verbs []*verb) {
	r.since, r.goal = now, noGoal
	for _, v := range verbs {
		v.unsure = v.unsure || !slices.Contains(r.held, v)
	}
}

// stateOf says what turn_resumed tells of the turn; gone when the server knows less than we have.
func (r *resuming) stateOf(told *TurnResumed) ResumeState {
	goesOn := told.State == ResumeStateRunning || told.State == ResumeStateSettled
	if goesOn && told.LastSeq < r.last {
		return ResumeStateGone
	}
	return told.State
}

// pause returns how long a refused resume_turn waits until it is written again (REQ-RESUME-05).
func (r *resuming) pause(draw float64, refusal *ErrorEvent) time.Duration {
	return r.backoff.delay(draw, 0, hintOf(refusal))
}

// resume ends a suspension and returns the verbs that are written now.
func (r *resuming) resume(told *TurnResumed, now time.Time) []*verb {
	if r.limit > 0 {
		r.left = max(resumeLeast, r.left-now.Sub(r.since))
	}
	r.backoff.reset()
	r.goal, r.toldAt = told.LastSeq, told.Timestamp
	held := r.held
	r.held = nil
	return held
}

// caughtUp says whether the turn has caught up just now (REQ-RESUME-07); true once.
func (r *resuming) caughtUp() bool {
	if r.goal == noGoal || r.last < r.goal {
		return false
	}
	r.goal = noGoal
	return true
}

// age says how old a question is that is read before the turn has caught up (REQ-RESUME-10).
func (r *resuming) age(question Event) time.Duration {
	if r == nil || r.goal == noGoal || r.toldAt == nil {
		return 0
	}
	asked, ok := numberOf(question, "timestamp")
	if !ok {
		return 0
	}
	return max(0, apart(asked, *r.toldAt))
}

// passed returns the server's time between a question and an event, where both are numbered
// (REQ-VERB-10).
func (r *resuming) passed(question, event Event) (time.Duration, bool) {
	if r == nil || sequenceOf(question) == 0 || sequenceOf(event) == 0 {
		return 0, false
	}
	asked, begins := numberOf(question, "timestamp")
	now, ends := numberOf(event, "timestamp")
	return apart(asked, now), begins && ends
}

// apart returns the distance of two times of the server, as far as a Duration holds it.
func apart(from, to int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(max(-most, min(to-from, most))) * time.Millisecond
}

// numbered says whether events of that type have a number.
func numbered(event Event) bool {
	wire := wireTypeOf(event)
	return wire != TypeKeepalive && wire != TypeTurnResumed
}

// sequenceOf returns the valid seq of an event, 0 for none.
func sequenceOf(event Event) int64 {
	var seq *int64
	switch e := event.(type) {
	case *StreamToken:
		seq = e.Seq
	case *StreamReasoning:
		seq = e.Seq
	case *StreamChunk:
		seq = e.Seq
	default: // not every event has a fact for it
		// A float64 is exact up to numberMost.
		number, err := strconv.ParseFloat(string(memberOf(event.RawJSON(), "seq")), 64)
		if whole := int64(number); err == nil && number >= 1 && number <= numberMost && float64(whole) == number {
			return whole
		}
		return 0
	}
	if seq == nil || *seq < 1 || *seq > numberMost {
		return 0
	}
	return *seq
}

// wireTypeOf returns the wire's word for an event.
func wireTypeOf(event Event) string {
	if unknown, ok := event.(*UnknownEvent); ok {
		return unknown.WireType
	}
	return event.EventType()
}
