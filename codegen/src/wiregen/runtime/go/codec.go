package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Event is one event of the wire. It is sealed: the event structs of this package and
// [*UnknownEvent] are all there are.
type Event interface {
	// EventType returns the wire's word, or [TypeUnknown].
	EventType() string
	// RawJSON returns the frame as it was received, nil for an event that was built by hand.
	RawJSON() json.RawMessage
	// correlation returns the id of the action that caused the event, empty when it has none.
	correlation() string
	// bytes returns the size of the frame.
	bytes() int
}

// TypeUnknown is the EventType of an unknown event. It is never a word of the wire.
const TypeUnknown = "unknown"

// UnknownEvent is an event of a type that this version does not know, or one of a known type whose
// body is broken.
type UnknownEvent struct {
	received
	// WireType is the wire's word for the event.
	WireType string
	// Problem says what is broken; nil for a type that is not known.
	Problem *Problem
}

// EventType returns [TypeUnknown].
func (e *UnknownEvent) EventType() string { return TypeUnknown }

// String names type and fault; what is secret in the frame, nobody knows.
func (e UnknownEvent) String() string {
	if e.Problem == nil {
		return fmt.Sprintf("%s.UnknownEvent(%s)", packageName, e.WireType)
	}
	return fmt.Sprintf("%s.UnknownEvent(%s: %s at %s)", packageName, e.WireType, e.Problem.Kind, e.Problem.Pointer)
}

// GoString is String.
func (e UnknownEvent) GoString() string { return e.String() }

// MarshalJSON returns the frame as it was received.
func (e *UnknownEvent) MarshalJSON() ([]byte, error) {
	if e.raw == nil {
		return json.Marshal(map[string]string{tagMember: e.WireType})
	}
	return e.raw, nil
}

// ErrMalformedFrame is returned for a text that is no event at all: not JSON, not an object, or
// without a string that names its type.
var ErrMalformedFrame = errors.New(packageName + ": malformed frame")

// DecodeError is returned for an event of a known type whose body is broken.
type DecodeError struct {
	// WireType is the type of the event.
	WireType string
	Problem
	frame frame
}

// Error names type and place; it shows nothing of the body.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("%s: broken %s: %s at %s", packageName, e.WireType, e.Kind, e.Pointer)
}

// GoString is Error.
func (e *DecodeError) GoString() string { return e.Error() }

// Unknown returns the broken event as an unknown one, with the problem.
func (e *DecodeError) Unknown() *UnknownEvent {
	problem := e.Problem
	return &UnknownEvent{received: e.frame.received(), WireType: e.WireType, Problem: &problem}
}

// received is what an event keeps of its frame.
type received struct {
	raw json.RawMessage // as it came; nil where it is printed again from what was learned
	id  string
	// kept is, of a learned frame, what changes in it; of a repaired one, its text after the repair.
	kept    string
	learned *learnedFrame
	// size is that of a learned frame in bytes.
	size int32
	// merged is how many events of the wire this one stands for; 0 for one as it came.
	merged int32
}

// RawJSON returns the frame as it was received, nil for an event that was built by hand.
func (r *received) RawJSON() json.RawMessage {
	if r.learned != nil {
		return r.learned.print(r.id, r.kept)
	}
	return r.raw
}

// text returns the frame as it was decoded: after repair, if it was broken.
func (r *received) text() json.RawMessage {
	if r.learned == nil && r.kept != "" {
		return json.RawMessage(r.kept)
	}
	return r.RawJSON()
}

// bytes returns the size of the frame.
func (r *received) bytes() int {
	if r.learned != nil {
		return int(r.size)
	}
	return len(r.raw)
}

func (r *received) correlation() string { return r.id }

func (r *received) origin() *received { return r }

// wireEvent is what the generated events implement for the codec.
type wireEvent interface {
	Event
	// decode reads the frame, which is known to be JSON; false when a type does not fit.
	decode(*decoder) bool
	origin() *received
}

