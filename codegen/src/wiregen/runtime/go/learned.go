package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// The frames of one stream are equal byte for byte but for a few texts and numbers. After one full
// decode a learner remembers what stands between these; a frame that matches is read by comparing,
// without a parse, and is exactly the event that a full decode gives. Everything else is not learned
// from and goes the full way.

const (
	longestLearned = 4096 // bytes of a frame; what is longer is not repeated that often
	mostHoles      = 8
	hitsOfTrust    = 16
	longestWait    = 1024 // frames between two attempts to learn a type whose frames never match
	idsRemembered  = 256
)

// learnable is an event that streams and whose facts are texts and whole numbers.
type learnable interface {
	wireEvent
	// again returns a copy.
	again() learnable
	// put sets the fact with that index to a text or a number, whichever it is.
	put(i int, text string, number int64)
}

// learnedFrame is a frame with holes at the places of its facts.
type learnedFrame struct {
	event learnable // of the frame that it was learned from
	holes []hole
	tail  string
	id    int // index of the hole that holds the correlation id, -1 when there is none
}

// hole is one place of a fact.
type hole struct {
	before string // stands between the hole before and this one; the opening quote belongs to it
	fact   int
	text   bool // the contents of a string, else an integer
	copyOf int  // index of the hole that holds the same fact, -1 for the first
}

// learner reads the frames of one link. Not safe for concurrent use.
type learner struct {
	types []*learnedType
	ids   map[string]string
}

// learnedType is what is known of the frames of one type of event.
type learnedType struct {
	wire  string
	frame *learnedFrame
	// wait doubles with each frame that was learned for little; left counts down to the next one.
	wait, left int
	hits       int
}

// read returns the event of a frame that matches what was learned, nil for any other.
func (l *learner) read(text []byte) wireEvent {
	for i, known := range l.types {
		if known.frame == nil {
			continue
		}
		if event := known.frame.read(text, l.intern); event != nil {
			if known.hits++; known.hits > hitsOfTrust {
				known.wait = 0
			}
			if i > 0 { // the type of the moment is looked at first
				l.types[0], l.types[i] = known, l.types[0]
			}
			return event
		}
	}
	return nil
}

// learn takes note of a frame that was decoded the full way.
func (l *learner) learn(f frame, event Event) {
	e, ok := event.(learnable)
	if !ok {
		return
	}
	at := slices.IndexFunc(l.types, func(t *learnedType) bool { return t.wire == f.wire })
	if at < 0 {
		at = len(l.types)
		l.types = append(l.types, &learnedType{wire: f.wire})
	}
	known := l.types[at]
	if known.left > 0 {
		known.left--
		return
	}
	known.left, known.hits = known.wait, 0
	known.wait = min(2*known.wait+1, longestWait)
	known.frame = learnFrame(f, e)
}

// intern returns an id as a string that is made once for all frames of a turn.
func (l *learner) intern(id []byte) string {
	if known, ok := l.ids[string(id)]; ok {
		return known
	}
	if len(l.ids) >= idsRemembered || l.ids == nil {
		l.ids = map[string]string{}
	}
	made := string(id)
	l.ids[made] = made
	return made
}

// learnFrame finds the holes of a frame; nil when it is not one to learn from.
func learnFrame(f frame, e learnable) *learnedFrame {
	if len(f.text) > longestLearned || e.origin().kept != "" {
		return nil
	}
	type place struct{ start, end, fact int }
	var places []place
	for i, row := range facts[f.wire] {
		for _, path := range row.places {
			start, end, ok := placeOf(f.text, path)
			if !ok {
				return nil
			}
			if end > start {
				places = append(places, place{start, end, i})
			}
		}
	}
	if len(places) > mostHoles {
		return nil
	}
	slices.SortFunc(places, func(a, b place) int { return a.start - b.start })
	made := &learnedFrame{event: e, id: -1}
	from, first := 0, map[int]int{}
	var starts []int
	for _, p := range places {
		value := f.text[p.start:p.end]
		h := hole{fact: p.fact, copyOf: -1, text: value[0] == '"'}
		if h.text {
			p.start, p.end = p.start+1, p.end-1
		} else if n := wholeNumber(value); n != len(value) {
			return nil
		}
		if at, ok := first[p.fact]; ok {
			h.copyOf = at
		} else {
			first[p.fact] = len(made.holes)
		}
		h.before = string(f.text[from:p.start])
		made.holes, starts, from = append(made.holes, h), append(starts, p.start), p.end
	}
	made.tail = string(f.text[from:])
	if !made.identify(f.text, starts) {
		return nil
	}
	return made
}

