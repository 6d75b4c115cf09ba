package protocoltest

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// refusal is why an action is refused: one of the protocol's codes and a sentence without anybody's words.
type refusal struct{ code, text string }

func (r refusal) Error() string { return r.text }

func invalid(text string) error { return refusal{"VALIDATION_ERROR", text} }

// rule is what a field of an action must be. Sizes are of characters, items, or the number itself.
type rule struct {
	kind     string // text, flag, number, object, texts, objects
	needed   bool
	min, max int
	pattern  *regexp.Regexp
	words    []string        // that a text can be
	fields   map[string]rule // of an object
}

const maxInteger = 1<<53 - 1

var (
	text        = rule{kind: "text", max: math.MaxInt}
	neededText  = rule{kind: "text", needed: true, max: math.MaxInt}
	flag        = rule{kind: "flag"}
	object      = rule{kind: "object"}
	skillName   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	authContext = map[string]rule{
		"userId": neededText, "signature": neededText,
		"timestamp": {kind: "number", needed: true, min: -maxInteger, max: maxInteger},
	}
	images = map[string]rule{
		"url": neededText, "detail": {kind: "text", max: math.MaxInt, words: []string{"low", "high", "auto"}},
	}
	files = map[string]rule{
		"name": {kind: "text", needed: true, min: 1, max: 255}, "mimeType": text, "url": neededText,
	}
)

// actions are the fields of each action beside requestId; what is not listed is ignored (REQ-SRV-06).
var actions = map[string]map[string]rule{
	"ping": {},
	"create_conversation_session": {
		"agentId": neededText, "conversationId": text, "userName": text, "userEmail": text,
		"browserFingerprint": text, "supports": {kind: "texts"}, "metadata": object,
		"authContext": {kind: "object", fields: authContext},
	},
	"get_session": {"sessionId": neededText},
	"get_conversation_messages": {
		"sessionId": neededText, "cursor": text, "limit": {kind: "number", min: 1, max: 100},
	},
	"list_conversations": {"cursor": text, "query": text, "limit": {kind: "number", min: 1, max: maxInteger}},
	"rename_conversation": {
		"conversationId": neededText, "title": {kind: "text", needed: true, min: 1, max: 200},
	},
	"send_message": {
		"sessionId": neededText, "message": {kind: "text", needed: true, max: 10000}, "stream": flag, "model": text,
		"skill": {kind: "text", max: math.MaxInt, pattern: skillName}, "images": {kind: "objects", fields: images},
		"files": {kind: "objects", fields: files},
	},
	"confirm_tool_action": {
		"requestId": neededText, "sessionId": neededText, "approved": {kind: "flag", needed: true},
		"confirmationId": text,
	},
	"verify_otp": {"requestId": neededText, "sessionId": neededText, "code": text, "declined": flag},
	"submit_interaction": {
		"requestId": neededText, "sessionId": neededText, "interactionId": neededText, "kind": text, "values": object,
		"declined": flag,
	},
	"cancel": {"sessionId": text},
	"resume_turn": {
		"requestId": {kind: "text", needed: true, min: 1, max: math.MaxInt}, "sessionId": neededText,
		"afterSeq": {kind: "number", needed: true, max: maxInteger},
	},
}

// read returns a frame's members; what is no frame is refused (REQ-SRV-02).
func read(text []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var frame map[string]any
	if !utf8.Valid(text) || decoder.Decode(&frame) != nil || frame == nil {
		return nil, invalid("a frame must be a JSON object")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, invalid("a frame must be one JSON object")
	}
	return frame, nil
}

// checked returns the action's known members, without nulls of optional ones.
func checked(frame map[string]any) (map[string]any, error) {
	word, ok := frame["action"].(string)
	if !ok {
		return nil, invalid("/action is missing")
	}
	rules, known := actions[word]
	if !known {
		return nil, refusal{"UNSUPPORTED_ACTION", "the action is unknown"}
	}
	kept := map[string]any{"action": word}
	if id, ok := frame["requestId"].(string); ok {
		kept["requestId"] = id
	} else if frame["requestId"] != nil {
		return nil, invalid("/requestId must be text")
	}
	for name, rule := range rules {
		if err := rule.check("/"+name, frame[name]); err != nil {
			return nil, err
		}
		if frame[name] != nil {
			kept[name] = frame[name]
		}
	}
	if word == "verify_otp" && kept["code"] == nil && kept["declined"] != true {
		return nil, invalid("/code is missing")
	}
	return kept, nil
}

func (r rule) check(at string, value any) error {
	if value == nil {
		if r.needed {
			return invalid(at + " is missing")
		}
		return nil
	}
	switch given := value.(type) {
	case string:
		return r.checkText(at, given)
	case bool:
		if r.kind == "flag" {
			return nil
		}
	case float64:
		if r.kind == "number" {
			return r.checkNumber(at, given)
		}
	case map[string]any:
		if r.kind == "object" {
			return checkMembers(at, r.fields, given)
		}
	case []any:
		return r.checkItems(at, given)
	}
	return invalid(at + " is of the wrong type")
}

func (r rule) checkText(at, given string) error {
	size := utf8.RuneCountInString(given)
	switch {
	case r.kind != "text":
		return invalid(at + " is of the wrong type")
	case size < r.min || size > r.max:
		return invalid(at + " is too short or too long")
	case r.pattern != nil && !r.pattern.MatchString(given):
		return invalid(at + " has characters that it cannot have")
	case r.words != nil && !contains(r.words, given):
		return invalid(at + " is none of its values")
	}
	return nil
}

func (r rule) checkNumber(at string, given float64) error {
	switch {
	case given != math.Trunc(given):
		return invalid(at + " must be a whole number")
	case given < float64(r.min) || given > float64(r.max):
		return invalid(at + " is out of its bounds")
	}
	return nil
}

func (r rule) checkItems(at string, given []any) error {
	for i, item := range given {
		place := at + "/" + strconv.Itoa(i)
		switch one := item.(type) {
		case string:
			if r.kind == "texts" {
				continue
			}
		case map[string]any:
			if r.kind == "objects" {
				if err := checkMembers(place, r.fields, one); err != nil {
					return err
				}
				continue
			}
		}
		return invalid(place + " is of the wrong type")
	}
	if r.kind != "texts" && r.kind != "objects" {
		return invalid(at + " is of the wrong type")
	}
	return nil
}

func checkMembers(at string, rules map[string]rule, given map[string]any) error {
	for name, rule := range rules {
		if err := rule.check(at+"/"+name, given[name]); err != nil {
			return err
		}
	}
	return nil
}

func contains(words []string, word string) bool {
	for _, one := range words {
		if one == word {
			return true
		}
	}
	return false
}
