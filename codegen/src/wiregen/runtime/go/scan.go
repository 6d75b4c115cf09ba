package wire

import "unicode/utf8"

// maxNesting bounds how deep a JSON text may nest; deeper ones are malformed, never a crash.
const maxNesting = 10_000

// scanner walks JSON text without building anything. All its methods are total: they stop at the
// end of the text and report false for what is not JSON.
type scanner struct {
	b []byte
	i int
	// lone is set once a lone surrogate escape was seen in a string.
	lone bool
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek returns the next byte that is no white space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// take consumes c when it is the next byte that is no white space.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

// value consumes one JSON value and checks its grammar.
func (s *scanner) value(depth int) bool {
	switch c := s.peek(); {
	case c == '"':
		return s.text()
	case c == '{':
		return s.object(depth)
	case c == '[':
		return s.array(depth)
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *scanner) word(word string) bool {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return false
	}
	s.i += len(word)
	return true
}

func (s *scanner) object(depth int) bool {
	if depth >= maxNesting {
		return false
	}
	s.i++
	if s.take('}') {
		return true
	}
	for {
		if s.peek() != '"' || !s.text() || !s.take(':') || !s.value(depth+1) {
			return false
		}
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *scanner) array(depth int) bool {
	if depth >= maxNesting {
		return false
	}
	s.i++
	if s.take(']') {
		return true
	}
	for {
		if !s.value(depth + 1) {
			return false
		}
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

// text consumes a string whose opening quote is the next byte.
func (s *scanner) text() bool {
	s.i++
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < ' ':
			return false
		default:
			s.i++
		}
	}
	return false
}

func (s *scanner) escape() bool {
	if s.i+1 >= len(s.b) {
		return false
	}
	switch s.b[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return true
	case 'u':
		unit, ok := hex4(s.b[s.i+2:])
		if !ok {
			return false
		}
		s.i += 6
		if low, high := isLowSurrogate(unit), isHighSurrogate(unit); low || high {
			return s.surrogate(high)
		}
		return true
	}
	return false
}

// surrogate looks for the second half of a pair after the first unit was consumed.
func (s *scanner) surrogate(high bool) bool {
	if high && s.i+6 <= len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
		if unit, ok := hex4(s.b[s.i+2:]); ok && isLowSurrogate(unit) {
			s.i += 6
			return true
		}
	}
	s.lone = true
	return true
}

func (s *scanner) number() bool {
	if s.i < len(s.b) && s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
	} else if !s.digits() {
		return false
	}
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		if !s.digits() {
			return false
		}
	}
	if s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var unit rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			unit = unit<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			unit = unit<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return unit, true
}

func isHighSurrogate(unit rune) bool { return unit >= 0xD800 && unit < 0xDC00 }

func isLowSurrogate(unit rune) bool { return unit >= 0xDC00 && unit < 0xE000 }

// unquote returns the value of a JSON string literal that the scanner accepted, quotes included.
// A lone surrogate reads as U+FFFD.
func unquote(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	for i, c := range inner {
		if c == '\\' {
			return unescape(inner, i)
		}
	}
	return string(inner)
}

func unescape(inner []byte, first int) string {
	out := append(make([]byte, 0, len(inner)), inner[:first]...)
	for i := first; i < len(inner); {
		if inner[i] != '\\' {
			out = append(out, inner[i])
			i++
			continue
		}
		if inner[i+1] == 'u' {
			point, size := unescapeUnit(inner[i:])
			out = utf8.AppendRune(out, point)
			i += size
			continue
		}
		out = append(out, unescaped[inner[i+1]])
		i += 2
	}
	return string(out)
}

var unescaped = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// unescapeUnit reads one \u escape, or a pair of them, and returns its code point and length.
func unescapeUnit(b []byte) (rune, int) {
	unit, _ := hex4(b[2:])
	if isHighSurrogate(unit) && len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		if low, ok := hex4(b[8:]); ok && isLowSurrogate(low) {
			return (unit-0xD800)<<10 | (low - 0xDC00) + 0x10000, 12
		}
	}
	if isHighSurrogate(unit) || isLowSurrogate(unit) {
		return utf8.RuneError, 6
	}
	return unit, 6
}

// withoutLoneSurrogates returns JSON text in which every lone surrogate escape is \ufffd. Pairs of
// backslashes are respected.
func withoutLoneSurrogates(text []byte) []byte {
	out := append([]byte(nil), text...)
	for i := 0; i+1 < len(out); {
		if out[i] != '\\' {
			i++
			continue
		}
		if out[i+1] != 'u' {
			i += 2
			continue
		}
		point, size := unescapeUnit(out[i:])
		if unit, _ := hex4(out[i+2:]); point == utf8.RuneError && unit != utf8.RuneError {
			copy(out[i:], `\ufffd`)
		}
		i += size
	}
	return out
}
