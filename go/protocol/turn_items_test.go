package protocol

import (
	"strings"
	"testing"
)

// shower is a turn's items with tokens of one letter and chunks to fill them with.
type shower struct {
	text  accumulator
	items turnItems
}

func newShower() *shower {
	s := &shower{}
	s.items.text = &s.text
	return s
}

func (s *shower) tokens(n int) {
	for i := range n {
		token := &StreamToken{Token: string(rune('a' + i%26))}
		token.raw = make([]byte, 200)
		from, to := s.text.add(token)
		s.items.append(token, from, to)
	}
}

func (s *shower) chunks(n, size int) {
	for range n {
		chunk := &StreamChunk{}
		chunk.raw = make([]byte, size)
		s.items.append(chunk, 0, -1)
	}
}

// take returns what a reader gets at once.
func (s *shower) take(r *itemReader) []Event {
	var got []Event
	r.give(&s.text)
	for event, ok := r.next(); ok; event, ok = r.next() {
		got = append(got, event)
	}
	return got
}

// drain takes everything that a reader can take: its text, the wire's events and the entries.
func (s *shower) drain(r *itemReader) (text string, events, entries int) {
	for {
		event, ok := r.next()
		if !ok {
			if !r.give(&s.text) {
				return text, events, entries
			}
			continue
		}
		entries++
		if token, ok := event.(*StreamToken); ok {
			text += token.Token
			events += token.Merged()
		} else {
			events++
		}
	}
}

func TestREQ_TURN_21_UpToTheBoundEveryReaderSeesEveryItemAsItCame(t *testing.T) {
	s := newShower()
	reader := s.items.open()
	s.tokens(mostItems)
	if _, events, entries := s.drain(reader); events != mostItems || entries != mostItems {
		t.Error(events, entries)
	}
	if _, events, entries := s.drain(s.items.open()); events != mostItems || entries != mostItems {
		t.Error("late:", events, entries)
	}
}

func TestREQ_TURN_21_BeyondTheBoundTokensAreMergedAndNoneIsLost(t *testing.T) {
	for _, n := range []int{mostItems + 1, 10_000, 100_000} {
		s := newShower()
		reader := s.items.open()
		s.tokens(n)
		s.chunks(1, 10)
		s.tokens(5)
		text, events, entries := s.drain(reader)
		if events != n+6 || entries > mostItems || text != s.text.whole() {
			t.Errorf("%d: %d events in %d entries, %d bytes", n, events, entries, len(text))
		}
		if late, events, _ := s.drain(s.items.open()); late != text || events != n+6 {
			t.Error("late:", events)
		}
	}
}

func TestREQ_TURN_21_AReaderThatKeepsUpSeesEveryTokenByItself(t *testing.T) {
	s := newShower()
	reader := s.items.open()
	for range 1000 {
		s.tokens(100)
		if _, events, entries := s.drain(reader); events != 100 || entries != 100 {
			t.Fatal(events, entries)
		}
	}
	if len(s.items.record.log) > mostItems {
		t.Errorf("%d entries are kept", len(s.items.record.log))
	}
}

func TestREQ_TURN_21_AMergedTokenHasTheFrameOfItsLast(t *testing.T) {
	s := newShower()
	reader := s.items.open()
	s.tokens(mostItems)
	last := &StreamToken{Token: "!"}
	last.raw = []byte(`{"last":true}`)
	from, to := s.text.add(last)
	s.items.append(last, from, to)
	var got []Event
	for more := s.take(reader); len(more) > 0; more = s.take(reader) {
		got = append(got, more...)
	}
	merged, ok := got[len(got)-1].(*StreamToken)
	if !ok || len(got) != mostItems || merged.Merged() != 2 || string(merged.RawJSON()) != `{"last":true}` || !strings.HasSuffix(merged.Token, "!") {
		t.Errorf("%+v", got[len(got)-1])
	}
	if last.Token != "!" || last.Merged() != 1 {
		t.Error("the event that came was changed")
	}
}

func TestREQ_TURN_21_NobodySeesTokensMergedBecauseOfSomebodySlower(t *testing.T) {
	s := newShower()
	slow, fast := s.items.open(), s.items.open()
	for range 30 {
		s.tokens(100)
		if _, events, entries := s.drain(fast); events != 100 || entries != 100 {
			t.Fatal(events, entries)
		}
	}
	if text, events, entries := s.drain(slow); events != 3000 || entries > mostItems || text != s.text.whole() {
		t.Error(events, entries)
	}
}

func TestREQ_TURN_22_AReaderThatMergingDoesNotHelpEndsAlone(t *testing.T) {
	s := newShower()
	slow, fast := s.items.open(), s.items.open()
	for range 4 {
		s.chunks(mostItems/2, 10)
		s.drain(fast)
	}
	if !slow.over || fast.over {
		t.Error(slow.over, fast.over)
	}
	if late := s.items.open(); !late.over {
		t.Error("what is gone cannot be read late")
	}
	if len(s.items.record.log) > mostItems {
		t.Error(len(s.items.record.log))
	}
}

func TestREQ_TURN_22_AReaderThatLapsesShowsTheOldestItems(t *testing.T) {
	s := newShower()
	first, second := s.items.open(), s.items.open()
	s.chunks(1, 1)
	s.take(second)
	for size := range mostItems + 500 {
		s.chunks(1, size+2)
	}
	late := s.items.open()
	for reader, from := range map[*itemReader]int{first: 1, second: 2, late: 1} {
		for want := from; want < from+mostItems; {
			got := s.take(reader)
			if len(got) == 0 {
				t.Fatalf("from %d: ended before %d", from, want)
			}
			for _, event := range got {
				if event.bytes() != want {
					t.Fatalf("from %d: got %d; want %d", from, event.bytes(), want)
				}
				want++
			}
		}
		if more := s.take(reader); len(more) > 0 || !reader.over {
			t.Errorf("from %d: %d more, lapsed %v", from, len(more), reader.over)
		}
	}
}

