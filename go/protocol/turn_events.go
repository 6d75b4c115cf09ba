package protocol

import (
	"context"
	"io"
	"iter"
)

// EventIterator reads the events of a turn, one at a time, from the first one on. It counts as a
// follower of the turn until its end was read or it was closed. It is not safe for concurrent use;
// open one for each goroutine.
type EventIterator struct {
	turn   *Turn
	reader *itemReader
	over   bool
}

// Iterate opens an iterator. Use it instead of [Turn.Stream] where the wait for an event needs a
// context of its own.
func (t *Turn) Iterate() *EventIterator { return t.iterate(true) }

// iterate opens an iterator; looks says whether its reader sees questions (REQ-ASK-10).
func (t *Turn) iterate(looks bool) *EventIterator {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	t.lookedAt = t.lookedAt || looks
	return &EventIterator{turn: t, reader: t.items.open()}
}

// Next returns the next event. After the last one it returns io.EOF, or the error of a turn that
// failed. When ctx ends first, its error is returned at once, the iterator is over, and the turn is
// stopped unless somebody else follows it or it was detached (REQ-STOP-04). An iterator that fell
// behind by more than 1,024 events or 8 MiB, of which adjacent tokens count as one, gives the oldest
// of them that are within this bound and ends with an error that matches [ErrSlowConsumer]; the turn
// and other iterators go on (REQ-TURN-22).
func (i *EventIterator) Next(ctx context.Context) (Event, error) {
	if ctx.Err() == nil {
		if event, ok := i.reader.next(); ok {
			return event, nil
		}
	}
	t := i.turn
	mu := t.client.mu
	mu.Lock()
	defer mu.Unlock()
	for !i.over {
		if !t.ended && ctx.Err() != nil {
			i.leave()
			return nil, ctx.Err()
		}
		if event, ok := i.reader.next(); ok {
			return event, nil
		}
		if i.reader.give(&t.text) {
			continue
		}
		if i.reader.over {
			i.over = true
			return nil, newError(leafSlowConsumer, t.facts(ending{}))
		}
		if t.ended {
			i.leave()
			t.fate.observed.Store(true)
			if err := t.end(ctx); err != nil {
				return nil, err
			}
			break
		}
		i.reader.waiting = true
		mu.Unlock()
		select {
		case <-i.reader.ready:
		case <-ctx.Done():
		}
		mu.Lock()
		i.reader.stopWaiting()
	}
	return nil, io.EOF
}

// Close leaves the iteration; the turn is stopped unless somebody else follows it, or it was
// detached or is over (REQ-STOP-05). It always returns nil.
func (i *EventIterator) Close() error {
	i.turn.client.mu.Lock()
	defer i.turn.client.mu.Unlock()
	i.leave()
	return nil
}

func (i *EventIterator) leave() {
	if i.over {
		return
	}
	i.over = true
	i.reader.recall()
	if i.turn.items.close(i.reader) {
		i.turn.left()
	}
}

// Stream returns the events of the turn, the terminal one last; for a failed turn the error follows,
// with a nil event. The context of send ends the wait with its own error. Leaving the loop early
// stops the turn under the conditions of [Turn.Close].
func (t *Turn) Stream() iter.Seq2[Event, error] { return t.stream(true) }

func (t *Turn) stream(looks bool) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		events := t.iterate(looks)
		defer events.Close()
		for {
			event, err := events.Next(t.ctx)
			if err == io.EOF {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Events is [Turn.Stream] without errors: [Turn.Wait] tells how the turn ended.
func (t *Turn) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for event, err := range t.Stream() {
			if err != nil || !yield(event) {
				return
			}
		}
	}
}

// Text returns the streamed text piece by piece; when nothing was streamed, the final text at once,
// unless it is empty (REQ-TURN-10). Errors and leaving are as in [Turn.Stream].
func (t *Turn) Text() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		streamed := false
		var joint joiner
		for event, err := range t.stream(false) {
			if err != nil {
				if rest := joint.rest(); rest == "" || yield(rest, nil) {
					yield("", err)
				}
				return
			}
			if token, ok := event.(*StreamToken); ok {
				streamed = true
				if !yield(joint.next(token), nil) {
					return
				}
			}
		}
		if rest := joint.rest(); rest != "" && !yield(rest, nil) {
			return
		}
		if result, _ := t.Wait(context.Background()); !streamed && result != nil && result.Text != "" {
			yield(result.Text, nil)
		}
	}
}
