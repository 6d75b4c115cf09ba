package wire

import (
	"strconv"
	"strings"
)

// tree is parsed JSON that keeps the order of members and the text of scalars. It is used off the
// fast path alone: for repair, for unknown members, for events that were changed.
type tree struct {
	kind jsonKinds
	text []byte   // scalars
	keys []string // objects
	kids []*tree  // objects and arrays
}

// parseTree builds the tree of JSON text that the scanner accepted.
func parseTree(text []byte) *tree {
	d := decoder{scanner: scanner{b: text}}
	return d.tree()
}

func (d *decoder) tree() *tree {
	switch d.peek() {
	case '{':
		t := &tree{kind: kindObject}
		d.enter()
		for key, ok := d.next(); ok; key, ok = d.next() {
			t.set(string(key), d.tree())
		}
		return t
	case '[':
		t := &tree{kind: kindArray}
		d.take('[')
		for d.item() {
			t.kids = append(t.kids, d.tree())
		}
		return t
	}
	text := d.raw()
	return &tree{kind: kindOf(text), text: text}
}

// get returns the member with that name, nil when there is none or t is no object.
func (t *tree) get(key string) *tree {
	if t == nil || t.kind != kindObject {
		return nil
	}
	for i, k := range t.keys {
		if k == key {
			return t.kids[i]
		}
	}
	return nil
}

// at follows a path of names.
func (t *tree) at(path ...string) *tree {
	for _, key := range path {
		t = t.get(key)
	}
	return t
}

func (t *tree) set(key string, value *tree) {
	for i, k := range t.keys {
		if k == key {
			t.kids[i] = value
			return
		}
	}
	t.keys, t.kids = append(t.keys, key), append(t.kids, value)
}

func (t *tree) remove(i int) {
	t.keys = append(t.keys[:i], t.keys[i+1:]...)
	t.kids = append(t.kids[:i], t.kids[i+1:]...)
}

// put writes a value at a path; with grow it makes the objects on the way.
func (t *tree) put(path []string, value *tree, grow bool) {
	for _, key := range path[:len(path)-1] {
		next := t.get(key)
		if next == nil || next.kind != kindObject {
			if !grow {
				return
			}
			next = &tree{kind: kindObject}
			t.set(key, next)
		}
		t = next
	}
	t.set(path[len(path)-1], value)
}

func (t *tree) write(e *encoder) {
	switch t.kind {
	case kindObject:
		e.b = append(e.b, '{')
		for i, key := range t.keys {
			e.key(key)
			t.kids[i].write(e)
		}
		e.b = append(e.b, '}')
	case kindArray:
		e.b = append(e.b, '[')
		for _, kid := range t.kids {
			e.comma()
			kid.write(e)
		}
		e.b = append(e.b, ']')
	default:
		e.b = append(e.b, t.text...)
	}
}

// bytes returns the tree as JSON text.
func (t *tree) bytes() []byte {
	var e encoder
	t.write(&e)
	return e.b
}

// pointer appends a member or an index to a JSON Pointer.
func pointer(at, step string) string {
	return at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
}

func pointerIndex(at string, i int) string { return at + "/" + strconv.Itoa(i) }
