package protocol

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// accumulator gathers the streamed text of one turn.
type accumulator struct {
	text  strings.Builder
	joint joiner
	begin int // of what belongs to the message that was sent last
}

// again begins the text of another message. What was streamed before stays for readers that are behind.
func (a *accumulator) again() {
	a.text.WriteString(a.joint.rest())
	a.joint, a.begin = joiner{}, a.text.Len()
}

// add appends a token and returns the bounds of its text; to is -1 when it began or ended with half
// of a surrogate pair.
func (a *accumulator) add(token *StreamToken) (from, to int) {
	from = a.text.Len()
	whole := token.origin().kept == "" || token.origin().learned != nil
	if whole && a.joint.half == 0 {
		a.text.WriteString(token.Token)
		return from, a.text.Len()
	}
	a.text.WriteString(a.joint.next(token))
	return from, -1
}

// whole returns the text so far; a half whose other half did not come is U+FFFD.
func (a *accumulator) whole() string { return a.text.String()[a.begin:] + a.joint.rest() }

// joiner puts the halves of a surrogate pair together that came in two tokens (REQ-TURN-23).
type joiner struct{ half rune }

// next returns the text of the next token: with the half that the last one ended with, without the
// one that it ends with itself.
func (j *joiner) next(token *StreamToken) string {
	text := token.Token
	head, tail := halvesOf(token)
	if j.half != 0 {
		first := string(utf8.RuneError)
		if head != 0 {
			first = string((j.half-0xD800)<<10 | (head - 0xDC00) + 0x10000)
			text = strings.TrimPrefix(text, string(utf8.RuneError))
		}
		text, j.half = first+text, 0
	}
	if tail != 0 {
		text, j.half = strings.TrimSuffix(text, string(utf8.RuneError)), tail
	}
	return text
}

// rest returns what the half stands for that is left at the end.
func (j *joiner) rest() string {
	if j.half == 0 {
		return ""
	}
	return string(utf8.RuneError)
}

// halvesOf returns the low surrogate that the text of a token begins with and the high one that it
// ends with, as they came; 0 for none.
func halvesOf(token *StreamToken) (head, tail rune) {
	if token.origin().kept == "" || token.origin().learned != nil {
		return 0, 0 // only the escape of a half makes a frame that had to be mended
	}
	var quoted []byte
	for _, row := range facts[TypeStreamToken] {
		if row.name != "token" {
			continue
		}
		for _, place := range row.places {
			if quoted == nil {
				quoted = valueAt(token.RawJSON(), place)
			}
		}
	}
	const escape = len(`\ud83d`)
	if len(quoted) < escape+2 || quoted[0] != '"' {
		return 0, 0
	}
	inner := quoted[1 : len(quoted)-1]
	if unit, ok := unitOf(inner[:escape]); ok && isLowSurrogate(unit) {
		head = unit
	}
	last := inner[len(inner)-escape:]
	escaped := 0 // backslashes before the last one
	for i := len(inner) - escape - 1; i >= 0 && inner[i] == '\\'; i-- {
		escaped++
	}
	if unit, ok := unitOf(last); ok && isHighSurrogate(unit) && escaped%2 == 0 {
		tail = unit
	}
	return head, tail
}

// unitOf reads one \u escape.
func unitOf(escape []byte) (rune, bool) {
	if escape[0] != '\\' || escape[1] != 'u' {
		return 0, false
	}
	return hex4(escape[2:])
}

// final returns the authoritative text of an answer (REQ-TURN-09).
func (a *accumulator) final(response json.RawMessage) string {
	var whole string
	if json.Unmarshal(response, &whole) == nil && response[0] == '"' {
		return whole
	}
	var parts []json.RawMessage
	if json.Unmarshal(memberOf(response, "responseParts"), &parts) != nil || len(parts) == 0 {
		return a.whole()
	}
	var texts []string
	for _, part := range parts {
		if text, ok := stringOf(part); ok {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n\n")
}
