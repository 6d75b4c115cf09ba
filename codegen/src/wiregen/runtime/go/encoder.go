package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// encoder writes JSON text. Non-ASCII is not escaped, nor are the characters of HTML. The first
// fault is kept in err.
type encoder struct {
	b   []byte
	err error
	// hiding leaves out what is secret, and what nobody knows.
	hiding bool
}

// key writes the name of the next member of the object that is open, with a comma where needed.
func (e *encoder) key(name string) {
	e.comma()
	e.string(name)
	e.b = append(e.b, ':')
}

// comma separates items and members; directly after an opening bracket it writes nothing.
func (e *encoder) comma() {
	if n := len(e.b); n > 0 {
		switch e.b[n-1] {
		case '{', '[', ':':
			return
		}
		e.b = append(e.b, ',')
	}
}

const hexDigits = "0123456789abcdef"

// string writes a string; bytes that are not UTF-8 become U+FFFD.
func (e *encoder) string(s string) {
	e.b = append(e.b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size, escape := 1, ""
		switch {
		case c == '"':
			escape = `\"`
		case c == '\\':
			escape = `\\`
		case c == '\n':
			escape = `\n`
		case c == '\r':
			escape = `\r`
		case c == '\t':
			escape = `\t`
		case c < ' ':
			escape = `\u00` + string([]byte{hexDigits[c>>4], hexDigits[c&15]})
		default:
			var point rune
			if point, size = utf8.DecodeRuneInString(s[i:]); point == utf8.RuneError && size == 1 {
				escape = "\ufffd"
			}
		}
		if escape != "" {
			e.b = append(append(e.b, s[start:i]...), escape...)
			start = i + size
		}
		i += size
	}
	e.b = append(append(e.b, s[start:]...), '"')
}

func (e *encoder) int64(n int64) { e.b = strconv.AppendInt(e.b, n, 10) }

func (e *encoder) bool(v bool) { e.b = strconv.AppendBool(e.b, v) }

func (e *encoder) float64(n float64) {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		e.fail(fmt.Errorf("%v is no JSON number", n))
		n = 0
	}
	e.b = strconv.AppendFloat(e.b, n, 'g', -1, 64)
}

// raw writes JSON text as it is; nothing stands for null.
func (e *encoder) raw(text json.RawMessage) {
	if len(text) == 0 {
		e.b = append(e.b, "null"...)
		return
	}
	s := scanner{b: text}
	if !s.value(0) || s.peek() != 0 {
		e.fail(fmt.Errorf("a raw message is not JSON"))
		text = json.RawMessage("null")
	}
	e.b = append(e.b, bytes.TrimSpace(text)...)
}

// any writes a value as encoding/json does, without its escapes for HTML.
func (e *encoder) any(value any) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		e.fail(err)
		out.Reset()
		out.WriteString("null")
	}
	e.b = append(e.b, bytes.TrimRight(out.Bytes(), "\n")...)
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}