// identify finds the hole of the correlation id; false when the id is anywhere else.
func (l *learnedFrame) identify(text []byte, starts []int) bool {
	for _, path := range correlationPlaces {
		start, end, ok := placeOf(text, path)
		if !ok {
			return false
		}
		if end == start || text[start] != '"' {
			continue
		}
		at := slices.Index(starts, start+1)
		if at >= 0 && l.holes[at].copyOf >= 0 {
			at = l.holes[at].copyOf
		}
		if at < 0 || l.id >= 0 && l.id != at {
			return false
		}
		l.id = at
	}
	return true
}

// placeOf returns where the value at a path stands; an empty range when there is none, false when a
// name on the way stands twice.
func placeOf(text []byte, path []string) (start, end int, ok bool) {
	d := decoder{scanner: scanner{b: text}}
	for depth := 0; ; depth++ {
		if depth == len(path) {
			d.space()
			start = d.i
			d.value(0)
			return start, d.i, true
		}
		if d.peek() != '{' {
			return 0, 0, true
		}
		d.enter()
		found := -1
		for key, more := d.next(); more; key, more = d.next() {
			if string(key) == path[depth] {
				if found >= 0 {
					return 0, 0, false
				}
				found = d.i
			}
			d.raw()
		}
		if found < 0 {
			return 0, 0, true
		}
		d.i = found
	}
}

// read returns the event of a text that matches, nil for any other.
func (l *learnedFrame) read(text []byte, intern func([]byte) string) wireEvent {
	var found [mostHoles][]byte
	var plain [mostHoles]bool
	size := len(text)
	for i := range l.holes {
		h := &l.holes[i]
		if len(text) < len(h.before) || string(text[:len(h.before)]) != h.before {
			return nil
		}
		text = text[len(h.before):]
		if h.copyOf >= 0 {
			value := found[h.copyOf]
			if !bytes.HasPrefix(text, value) {
				return nil
			}
			text = text[len(value):]
			continue
		}
		end := 0
		if h.text {
			end, plain[i] = closing(text)
		} else {
			end = wholeNumber(text)
		}
		if end < 0 || i == l.id && !plain[i] {
			return nil
		}
		found[i], text = text[:end], text[end:]
	}
	if string(text) != l.tail {
		return nil
	}
	return l.build(&found, &plain, size, intern)
}

// build makes the event out of what its holes hold.
func (l *learnedFrame) build(
	found *[mostHoles][]byte, plain *[mostHoles]bool, size int, intern func([]byte) string,
) wireEvent {
	var room [256]byte
	joined := room[:0]
	for i := range l.holes {
		if h := &l.holes[i]; h.copyOf < 0 && i != l.id {
			joined = append(joined, found[i]...)
			joined = append(joined, '"')
		}
	}
	e := l.event.again()
	*e.origin() = received{learned: l, kept: string(joined), size: int32(size)}
	kept, from := e.origin().kept, 0
	for i := range l.holes {
		h := &l.holes[i]
		switch {
		case h.copyOf >= 0:
			continue
		case i == l.id:
			id := intern(found[i])
			e.origin().id = id
			e.put(h.fact, id, 0)
			continue
		case !h.text:
			number, _ := strconv.ParseInt(kept[from:from+len(found[i])], 10, 64)
			e.put(h.fact, "", number)
		case plain[i]:
			e.put(h.fact, kept[from:from+len(found[i])], 0)
		default:
			e.put(h.fact, unescape(found[i], bytes.IndexByte(found[i], '\\')), 0)
		}
		from += len(found[i]) + 1
	}
	return e
}

// print returns the frame again whose id and other holes these are.
func (l *learnedFrame) print(id, kept string) json.RawMessage {
	var values [mostHoles]string
	out := make([]byte, 0, longestLearned/8)
	for i, h := range l.holes {
		switch {
		case h.copyOf >= 0:
			values[i] = values[h.copyOf]
		case i == l.id:
			values[i] = id
		default:
			end, _ := closing([]byte(kept))
			values[i], kept = kept[:end], kept[end+1:]
		}
		out = append(append(out, h.before...), values[i]...)
	}
	return append(out, l.tail...)
}

// closing returns the length of the contents of a string that are in front, up to the quote that ends
// it, and whether they stand for themselves; -1 for what a full decode has to look at.
func closing(text []byte) (end int, plain bool) {
	ascii := true
	for i, c := range text {
		switch {
		case c == '"':
			if !ascii && !utf8.Valid(text[:i]) {
				return -1, false
			}
			return i, true
		case c == '\\':
			s := scanner{b: text, i: i - 1}
			if !s.text() || s.lone || !utf8.Valid(text[:s.i]) {
				return -1, false
			}
			return s.i - 1, false
		case c < ' ':
			return -1, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return -1, false
}

// wholeNumber returns the length of an integer in front, -1 when there is none that surely fits.
func wholeNumber(text []byte) int {
	i := 0
	if i < len(text) && text[i] == '-' {
		i++
	}
	start := i
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	if digits := i - start; digits == 0 || digits > 18 || digits > 1 && text[start] == '0' {
		return -1
	}
	return i
}
