package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// fact is one flat member of an event: the wire's word and its places, the first of which counts.
type fact struct {
	name   string
	places [][]string
	// inner facts are members of another fact of the event.
	inner bool
	// optional facts may be absent.
	optional bool
}

// Facts returns the flat members of a typed event under the wire's words, its type among them;
// absent ones are left out. It is nil for an unknown event.
func Facts(event Event) map[string]json.RawMessage {
	e, ok := event.(wireEvent)
	if !ok {
		return nil
	}
	var tag encoder
	tag.string(e.EventType())
	out := map[string]json.RawMessage{tagMember: tag.b}
	for i, value := range factsOf(e) {
		if value != nil {
			out[facts[e.EventType()][i].name] = value
		}
	}
	return out
}

// factOf writes a fact of an event, the field of its row; false where it is absent.
func factOf(e wireEvent, i int, enc *encoder) bool {
	value := reflect.ValueOf(e).Elem().Field(i + 1)
	if facts[e.EventType()][i].optional && absent(value) {
		return false
	}
	enc.write(value)
	return true
}

// factsOf returns the text of every fact, nil where it is absent.
func factsOf(e wireEvent) []json.RawMessage {
	out := make([]json.RawMessage, len(facts[e.EventType()]))
	for i := range out {
		var enc encoder
		if factOf(e, i, &enc) {
			out[i] = enc.b
		}
	}
	return out
}

// EncodeEvent returns the frame of an event. One that was received keeps everything that it came
// with, whatever of it is known; facts that were changed are written where they stood, those of an
// event that was built by hand at all their places.
func EncodeEvent(event Event) ([]byte, error) {
	e, ok := event.(wireEvent)
	if !ok {
		return event.(*UnknownEvent).MarshalJSON()
	}
	return encodeEvent(e), nil
}

func encodeEvent(e wireEvent) []byte {
	now, was, text := factsOf(e), []json.RawMessage(nil), e.origin().text()
	t := &tree{kind: kindObject}
	if text == nil {
		var tag encoder
		tag.string(e.EventType())
		t.set(tagMember, &tree{kind: kindString, text: tag.b})
	} else {
		before, _ := eventKinds[e.EventType()].read(text)
		if was = factsOf(before); equalFacts(now, was) {
			return text
		}
		t = parseTree(text)
	}
	for i, f := range facts[e.EventType()] {
		switch {
		case was != nil && bytes.Equal(now[i], was[i]):
		case was == nil && (now[i] == nil || f.inner && isZero(now[i])):
		case now[i] == nil:
			t.clear(f.places)
		default:
			t.spread(f.places, parseTree(now[i]), was == nil)
		}
	}
	return t.bytes()
}

// shownEvent returns the textual form of an event: its type and its frame.
func shownEvent(e wireEvent) string {
	return packageName + "." + reflect.TypeOf(e).Elem().Name() + string(encodeEvent(e))
}

func equalFacts(a, b []json.RawMessage) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func isZero(text []byte) bool {
	switch string(text) {
	case "null", "false", "0", `""`:
		return true
	}
	return false
}

// spread writes a value to those of the places that are there. If none is, it goes to all of them
// for an event that is built new, else to those whose object is there.
func (t *tree) spread(places [][]string, value *tree, fresh bool) {
	found := false
	for _, place := range places {
		if t.at(place...) != nil {
			found = true
			t.put(place, value, false)
		}
	}
	if found {
		return
	}
	for _, place := range places {
		t.put(place, value, fresh)
	}
}

// clear removes a value from all its places.
func (t *tree) clear(places [][]string) {
	for _, place := range places {
		parent, last := t.at(place[:len(place)-1]...), place[len(place)-1]
		if parent == nil {
			continue
		}
		for i, key := range parent.keys {
			if key == last {
				parent.remove(i)
				break
			}
		}
	}
}
