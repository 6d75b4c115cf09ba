package wire

import (
	"reflect"
	"slices"
	"sync"
)

// plan says where in the frames of an event its facts lie.
type plan struct {
	root    *planned
	facts   []fact
	mirrors []mirror
	derived []derived
}

// planned is one object on the way to the facts.
type planned struct {
	rows []shapeField
	to   []place
}

// place is what becomes of one member: it holds a fact, or leads to facts, or is only looked at.
type place struct {
	field int // of the fact in the Go struct; 0 for none
	rank  int // among the places of the fact; the first counts
	inner *planned
}

// derived is a fact that is a member of another one.
type derived struct{ field, outer, inner int }

var plans sync.Map

// event reads an event that has no decoder of its own.
func (d *decoder) event(e wireEvent) bool { return planOf(e).read(d, e) }

// planOf returns the plan of a type of events, which is made once.
func planOf(e wireEvent) *plan {
	wire := e.EventType()
	if found, ok := plans.Load(wire); ok {
		return found.(*plan)
	}
	kind := eventKinds[wire]
	p := &plan{facts: facts[wire], mirrors: kind.mirrors}
	p.root = p.object(kind.shape, nil)
	for i := range p.facts {
		if p.facts[i].inner {
			p.derived = append(p.derived, p.derive(i, reflect.TypeOf(e).Elem()))
		}
	}
	plans.Store(wire, p)
	return p
}

func (p *plan) object(shape string, path []string) *planned {
	rows := shapes[shape]
	made := &planned{rows: rows, to: make([]place, len(rows))}
	for i := range rows {
		here := append(path[:len(path):len(path)], rows[i].wire)
		for at := range p.facts {
			for rank, other := range p.facts[at].places {
				if !p.facts[at].inner && slices.Equal(other, here) {
					made.to[i].field, made.to[i].rank = at+1, rank
				}
				if len(other) > len(here) && slices.Equal(other[:len(here)], here) && made.to[i].inner == nil {
					made.to[i].inner = &planned{}
				}
			}
		}
		switch inner := rows[i].check.shape; {
		case made.to[i].field > 0 || inner == "":
			made.to[i].inner = nil
		case made.to[i].inner != nil:
			made.to[i].inner = p.object(inner, here)
		}
	}
	return made
}

// derive finds the fact that holds another one.
func (p *plan) derive(i int, event reflect.Type) derived {
	first := p.facts[i].places[0]
	for at := range p.facts {
		holder := p.facts[at].places[0]
		if at == i || !slices.Equal(holder, first[:len(first)-1]) {
			continue
		}
		held := event.Field(at + 1).Type
		if held.Kind() == reflect.Pointer {
			held = held.Elem()
		}
		return derived{i + 1, at + 1, rowOf(shapes[held.Name()], []byte(first[len(first)-1])) + 1}
	}
	return derived{}
}

// read reads the facts of an event; false when a type does not fit or a member is missing.
func (p *plan) read(d *decoder, e wireEvent) bool {
	v, took := reflect.ValueOf(e).Elem(), make([]int, len(p.facts)+1)
	if !p.root.read(d, v, took) {
		return false
	}
	for _, m := range p.mirrors {
		if m.guard && took[p.fieldAt(m.nested)] == 0 {
			return false
		}
	}
	for _, from := range p.derived {
		if outer := reflect.Indirect(v.Field(from.outer)); outer.IsValid() {
			v.Field(from.field).Set(outer.Field(from.inner))
		}
	}
	return true
}

func (p *plan) fieldAt(path []string) int {
	for i := range p.facts {
		for _, other := range p.facts[i].places {
			if slices.Equal(other, path) {
				return i + 1
			}
		}
	}
	return 0
}

func (o *planned) read(d *decoder, event reflect.Value, took []int) bool {
	if !d.enter() {
		return false
	}
	seen := make(seenRows, len(o.rows))
	for key, ok := d.next(); ok; key, ok = d.next() {
		i := rowOf(o.rows, key)
		if i < 0 {
			d.raw()
			continue
		}
		seen[i] = true
		if !o.member(d, i, event, took) {
			return false
		}
	}
	return seen.all(o.rows)
}

func (o *planned) member(d *decoder, i int, event reflect.Value, took []int) bool {
	row, to := &o.rows[i], &o.to[i]
	switch {
	case to.field == 0 && row.nullable && d.null():
		return true
	case to.inner != nil:
		return to.inner.read(d, event, took)
	case to.field == 0 && row.check.shape == "" && row.check.item == nil && row.check.union == nil:
		return d.skip(row.asked().kinds)
	case to.field == 0:
		return valueFault(d.tree(), row.asked(), "") == nil
	}
	target := event.Field(to.field)
	if before := took[to.field]; before > 0 && before <= to.rank {
		target = reflect.New(target.Type()).Elem() // the better place was there
	} else {
		took[to.field] = to.rank + 1
	}
	return d.read(target, row.asked())
}
