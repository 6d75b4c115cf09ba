package wire

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
)

// argumentRow is one member that callers write, in the order of the fields of its Go struct: how it
// is written, and what the schema asks of it. least and most bound the length of a string, the
// number of items, or a number; inner names the rows of what is inside.
type argumentRow struct {
	wire     string
	name     string
	required bool
	secret   bool
	// constant is the JSON of a member that has no field, as it is always the same.
	constant string
	// unless lists alternatives, each of fields that must be true: where none holds, an empty
	// string is written.
	unless  [][]string
	least   *float64
	most    *float64
	pattern *regexp.Regexp
	inner   string
}

func bound(n float64) *float64 { return &n }

// writeArguments writes an object of a caller: nothing that was not set.
func (e *encoder) writeArguments(v reflect.Value, rows []argumentRow) {
	e.b = append(e.b, '{')
	at := 0
	for i := range rows {
		row := &rows[i]
		if row.constant != "" {
			e.key(row.wire)
			e.b = append(e.b, row.constant...)
			continue
		}
		value := v.Field(at)
		at++
		if absent(value) && !row.stays(v, value) {
			continue
		}
		e.member(row.wire, row.secret, value)
	}
	e.b = append(e.b, '}')
}

// stays reports whether a member is written though it holds nothing.
func (r *argumentRow) stays(owner, value reflect.Value) bool {
	if value.Kind() == reflect.Struct { // an Opt
		return false
	}
	return r.required || len(r.unless) > 0 && !slices.ContainsFunc(r.unless, func(names []string) bool {
		return !slices.ContainsFunc(names, func(name string) bool {
			truth := reflect.Indirect(owner.FieldByName(name))
			return !truth.IsValid() || !truth.Bool()
		})
	})
}

// argumentFault says which member of a written object breaks the schema, and how; "" for none. An
// empty string counts as missing where one is required. Members that are listed in spared are not
// looked at.
func argumentFault(t *tree, rows []argumentRow, spared ...string) string {
	for i := range rows {
		row := &rows[i]
		value := t.get(row.wire)
		switch {
		case contains(spared, row.wire):
			continue
		case row.required && (value == nil || string(value.text) == `""`):
			return row.name + " is missing"
		case value == nil:
			continue
		}
		if fault := row.fault(value); fault != "" {
			return fault
		}
	}
	return ""
}

func (r *argumentRow) fault(value *tree) string {
	size, what := 0.0, ""
	switch value.kind {
	case kindString:
		text := unquote(value.text)
		if r.pattern != nil && !r.pattern.MatchString(text) {
			return r.name + " must match " + r.pattern.String()
		}
		size, what = float64(len([]rune(text))), " characters"
	case kindArray:
		size, what = float64(len(value.kids)), " items"
		for _, kid := range value.kids {
			if fault := argumentFault(kid, argumentRows[r.inner]); fault != "" {
				return fault
			}
		}
	case kindObject:
		return argumentFault(value, argumentRows[r.inner])
	default:
		size, _ = strconv.ParseFloat(string(value.text), 64)
	}
	if r.least != nil && size < *r.least {
		return r.name + " must be at least " + strconv.FormatFloat(*r.least, 'f', -1, 64) + what
	}
	if r.most != nil && size > *r.most {
		return r.name + " must be at most " + strconv.FormatFloat(*r.most, 'f', -1, 64) + what
	}
	return ""
}
