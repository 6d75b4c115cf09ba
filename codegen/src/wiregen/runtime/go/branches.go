package wire

import "reflect"

// UnknownBranch is a value that is of no branch that this version knows.
type UnknownBranch struct{ kept }

// MarshalJSON returns the value as it was received.
func (u UnknownBranch) MarshalJSON() ([]byte, error) { return u.raw, nil }

type unionKind uint8

const (
	unionTagged unionKind = iota
	unionKeyed
	unionTyped
)

// unionBranch is one branch: its tag, its key or its kind of JSON, what is asked of it, and the Go
// type that shows it.
type unionBranch struct {
	mark  string
	check check
	shows reflect.Type
}

// unionTable says how the branches of a union are told.
type unionTable struct {
	kind     unionKind
	tag      string
	tagKind  jsonKinds
	branches []unionBranch
}

// of returns the branch of a value of a kind; get gives the text of its members.
func (u unionTable) of(kind jsonKinds, get func(string) ([]byte, bool)) *unionBranch {
	for i := range u.branches {
		b := &u.branches[i]
		switch u.kind {
		case unionTyped:
			if kind&kindsByName[b.mark] != 0 {
				return b
			}
		case unionKeyed:
			if _, ok := get(b.mark); ok {
				return b
			}
		case unionTagged:
			if text, ok := get(u.tag); ok && u.told(text) && tagWord(text) == b.mark {
				return b
			}
		}
	}
	return nil
}

// told reports whether a text is a value that can be the tag.
func (u unionTable) told(text []byte) bool { return len(text) > 0 && kindOf(text)&u.tagKind != 0 }

// tagWord returns the word of a tag: a string itself, else its JSON.
func tagWord(text []byte) string {
	if text[0] == '"' {
		return unquote(text)
	}
	if whole, ok := integerText(text); ok {
		return string(whole)
	}
	return string(text)
}

func (u unionTable) ofTree(t *tree) *unionBranch {
	return u.of(t.kind, func(key string) ([]byte, bool) {
		value := t.get(key)
		if value == nil {
			return nil, false
		}
		return value.text, true
	})
}

func (u unionTable) ofText(text []byte) *unionBranch {
	object := text[0] == '{'
	return u.of(kindOf(text), func(key string) ([]byte, bool) {
		if !object {
			return nil, false
		}
		value := valueAt(text, []string{key})
		return value, value != nil
	})
}

var kindsByName = map[string]jsonKinds{
	"object":  kindObject,
	"array":   kindArray,
	"string":  kindString,
	"number":  kindNumber,
	"integer": kindInteger | kindLarge,
	"boolean": kindBoolean,
}

// unionName is the name of a union in the tables.
type unionName string

func (n unionName) branch(t *tree) *check {
	if b := unionTables[n].ofTree(t); b != nil {
		return &b.check
	}
	return nil
}

func (n unionName) fault(t *tree, at string) *Problem {
	u := unionTables[n]
	if b := u.ofTree(t); b != nil {
		return valueFault(t, b.check, at)
	}
	if u.kind == unionTyped || t.kind != kindObject {
		return &Problem{ProblemKindType, at}
	}
	if u.kind == unionKeyed {
		return nil
	}
	switch tag := t.get(u.tag); {
	case tag == nil:
		return &Problem{ProblemKindMissing, pointer(at, u.tag)}
	case tag.kind&u.tagKind == 0:
		return &Problem{ProblemKindType, pointer(at, u.tag)}
	}
	return nil
}

func (n unionName) read(d *decoder) (any, bool) {
	text, table := d.raw(), unionTables[n]
	found := table.ofText(text)
	if found == nil {
		return table.unknown(text)
	}
	value, inner := reflect.New(found.shows).Elem(), decoder{scanner: scanner{b: text}}
	ok := inner.read(value, found.check)
	return value.Interface(), ok
}

// unknown returns a value of no branch, or false when there can be none.
func (u unionTable) unknown(text []byte) (UnknownBranch, bool) {
	if u.kind == unionTyped || text[0] != '{' {
		return UnknownBranch{}, false
	}
	if u.kind == unionTagged {
		tag := valueAt(text, []string{u.tag})
		if !u.told(tag) {
			return UnknownBranch{}, false
		}
	}
	return UnknownBranch{kept{text}}, true
}
