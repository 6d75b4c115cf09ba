package wire

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// Values are read and written as the tables say: a struct that is read has a row of its shape for
// every field after the first, one that callers write a row of its arguments. Only events that
// stream have code of their own.

// kept is what a value keeps of its text.
type kept struct{ raw json.RawMessage }

// RawJSON returns the text that the value was read from, nil when it was built by hand.
func (k kept) RawJSON() json.RawMessage { return k.raw }

func (k *kept) keep(text []byte) { k.raw = text }

// keeper is a struct that keeps its text: one that is read.
type keeper interface {
	RawJSON() json.RawMessage
	keep(text []byte)
}

// optional is an Opt of any type.
type optional interface {
	IsZero() bool
	read(d *decoder, c check) bool
	write(e *encoder)
}

// isRaw reports whether a value is JSON text.
func isRaw(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8
}

// into reads the next value into what target points to; false when its type is another.
func (d *decoder) into(target any, c check) bool {
	return d.read(reflect.ValueOf(target).Elem(), c)
}

func (d *decoder) read(v reflect.Value, c check) (ok bool) {
	switch v.Kind() {
	case reflect.String:
		var text string
		text, ok = d.string()
		v.SetString(text)
	case reflect.Int64:
		var number int64
		number, ok = d.int64()
		v.SetInt(number)
	case reflect.Float64:
		var number float64
		number, ok = d.float64()
		v.SetFloat(number)
	case reflect.Bool:
		var truth bool
		truth, ok = d.bool()
		v.SetBool(truth)
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		ok = d.read(fresh.Elem(), c)
		v.Set(fresh)
	case reflect.Interface:
		var found any
		if found, ok = c.union.read(d); ok {
			v.Set(reflect.ValueOf(found))
		}
	case reflect.Map:
		ok = d.readMap(v, c)
	case reflect.Slice:
		ok = d.readSlice(v, c)
	case reflect.Struct:
		ok = d.readStruct(v, c)
	}
	return ok
}

func (d *decoder) readSlice(v reflect.Value, c check) bool {
	if isRaw(v) {
		text, ok := d.rawOf(c.kinds)
		v.SetBytes(text)
		return ok
	}
	if !d.take('[') {
		return false
	}
	items := reflect.MakeSlice(v.Type(), 0, 0)
	for d.item() {
		item := reflect.New(v.Type().Elem()).Elem()
		if !(c.nullable && d.null()) && !d.read(item, c.items()) {
			return false
		}
		items = reflect.Append(items, item)
	}
	v.Set(items)
	return true
}

func (d *decoder) readMap(v reflect.Value, c check) bool {
	if !d.enter() {
		return false
	}
	items := reflect.MakeMap(v.Type())
	for key, ok := d.next(); ok; key, ok = d.next() {
		name, item := string(key), reflect.New(v.Type().Elem()).Elem()
		if !(c.nullable && d.null()) && !d.read(item, c.items()) {
			return false
		}
		items.SetMapIndex(reflect.ValueOf(name), item)
	}
	v.Set(items)
	return true
}

// items returns what is asked of the items of an array or the values of a map.
func (c check) items() check {
	if c.item == nil {
		return check{kinds: kindAny}
	}
	return *c.item
}

func (d *decoder) readStruct(v reflect.Value, c check) bool {
	if opt, ok := v.Addr().Interface().(optional); ok {
		return opt.read(d, c)
	}
	value, ok := v.Addr().Interface().(keeper)
	if !ok { // a union that is the branch of another
		return d.read(v.Field(0), c)
	}
	d.space()
	start := d.i
	if !d.enter() {
		return false
	}
	rows := shapes[c.shape]
	seen := make(seenRows, len(rows))
	for key, ok := d.next(); ok; key, ok = d.next() {
		i := rowOf(rows, key)
		if i < 0 {
			d.raw()
			continue
		}
		seen[i] = true
		if !d.read(v.Field(i+1), rows[i].asked()) {
			return false
		}
	}
	value.keep(d.b[start:d.i:d.i])
	return seen.all(rows)
}

// seenRows say which members of an object were there.
type seenRows []bool

// all reports whether every member was there that must be.
func (s seenRows) all(rows []shapeField) bool {
	for i := range rows {
		if rows[i].required && !s[i] {
			return false
		}
	}
	return true
}

func rowOf(rows []shapeField, key []byte) int {
	for i := range rows {
		if rows[i].wire == string(key) {
			return i
		}
	}
	return -1
}

// asked returns the check of a member; null is one more kind where raw JSON may hold it.
func (f *shapeField) asked() check {
	c := f.check
	if f.nullable {
		c.kinds |= kindNull
	}
	return c
}

