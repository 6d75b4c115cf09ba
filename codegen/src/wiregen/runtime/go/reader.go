package wire

// check is what a reader asks of one value.
type check struct {
	kinds jsonKinds
	// shape names the table of an object with named members.
	shape string
	// union tells the branches of a value, nil for what is none.
	union brancher
	// item is the check of array items and map values; nullable when one may be null.
	item     *check
	nullable bool
}

// brancher tells the branches of a union.
type brancher interface {
	// branch returns what is asked of a value, nil when it is of no branch.
	branch(t *tree) *check
	// fault returns the fault of a value: of its branch, or that it can be of none.
	fault(t *tree, at string) *Problem
	// read reads the next value into a Go value of its branch.
	read(d *decoder) (any, bool)
}

// shapeField is one row of a repair table: one member, and one field of the Go struct that shows
// the object, if there is one, in the same order.
type shapeField struct {
	wire     string
	required bool
	nullable bool
	secret   bool
	check    check
}

// mirror is the same fact at two places of an event.
type mirror struct {
	nested, top         []string
	fill, needed, guard bool
}

// ProblemKind says in which way a body is broken.
type ProblemKind string

// The ways in which a body can be broken.
const (
	// ProblemKindMissing is a required member that is not there; the pointer names it.
	ProblemKindMissing ProblemKind = "missing"
	// ProblemKindType is a value of another JSON type; the pointer names it.
	ProblemKindType ProblemKind = "type"
)

// Problem says where and how a body is broken.
type Problem struct {
	Kind ProblemKind
	// Pointer is the JSON Pointer of the fault.
	Pointer string
}

// repair mends a tree by the table of a shape: null is removed where a reader takes it as absent,
// numbers with a zero fraction become integers where integers are due. Nothing else changes.
func repair(t *tree, shape string) {
	for _, f := range shapes[shape] {
		for i := len(t.keys) - 1; i >= 0; i-- {
			if t.keys[i] != f.wire {
				continue
			}
			if t.kids[i].kind == kindNull {
				if !f.required && !f.nullable {
					t.remove(i)
				}
				continue
			}
			repairValue(t.kids[i], f.check)
		}
	}
}

func repairValue(t *tree, c check) {
	switch {
	case c.union != nil:
		if branch := c.union.branch(t); branch != nil {
			repairValue(t, *branch)
		}
	case c.shape != "" && t.kind == kindObject:
		repair(t, c.shape)
	case c.item != nil && t.kind&c.kinds&(kindArray|kindObject) != 0:
		for _, kid := range t.kids {
			repairValue(kid, *c.item)
		}
	case c.kinds == kindInteger && t.kind == kindInteger:
		t.text, _ = integerText(t.text)
	}
}

// fill copies a fact to its nested place, where that is missing and its parent is there.
func fill(t *tree, mirrors []mirror) {
	for _, m := range mirrors {
		top, parent := t.at(m.top...), t.at(m.nested[:len(m.nested)-1]...)
		last := m.nested[len(m.nested)-1]
		if m.fill && top != nil && parent != nil && parent.kind == kindObject && parent.get(last) == nil {
			parent.set(last, top)
		}
	}
}

// faultOf returns the first fault of a repaired tree in the order of the tables, mirrors last.
func faultOf(t *tree, shape string, mirrors []mirror) *Problem {
	if found := shapeFault(t, shape, ""); found != nil {
		return found
	}
	for _, m := range mirrors {
		if m.needed && t.at(m.nested...) == nil && t.at(m.top...) == nil {
			return &Problem{ProblemKindMissing, pointer("", m.top[0])}
		}
	}
	return nil
}

func shapeFault(t *tree, shape, at string) *Problem {
	for _, f := range shapes[shape] {
		here, value := pointer(at, f.wire), t.get(f.wire)
		switch {
		case value == nil && f.required:
			return &Problem{ProblemKindMissing, here}
		case value == nil || value.kind == kindNull && f.nullable:
			continue
		}
		if found := valueFault(value, f.check, here); found != nil {
			return found
		}
	}
	return nil
}

func valueFault(t *tree, c check, at string) *Problem {
	if t.kind&c.kinds == 0 {
		return &Problem{ProblemKindType, at}
	}
	if c.union != nil {
		return c.union.fault(t, at)
	}
	if c.shape != "" {
		return shapeFault(t, c.shape, at)
	}
	if c.item == nil {
		return nil
	}
	for i, kid := range t.kids {
		if kid.kind == kindNull && c.nullable {
			continue
		}
		here := pointerIndex(at, i)
		if t.kind == kindObject {
			here = pointer(at, t.keys[i])
		}
		if found := valueFault(kid, *c.item, here); found != nil {
			return found
		}
	}
	return nil
}
