package protocol

import (
	"slices"
	"sort"
)

// Bounds of what is kept for a reader (REQ-TURN-21).
const (
	mostItems     = limitIteratorItems
	mostItemBytes = limitIteratorBytes
	mostTaken     = 128 // items that a reader takes at once
)

// turnItems is what a turn has shown, from the first item on. Each reader goes through it at its own
// pace; what is over the bound is merged, and what cannot be merged is dropped. Readers that had not
// come that far keep the oldest of it and lapse. Guarded by the client's mutex.
type turnItems struct {
	text    *accumulator
	log     []item
	next    int // number of the event that comes next
	readers []*itemReader
	bytes   int
	// start is what a reader that comes too late shows: the oldest items, once the log has lost one.
	start []item
}

// item is one entry of the log; after a merge it stands for several tokens.
type item struct {
	event  Event
	number int // of its first event
	count  int
	size   int
	// from and to bound the text of a token that may be merged; to is -1 for what may not.
	from, to int
}

// itemReader is one iterator's place in the log.
type itemReader struct {
	at     int // number of the next event to take
	lapsed bool
	// left is what a lapsed reader has still to take.
	left []item
	// ready gets a sign when there is something to take; only while waiting.
	ready   chan struct{}
	waiting bool
}

// open adds a reader, which begins with the first item.
func (l *turnItems) open() *itemReader {
	r := &itemReader{ready: make(chan struct{}, 1)}
	l.readers = append(l.readers, r)
	if l.first() > 0 {
		l.lapse(r, l.start)
	}
	l.bound()
	return r
}

// close forgets a reader; false when it was not there any more.
func (l *turnItems) close(r *itemReader) bool {
	i := slices.Index(l.readers, r)
	if i >= 0 {
		l.readers = slices.Delete(l.readers, i, i+1)
	}
	return i >= 0
}

// first returns the number of the oldest event that is kept.
func (l *turnItems) first() int {
	if len(l.log) == 0 {
		return l.next
	}
	return l.log[0].number
}

// append adds an event; it wakes nobody. from and to bound its text, if it is a token.
func (l *turnItems) append(event Event, from, to int) {
	added := item{event: event, number: l.next, count: 1, size: event.bytes(), from: from, to: to}
	l.log = append(l.log, added)
	l.next++
	l.bytes += added.size
	if len(l.log) > mostItems || l.bytes > mostItemBytes {
		l.bound()
	}
}

// joins says whether the next entry can be merged into this one.
func (i *item) joins(next *item) bool { return i.to >= 0 && next.to >= 0 }

// take moves a reader on and returns what it comes by, at most mostTaken items.
func (l *turnItems) take(r *itemReader, into []Event) []Event {
	if r.lapsed {
		for len(r.left) > 0 && len(into) < mostTaken {
			into = append(into, r.left[0].shown(l.text))
			r.left = r.left[1:]
		}
		return into
	}
	for at := l.index(r.at); at < len(l.log) && len(into) < mostTaken; at++ {
		into = append(into, l.log[at].shown(l.text))
		r.at = l.log[at].number + l.log[at].count
	}
	return into
}

// index returns where the entry with that event, or the one after it, lies.
func (l *turnItems) index(number int) int {
	if number >= l.next {
		return len(l.log)
	}
	return sort.Search(len(l.log), func(i int) bool { return l.log[i].number >= number })
}

// shown returns the event of an entry.
func (i *item) shown(text *accumulator) Event {
	last, ok := i.event.(*StreamToken)
	if !ok || i.count == 1 {
		return i.event
	}
	merged := *last
	merged.Token, merged.merged = text.text.String()[i.from:i.to], int32(i.count)
	return &merged
}

// stopWaiting takes a sign back that the reader did not wait for.
func (r *itemReader) stopWaiting() {
	r.waiting = false
	select {
	case <-r.ready:
	default:
	}
}

// wake gives all waiting readers a sign.
func (l *turnItems) wake() {
	for _, r := range l.readers {
		r.wake()
	}
}

func (r *itemReader) wake() {
	if r.waiting {
		r.waiting = false
		r.ready <- struct{}{}
	}
}

// bound brings the log below its bounds. The readers cut it into parts: what all have taken, and what
// one has not taken and the next one has; each part is bounded for itself, so that nobody sees tokens
// merged because of somebody slower.
func (l *turnItems) bound() {
	for from := 0; from < len(l.log); {
		to := l.partFrom(from)
		switch {
		case !l.over(from, to):
			from = to
		case l.merge(from, to):
		case l.lapseAt(from, to):
			from = 0 // where it stood one part ended and another began: now they are one
		default:
			l.dropFirst(to)
		}
	}
}

// partFrom returns where the part that begins there ends: at the next reader, or with the log.
func (l *turnItems) partFrom(from int) int {
	to := len(l.log)
	for _, r := range l.readers {
		if at := l.index(r.at); at > from {
			to = min(to, at)
		}
	}
	return to
}

// lapseAt ends the readers that stand where a part begins; false when there are none.
func (l *turnItems) lapseAt(at, to int) bool {
	found := false
	for _, r := range slices.Clone(l.readers) {
		if l.index(r.at) == at {
			found = true
			l.lapse(r, l.oldest(at, to))
		}
	}
	return found
}

// over says whether a part of the log is over its bound.
func (l *turnItems) over(from, to int) bool {
	if to-from > mostItems || l.bytes <= mostItemBytes {
		return to-from > mostItems
	}
	size := 0
	for i := from; i < to; i++ {
		size += l.log[i].size
	}
	return size > mostItemBytes
}

// oldest returns the items at the beginning of a part that are within the bound.
func (l *turnItems) oldest(from, to int) []item {
	end := from
	for size := 0; end < to && end-from < mostItems; end++ {
		if size += l.log[end].size; size > mostItemBytes {
			break
		}
	}
	return slices.Clone(l.log[from:end])
}

// lapse ends a reader that fell behind, after the items that are left for it (REQ-TURN-22).
func (l *turnItems) lapse(r *itemReader, left []item) {
	r.lapsed, r.left = true, left
	l.close(r)
	r.wake()
}

// dropFirst drops the first item, of a part that ends there.
func (l *turnItems) dropFirst(to int) {
	if l.first() == 0 {
		l.start = l.oldest(0, to)
	}
	l.bytes -= l.log[0].size
	l.log[0] = item{}
	l.log = l.log[1:]
}

// merge makes one entry of neighbouring tokens in a part of the log; false when there were none.
func (l *turnItems) merge(from, to int) bool {
	end := from + 1
	for i := from + 1; i < to; i++ {
		last, next := &l.log[end-1], l.log[i]
		if !last.joins(&next) {
			l.log[end] = next
			end++
			continue
		}
		l.bytes -= last.size + next.size
		last.event, last.to, last.count = next.event, next.to, last.count+next.count
		last.size = next.event.bytes() + last.to - last.from
		l.bytes += last.size
	}
	l.log = slices.Delete(l.log, end, to)
	return end < to
}

// Merged returns how many tokens of the wire the event stands for: 1 for one as it came, more where a
// reader was behind by more than 1,024 items; then RawJSON and Timestamp are the last one's
// (REQ-TURN-21).
func (e *StreamToken) Merged() int { return max(int(e.origin().merged), 1) }