// write writes a value that is there.
func (e *encoder) write(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		e.string(v.String())
	case reflect.Int64:
		e.int64(v.Int())
	case reflect.Float64:
		e.float64(v.Float())
	case reflect.Bool:
		e.bool(v.Bool())
	case reflect.Pointer:
		e.writeOr(v.IsNil(), v.Elem)
	case reflect.Interface:
		if v.NumMethod() == 0 {
			e.any(v.Interface())
			return
		}
		e.writeOr(v.IsNil(), v.Elem)
	case reflect.Map:
		e.writeMap(v)
	case reflect.Slice:
		e.writeSlice(v)
	case reflect.Struct:
		e.writeStruct(v)
	}
}

// writeOr writes null, or what holds gives.
func (e *encoder) writeOr(null bool, holds func() reflect.Value) {
	if null {
		e.raw(nil)
		return
	}
	e.write(holds())
}

func (e *encoder) writeSlice(v reflect.Value) {
	if isRaw(v) {
		e.raw(v.Bytes())
		return
	}
	e.b = append(e.b, '[')
	for i := range v.Len() {
		e.comma()
		e.write(v.Index(i))
	}
	e.b = append(e.b, ']')
}

func (e *encoder) writeMap(v reflect.Value) {
	if elem := v.Type().Elem(); elem.Kind() == reflect.Interface && elem.NumMethod() == 0 {
		e.any(v.Interface())
		return
	}
	names := v.MapKeys()
	slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	e.b = append(e.b, '{')
	for _, name := range names {
		e.key(name.String())
		e.write(v.MapIndex(name))
	}
	e.b = append(e.b, '}')
}

func (e *encoder) writeStruct(v reflect.Value) {
	if opt, ok := v.Interface().(interface{ write(*encoder) }); ok {
		opt.write(e)
		return
	}
	name := v.Type().Name()
	if rows, ok := argumentRows[name]; ok {
		e.writeArguments(v, rows)
		return
	}
	if v.Type().Field(0).Type != reflect.TypeFor[kept]() {
		e.write(v.Field(0))
		return
	}
	raw := v.Field(0).Field(0).Bytes()
	rows, ok := shapes[name]
	if !ok { // a value of no branch
		e.raw(raw)
		return
	}
	e.b = append(e.b, '{')
	for i := range rows {
		field := v.Field(i + 1)
		if _, may := field.Interface().(interface{ IsZero() bool }); (may || !rows[i].required) && absent(field) {
			continue
		}
		e.member(rows[i].wire, rows[i].secret, field)
	}
	e.extras(raw, rows)
	e.b = append(e.b, '}')
}

func (e *encoder) member(wire string, secret bool, value reflect.Value) {
	e.key(wire)
	if secret && e.hiding {
		e.string("…")
		return
	}
	e.write(value)
}

// extras writes the members of raw that are not known, so that nothing is lost on the way through.
func (e *encoder) extras(raw []byte, rows []shapeField) {
	if len(raw) == 0 || e.hiding {
		return
	}
	tree := parseTree(raw)
	for i, key := range tree.keys {
		if rowOf(rows, []byte(key)) < 0 {
			e.key(key)
			tree.kids[i].write(e)
		}
	}
}

// absent reports whether the value of an optional member is not there.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		opt, ok := v.Interface().(interface{ IsZero() bool })
		return ok && opt.IsZero()
	}
	return false
}

// marshal returns the wire form of what value points to.
func marshal(value any) ([]byte, error) {
	var e encoder
	e.write(reflect.ValueOf(value).Elem())
	return e.b, e.err
}

// shownValue returns the textual form of what value points to, without what is secret.
func shownValue(value any) string {
	v, e := reflect.ValueOf(value).Elem(), encoder{hiding: true}
	e.write(v)
	return packageName + "." + v.Type().Name() + string(e.b)
}

// unmarshal reads a value of a named shape from the text of any JSON value, once more after the
// repair pass if it has to. Nothing is changed when it fails.
func unmarshal(text []byte, out any) error {
	target := reflect.ValueOf(out).Elem()
	shape := target.Type().Name()
	text = append([]byte(nil), text...)
	s := scanner{b: text}
	if !s.value(0) || s.peek() != 0 {
		return ErrMalformedFrame
	}
	if s.lone {
		text = withoutLoneSurrogates(text)
	}
	asked, fresh := check{kinds: kindObject, shape: shape}, reflect.New(target.Type()).Elem()
	if d := (decoder{scanner: scanner{b: text}}); d.read(fresh, asked) {
		target.Set(fresh)
		return nil
	}
	t := parseTree(text)
	if t.kind == kindObject {
		repair(t, shape)
	}
	problem := valueFault(t, asked, "")
	if problem == nil {
		again, d := reflect.New(target.Type()).Elem(), decoder{scanner: scanner{b: t.bytes()}}
		if d.read(again, asked) {
			target.Set(again)
			return nil
		}
		problem = &Problem{Kind: ProblemKindType}
	}
	return &DecodeError{WireType: shape, Problem: *problem}
}
