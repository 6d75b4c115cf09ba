package protocol

import (
	"slices"
	"sync/atomic"
)

// Bounds of what is kept for a reader (REQ-TURN-21).
const (
	mostItems     = limitIteratorItems
	mostItemBytes = limitIteratorBytes
	mostAhead     = 128 // items that a reader gets at once
)

// turnItems is what a turn has shown: kept from the first item on for whoever comes later, and handed
// to each reader's own backlog. Guarded by the client's mutex.
type turnItems struct {
	text    *accumulator
	record  backlog
	readers []*itemReader
}

// open adds a reader, which begins with the first item.
func (l *turnItems) open() *itemReader {
	r := &itemReader{backlog: l.record, ready: make(chan struct{}, 1)}
	r.log = slices.Clone(l.record.log)
	if !r.over {
		l.readers = append(l.readers, r)
	}
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

// append adds an event; it wakes nobody but readers that fell behind, who are closed (REQ-TURN-22).
// from and to bound its text, if it is a token.
func (l *turnItems) append(event Event, from, to int) {
	added := item{event: event, count: 1, size: event.bytes(), from: from, to: to}
	l.record.add(added)
	fell := false
	for _, r := range l.readers {
		r.add(added)
		fell = fell || r.over
	}
	if fell {
		l.readers = slices.DeleteFunc(l.readers, (*itemReader).wakeIfOver)
	}
}

// wake gives all waiting readers a sign.
func (l *turnItems) wake() {
	for _, r := range l.readers {
		r.wake()
	}
}

// item is one entry of a backlog; after a merge it stands for several tokens.
type item struct {
	event Event
	count int
	size  int
	// from and to bound the text of a token that may be merged; to is -1 for what may not.
	from, to int
}

// join makes one entry of this one and the next; false when they are not both tokens.
func (i *item) join(next *item) bool {
	if i.to < 0 || next.to < 0 {
		return false
	}
	i.event, i.to, i.count = next.event, next.to, i.count+next.count
	i.size = next.event.bytes() + i.to - i.from
	return true
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

// backlog holds items in order, within the bound: beyond it adjacent tokens are merged, and what
// cannot be merged ends it with the oldest items that are within (REQ-TURN-21, REQ-TURN-22).
type backlog struct {
	log   []item
	bytes int
	over  bool // something could not be kept; nothing is added any more
}

// full says whether there is more than the bound allows. One item alone is not, however large it is.
func (b *backlog) full() bool {
	return len(b.log) > mostItems || b.bytes > mostItemBytes && len(b.log) > 1
}

func (b *backlog) add(added item) {
	if b.over {
		return
	}
	b.log = append(b.log, added)
	b.bytes += added.size
	if b.full() && !b.mergeLast() {
		b.mergeAll()
		b.cut()
	}
}

// mergeLast merges the last two items; false when that does not bring the backlog below the bound.
func (b *backlog) mergeLast() bool {
	n := len(b.log)
	if n < 2 {
		return false
	}
	last, added := &b.log[n-2], &b.log[n-1]
	b.bytes -= last.size + added.size
	if !last.join(added) {
		b.bytes += last.size + added.size
		return false
	}
	b.bytes += last.size
	b.drop(n-1, n)
	return !b.full()
}

// mergeAll makes one item of all tokens that stand side by side.
func (b *backlog) mergeAll() {
	kept := b.log[:0]
	b.bytes = 0
	for _, next := range b.log {
		if n := len(kept); n == 0 || !kept[n-1].join(&next) {
			kept = append(kept, next)
		}
	}
	clear(b.log[len(kept):])
	b.log = kept
	for i := range kept {
		b.bytes += kept[i].size
	}
}

// cut ends a backlog that is still full with the oldest items that are within the bound.
func (b *backlog) cut() {
	for b.full() {
		b.over = true
		n := len(b.log)
		b.bytes -= b.log[n-1].size
		b.drop(n-1, n)
	}
}

// drop forgets the items of a range at the end or at the beginning.
func (b *backlog) drop(from, to int) {
	clear(b.log[from:to])
	if from == 0 {
		b.log = b.log[to:]
	} else {
		b.log = b.log[:from]
	}
}

// itemReader is one iterator's backlog. Guarded by the client's mutex, but for next.
type itemReader struct {
	backlog
	// ahead is what the reader got at once and takes without the mutex: the events of the first items
	// of the log. taken counts those that it took, and settled those of them that left the log. After a
	// recall taken is recalled or more, and nothing is ahead.
	ahead   []Event
	taken   atomic.Int64
	settled int
	// ready gets a sign when there is something to take; only while waiting.
	ready   chan struct{}
	waiting bool
}

const recalled = 1 << 32 // more than any reader gets at once

// next takes an event of those that the reader got at once; false when there is none left. It needs no
// mutex, and is the iterator's alone.
func (r *itemReader) next() (Event, bool) {
	n := r.taken.Add(1)
	if n > int64(len(r.ahead)) {
		return nil, false
	}
	event := r.ahead[n-1]
	r.ahead[n-1] = nil
	return event, true
}

// give lets a reader that has taken all it got have what comes next, at most mostAhead items; false
// when there is nothing.
func (r *itemReader) give(text *accumulator) bool {
	r.settle(r.taken.Load())
	r.ahead = r.ahead[:0]
	for i := range r.log[:min(len(r.log), mostAhead)] {
		r.ahead = append(r.ahead, r.log[i].shown(text))
	}
	r.settled = 0
	r.taken.Store(0)
	return len(r.ahead) > 0
}

// settle takes what the reader took out of the log.
func (r *itemReader) settle(taken int64) {
	if taken >= recalled {
		return
	}
	n := int(min(taken, int64(len(r.ahead)))) - r.settled
	for i := range r.log[:n] {
		r.bytes -= r.log[i].size
	}
	r.drop(0, n)
	r.settled += n
}

// recall takes back what the reader got and did not take.
func (r *itemReader) recall() { r.settle(r.taken.Swap(recalled)) }

// add is the backlog's, of what the reader has not taken.
func (r *itemReader) add(added item) {
	if len(r.log) >= mostItems || r.bytes+added.size > mostItemBytes {
		r.settle(r.taken.Load())
	}
	if len(r.log) >= mostItems || r.bytes+added.size > mostItemBytes {
		r.recall()
	}
	r.backlog.add(added)
}

func (r *itemReader) wake() {
	if r.waiting {
		r.waiting = false
		r.ready <- struct{}{}
	}
}

// wakeIfOver wakes a reader that gets nothing more; false when it does.
func (r *itemReader) wakeIfOver() bool {
	if r.over {
		r.wake()
	}
	return r.over
}

// stopWaiting takes a sign back that the reader did not wait for.
func (r *itemReader) stopWaiting() {
	r.waiting = false
	select {
	case <-r.ready:
	default:
	}
}

// Merged returns how many tokens of the wire the event stands for: 1 for one as it came, more where a
// reader was behind by more than 1,024 items; then RawJSON and Timestamp are the last one's
// (REQ-TURN-21).
func (e *StreamToken) Merged() int { return max(int(e.origin().merged), 1) }