// eventKind says how the events of a type are made and repaired.
type eventKind struct {
	make    func() wireEvent
	shape   string
	mirrors []mirror
}

func (k *eventKind) read(text []byte) (wireEvent, bool) {
	e := k.make()
	return e, e.decode(&decoder{scanner: scanner{b: text}})
}

// frame is a text that was found to be an event of some type.
type frame struct {
	text []byte
	wire string
	id   string
	lone bool
}

func (f frame) received() received { return received{raw: f.text, id: f.id} }

// readFrame looks at a text as far as every event is alike; false when it is malformed.
func readFrame(text []byte) (frame, bool) {
	f, s, typed := frame{text: text}, scanner{b: text}, false
	var ids [len(correlationPlaces)][]byte
	if !s.take('{') {
		return f, false
	}
	for first := true; !s.take('}'); first = false {
		if !first && !s.take(',') {
			return f, false
		}
		key, value, ok := s.member()
		if !ok {
			return f, false
		}
		if string(key) == tagMember {
			if typed = value[0] == '"'; typed {
				f.wire = unquote(value)
			}
		}
		for i, place := range correlationPlaces {
			if string(key) == place[0] {
				ids[i] = valueAt(value, place[1:])
			}
		}
	}
	for _, value := range ids {
		if f.id == "" && len(value) > 0 && value[0] == '"' {
			f.id = unquote(value)
		}
	}
	f.lone = s.lone
	return f, typed && s.peek() == 0 && s.i == len(text)
}

// member consumes one member and returns its name and the text of its value.
func (s *scanner) member() (key, value []byte, ok bool) {
	s.space()
	start := s.i
	if s.peek() != '"' || !s.text() {
		return nil, nil, false
	}
	key = s.b[start+1 : s.i-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		key = []byte(unquote(s.b[start:s.i]))
	}
	if !s.take(':') {
		return nil, nil, false
	}
	s.space()
	start = s.i
	ok = s.value(1)
	return key, s.b[start:s.i], ok
}

// valueAt follows a path of names inside text that is known to be JSON; nil when it leads nowhere.
func valueAt(text []byte, path []string) []byte {
	if len(path) == 0 {
		return text
	}
	d := decoder{scanner: scanner{b: text}}
	if !d.enter() {
		return nil
	}
	var found []byte
	for key, ok := d.next(); ok; key, ok = d.next() {
		if value := d.raw(); string(key) == path[0] {
			found = valueAt(value, path[1:])
		}
	}
	return found
}

// DecodeEvent reads one text message: a known event, an [*UnknownEvent], or an error, which is
// [ErrMalformedFrame] or a [*DecodeError]. It never guesses. The text is copied.
func DecodeEvent(text []byte) (Event, error) {
	f, ok := readFrame(bytes.Clone(text))
	if !ok {
		return nil, ErrMalformedFrame
	}
	return f.event()
}

// event decodes strictly, then once more after the repair pass.
func (f frame) event() (Event, error) {
	kind := eventKinds[f.wire]
	if kind == nil {
		return &UnknownEvent{received: f.received(), WireType: f.wire}, nil
	}
	text, mended := f.text, f.lone
	if f.lone {
		text = withoutLoneSurrogates(text)
	}
	e, ok := kind.read(text)
	if !ok {
		t := parseTree(text)
		repair(t, kind.shape)
		fill(t, kind.mirrors)
		if problem := faultOf(t, kind.shape, kind.mirrors); problem != nil {
			return nil, &DecodeError{f.wire, *problem, f}
		}
		text, mended = t.bytes(), true
		if e, ok = kind.read(text); !ok {
			return nil, &DecodeError{f.wire, Problem{Kind: ProblemKindType}, f}
		}
	}
	if *e.origin() = f.received(); mended {
		e.origin().kept = string(text)
	}
	return e, nil
}
