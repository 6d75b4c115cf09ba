package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// decoder reads typed values from JSON text that a scanner has accepted already, so that it need
// not look at the grammar again. It is strict about types: a method reports false when the value
// has another one, and the caller gives up.
type decoder struct {
	scanner
	started bool
}

// enter consumes the opening brace of an object.
func (d *decoder) enter() bool {
	d.started = false
	return d.take('{')
}

// next returns the next member's name with the value in front of the decoder, or false at the end.
func (d *decoder) next() ([]byte, bool) {
	if d.take('}') {
		return nil, false
	}
	d.take(',')
	d.space()
	start := d.i
	d.text()
	quoted := d.b[start:d.i]
	d.take(':')
	for _, c := range quoted {
		if c == '\\' {
			return []byte(unquote(quoted)), true
		}
	}
	return quoted[1 : len(quoted)-1], true
}

// item consumes what stands before the next item of an array, or reports its end.
func (d *decoder) item() bool {
	if d.take(']') {
		return false
	}
	d.take(',')
	return true
}

// raw consumes any value and returns its text, with no bytes beyond it to append to.
func (d *decoder) raw() json.RawMessage {
	d.space()
	start := d.i
	d.value(0)
	return d.b[start:d.i:d.i]
}

// skip consumes a value whose kind is one of kinds.
func (d *decoder) skip(kinds jsonKinds) bool {
	_, ok := d.rawOf(kinds)
	return ok
}

// rawOf is raw for a value that must be of one of the kinds.
func (d *decoder) rawOf(kinds jsonKinds) (json.RawMessage, bool) {
	text := d.raw()
	return text, kinds&kindOf(text) != 0
}

// null consumes a null, if the next value is one.
func (d *decoder) null() bool {
	return d.peek() == 'n' && d.word("null")
}

func (d *decoder) string() (string, bool) {
	if d.peek() != '"' {
		return "", false
	}
	start := d.i
	d.text()
	return unquote(d.b[start:d.i]), true
}

func (d *decoder) bool() (bool, bool) {
	switch d.peek() {
	case 't':
		return true, d.word("true")
	case 'f':
		return false, d.word("false")
	}
	return false, false
}

// int64 reads a number that is written as an integer of 64 bits.
func (d *decoder) int64() (int64, bool) {
	d.space()
	start := d.i
	if !d.number() {
		return 0, false
	}
	n, err := strconv.ParseInt(string(d.b[start:d.i]), 10, 64)
	return n, err == nil
}

// float64 reads any number that a float64 holds.
func (d *decoder) float64() (float64, bool) {
	d.space()
	start := d.i
	if !d.number() {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(d.b[start:d.i]), 64)
	return n, err == nil
}

// jsonKinds is a set of JSON types.
type jsonKinds uint16

const (
	kindObject jsonKinds = 1 << iota
	kindArray
	kindString
	kindInteger
	kindFraction
	kindBoolean
	kindNull
	kindLarge  // an integer that 64 bits do not hold
	kindHuge   // a number that no float64 holds
	kindNumber = kindInteger | kindLarge | kindFraction
	kindAny    = kindObject | kindArray | kindString | kindNumber | kindBoolean | kindNull | kindHuge
)

// kindOf tells the type of a value from its text. A number with a zero fraction is an integer.
func kindOf(text []byte) jsonKinds {
	switch text[0] {
	case '{':
		return kindObject
	case '[':
		return kindArray
	case '"':
		return kindString
	case 't', 'f':
		return kindBoolean
	case 'n':
		return kindNull
	}
	whole, ok := integerText(text)
	if _, err := strconv.ParseInt(string(whole), 10, 64); ok && err == nil {
		return kindInteger
	}
	if _, err := strconv.ParseFloat(string(text), 64); err != nil {
		return kindHuge
	}
	if ok {
		return kindLarge
	}
	return kindFraction
}

// integerText returns the text of a number as an integer literal, if it has no fraction.
func integerText(text []byte) ([]byte, bool) {
	plain := true
	for _, c := range text {
		if c == '.' || c == 'e' || c == 'E' {
			plain = false
			break
		}
	}
	if plain {
		return text, true
	}
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || n != math.Trunc(n) {
		return nil, false
	}
	if n == 0 {
		return []byte("0"), true // not -0
	}
	return strconv.AppendFloat(nil, n, 'f', 0, 64), true
}

// Opt is a member that may be absent, null or a value; its zero value is absent.
type Opt[T any] struct {
	value T
	state uint8
}

const (
	optNull uint8 = iota + 1
	optSet
)

// Some returns an Opt with a value.
func Some[T any](value T) Opt[T] { return Opt[T]{value, optSet} }

// Null returns an Opt that is null.
func Null[T any]() Opt[T] { return Opt[T]{state: optNull} }

// Get returns the value and whether there is one.
func (o Opt[T]) Get() (T, bool) { return o.value, o.state == optSet }

func (o *Opt[T]) read(d *decoder, c check) bool {
	o.state = optNull
	if d.null() {
		return true
	}
	o.state = optSet
	return d.into(&o.value, c)
}

func (o Opt[T]) write(e *encoder) {
	e.writeOr(o.state != optSet, reflect.ValueOf(&o.value).Elem)
}

// String shows the value, or that there is none.
func (o Opt[T]) String() string {
	switch o.state {
	case optSet:
		return fmt.Sprint(o.value)
	case optNull:
		return "null"
	}
	return "absent"
}

// GoString is String.
func (o Opt[T]) GoString() string { return o.String() }

// IsZero reports whether the member is absent.
func (o Opt[T]) IsZero() bool { return o.state == 0 }

// IsNull reports whether the member is there and null.
func (o Opt[T]) IsNull() bool { return o.state == optNull }