// A reader that got many items at once and took few of them has the others still to take.
func TestREQ_TURN_22_WhatAReaderDidNotTakeCounts(t *testing.T) {
	for _, n := range []int{mostItems, mostItems + 1} {
		s := newShower()
		reader := s.items.open()
		s.chunks(mostAhead, 1)
		reader.give(&s.text)
		reader.next()
		s.chunks(n-mostAhead+1, 1)
		_, events, _ := s.drain(reader)
		if events != mostItems || reader.over != (n > mostItems) {
			t.Errorf("%d waiting: %d shown, lapsed %v", n, events, reader.over)
		}
	}
}

func TestREQ_TURN_21_WhatAReaderDidNotTakeIsMergedWithWhatFollows(t *testing.T) {
	s := newShower()
	slow, fast := s.items.open(), s.items.open()
	s.tokens(mostAhead)
	slow.give(&s.text)
	slow.next()
	for n := mostAhead; n < mostItems; n++ {
		s.tokens(1)
		s.drain(fast)
	}
	if _, events, entries := s.drain(slow); events != mostItems-1 || entries != mostItems-1 {
		t.Errorf("at the bound: %d in %d", events, entries)
	}
	late := s.items.open()
	late.give(&s.text)
	late.next()
	s.tokens(2)
	if text, events, entries := s.drain(late); events != mostItems+1 || entries != mostItems || text != s.text.whole()[1:] {
		t.Errorf("over the bound: %d in %d", events, entries)
	}
	if _, events, entries := s.drain(fast); events != 2 || entries != 2 {
		t.Errorf("the fast one: %d in %d", events, entries)
	}
}

func TestREQ_TURN_22_AnotherReaderMovesNobodysBound(t *testing.T) {
	s := newShower()
	slow, other := s.items.open(), s.items.open()
	s.chunks(mostItems/2, 1)
	s.drain(other)
	s.chunks(mostItems/2, 1)
	if slow.over {
		t.Error("it is at the bound")
	}
	s.chunks(1, 1)
	if _, events, _ := s.drain(slow); !slow.over || other.over || events != mostItems {
		t.Error(slow.over, other.over, events)
	}
}

func TestREQ_TURN_22_OneItemIsNeverTooLarge(t *testing.T) {
	s := newShower()
	reader := s.items.open()
	s.chunks(1, mostItemBytes+1)
	if _, events, _ := s.drain(reader); events != 1 || reader.over {
		t.Error(events, reader.over)
	}
}

func TestREQ_TURN_22_TheBoundCountsBytesToo(t *testing.T) {
	s := newShower()
	slow := s.items.open()
	s.chunks(8, 1<<20)
	if slow.over {
		t.Error("8 MiB are within the bound")
	}
	s.chunks(1, 1)
	if !slow.over || s.items.record.bytes > mostItemBytes {
		t.Error(slow.over, s.items.record.bytes)
	}
}

func TestREQ_TURN_23_HalvesOfAPairAreJoinedAcrossTokens(t *testing.T) {
	for _, c := range []struct{ frames, want string }{
		{`a\ud83d|\ude00b`, "a😀b"},
		{`\ud83d|\ude00`, "😀"},
		{`\ud83d|x|\ude00`, "\ufffdx\ufffd"},
		{`\ud83d|\ud83d|\ude00`, "\ufffd😀"},
		{`\\ud83d|\ude00`, `\ud83d` + "\ufffd"},
		{`\\\ud83d|\ude00|`, `\😀`},
		{`\ud83d||\ude00`, "\ufffd\ufffd"},
		{`\ud83d`, "\ufffd"},
		{`\ud83d\ude00|\ud83d\ude00`, "😀😀"},
	} {
		var text accumulator
		var joint joiner
		streamed := ""
		for piece := range strings.SplitSeq(c.frames, "|") {
			event, err := DecodeEvent([]byte(`{"type":"stream_token","data":{"requestId":"r","token":"` + piece + `"}}`))
			if err != nil {
				t.Fatal(err)
			}
			text.add(event.(*StreamToken))
			streamed += joint.next(event.(*StreamToken))
		}
		if streamed += joint.rest(); text.whole() != c.want || streamed != c.want {
			t.Errorf("%s: got %q and %q; want %q", c.frames, text.whole(), streamed, c.want)
		}
	}
}

func TestREQ_TURN_02_AWordRestsOnlyWhereTheTableMovesNothing(t *testing.T) {
	s := newTurnState(func(QuestionKind, Event, string) bool { return false })
	s.rest(TypeStreamToken)
	if s.rests(TypeStreamToken) {
		t.Error("the first token moves the turn to running")
	}
	token := &StreamToken{}
	s.frame(token, TypeStreamToken, stepFacts{})
	if s.rest(TypeStreamToken); s.rests(TypeStreamToken) != fast.rest {
		t.Error("a token of a running turn is an item and nothing else")
	}
	s.rest(TypeKeepalive)
	if s.rests(TypeKeepalive) || s.rests(TypeEventualResponse) {
		t.Error("only what was found to rest rests")
	}
	s.frame(&WriteConfirmationRequired{}, TypeWriteConfirmationRequired, stepFacts{})
	if s.rest(TypeStreamToken); s.rests(TypeStreamToken) {
		t.Error("a token may close an open question")
	}
	s.answer(QuestionKindConfirmation)
	s.verbs = append(s.verbs, &verb{name: verbConfirm})
	if s.rest(TypeStreamToken); s.rests(TypeStreamToken) {
		t.Error("a verb is out")
	}
}
