package protocol

import (
	"reflect"
	"unicode/utf8"
)

// frameOf returns the frame of an action that a caller made, or an error that matches
// [ErrInvalidArgument] and names the member that the schema or JSON does not allow (REQ-CALL-11,
// REQ-CALL-12). Members that are spared are filled in later, by the client itself.
func frameOf(action Action, spared ...string) ([]byte, error) {
	name := reflect.Indirect(reflect.ValueOf(action)).Type().Name()
	text, err := EncodeAction(action)
	if err != nil {
		return nil, invalidArgument("a member of " + name + " cannot be written as JSON")
	}
	if at := notUTF8(reflect.ValueOf(action), name); at != "" {
		return nil, invalidArgument(at + " holds bytes that are not UTF-8")
	}
	if s := (scanner{b: text}); s.value(0) && s.lone {
		return nil, invalidArgument("a member of " + name + " holds half of a surrogate pair")
	}
	if fault := argumentFault(parseTree(text), argumentRows[name], spared...); fault != "" {
		return nil, invalidArgument(fault)
	}
	return text, nil
}

// notUTF8 returns where a value holds a string that is not UTF-8, "" when it holds none. What was
// written as JSON has no cycles.
func notUTF8(v reflect.Value, at string) string {
	switch v.Kind() {
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return at
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return notUTF8(v.Elem(), at)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if found := notUTF8(v.Field(i), at+"."+v.Type().Field(i).Name); found != "" {
				return found
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if v.Kind() == reflect.Slice && v.Type().Name() == "RawMessage" && !utf8.Valid(v.Bytes()) {
				return at
			}
			return ""
		}
		for i := range v.Len() {
			if found := notUTF8(v.Index(i), at); found != "" {
				return found
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if notUTF8(entries.Key(), at) != "" || notUTF8(entries.Value(), at) != "" {
				return at
			}
		}
	}
	return ""
}
