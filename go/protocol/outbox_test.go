package protocol

import (
	"slices"
	"testing"
	"time"
)

// takes is a link that only notes what it takes.
type takes []string

func (l *takes) take(o *outgoing) { *l = append(*l, o.requestID) }

func frameCalled(id string) *outgoing { return newOutgoing(&Ping{}, id, "", nil) }

func TestREQ_CONN_16_FramesLeaveInTheOrderOfTheirCallsAndWithdrawnOnesNever(t *testing.T) {
	var box outbox
	first, second, third := frameCalled("1"), frameCalled("2"), frameCalled("3")
	box.put(first)
	box.put(second)
	gone := false
	second.gone = func() { gone = true }
	second.withdraw()
	if !gone || second.mayHaveLeft() || first.mayHaveLeft() {
		t.Error(gone, second.state, first.state)
	}
	var link takes
	box.linkReady(&link, func() {})
	box.put(third)
	if !slices.Equal(link, []string{"1", "3"}) {
		t.Error(link)
	}
	first.withdraw()
	if !first.mayHaveLeft() || !third.mayHaveLeft() || first.over() {
		t.Error(first.state, third.state)
	}
	box.flushed(first, true)
	if !first.over() || third.over() || len(box.taken) != 1 {
		t.Error(first.state, third.state, box.taken)
	}
}

func TestREQ_CONN_16_AnOutboxOutlivesItsLink(t *testing.T) {
	var box outbox
	var old, next takes
	box.linkReady(&old, func() {})
	written := frameCalled("1")
	box.put(written)
	box.linkGone("lost", false)
	if written.state != frameWritten {
		t.Error("a frame that a lost link had is", written.state)
	}
	waiting := frameCalled("2")
	box.put(waiting)
	box.linkReady(&next, func() {})
	box.flushed(written, true) // by the old link, late
	if !slices.Equal(old, []string{"1"}) || !slices.Equal(next, []string{"2"}) || len(box.taken) != 1 {
		t.Error(old, next, box.taken)
	}
	failed := frameCalled("3")
	box.linkGone("lost", false)
	box.put(failed)
	box.linkGone("connect_failed", false)
	if failed.state != frameDropped || len(box.queue) != 0 {
		t.Error(failed.state, box.queue)
	}
}

func TestREQ_RESUME_08_AFrameThatIsTooLateTakesNoPlaceAndNoLink(t *testing.T) {
	now := time.Unix(100, 0)
	box := outbox{now: func() time.Time { return now }}
	late, later, other := frameCalled("late"), frameCalled("later"), frameCalled("other")
	late.until, later.until = now.Add(time.Second), now.Add(2*time.Second)
	box.put(late)
	box.put(later)
	if now = now.Add(999 * time.Millisecond); !box.full(2) || late.over() {
		t.Error("what is in time has no place", late.state)
	}
	if now = now.Add(time.Millisecond); box.full(2) || !late.over() || later.over() {
		t.Error("what is too late has a place", late.state, later.state)
	}
	box.put(other)
	now = now.Add(time.Second)
	var link takes
	box.linkReady(&link, func() {})
	if !slices.Equal(link, []string{"other"}) || later.state != frameDropped {
		t.Error(link, later.state)
	}
}
