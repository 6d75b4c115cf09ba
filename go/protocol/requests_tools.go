package protocol

import "encoding/json"

// ToolCall returns the tool call that the chunk carries, nil when there is none. Its Arguments are
// always an object: the one that came, else the one that a string holds, else an empty one
// (REQ-TURN-19).
func (e *StreamChunk) ToolCall() *ToolCall {
	found := memberOf(e.State.RawResponse, "toolCall")
	name, ok := stringOf(memberOf(found, "name"))
	if !ok {
		return nil
	}
	call := &ToolCall{Name: name, Arguments: objectIn(memberOf(found, "arguments")), CallID: wordOf(found, "callId")}
	call.raw = found
	return call
}

// objectIn returns the arguments of a tool as an object.
func objectIn(arguments json.RawMessage) json.RawMessage {
	if text, ok := stringOf(arguments); ok {
		arguments = json.RawMessage(text)
	}
	s := scanner{b: arguments}
	if s.peek() == '{' && s.value(0) && s.peek() == 0 {
		return arguments
	}
	return json.RawMessage("{}")
}

// ToolResult returns the tool result that the chunk carries, nil when there is none (REQ-TURN-19).
func (e *StreamChunk) ToolResult() *ToolResult {
	found := memberOf(e.State.RawResponse, "toolResult")
	name, ok := stringOf(memberOf(found, "name"))
	if !ok {
		return nil
	}
	result := &ToolResult{Name: name, Result: memberOf(found, "result"), CallID: wordOf(found, "callId")}
	if string(result.Result) == "null" {
		result.Result = nil
	}
	switch string(memberOf(found, "isError")) {
	case "true":
		result.IsError = new(true)
	case "false":
		result.IsError = new(false)
	}
	result.raw = found
	return result
}

// memberOf returns the text of a member of an object that came over the wire, nil when there is
// none.
func memberOf(object json.RawMessage, name string) json.RawMessage {
	if len(object) == 0 {
		return nil
	}
	return valueAt(object, []string{name})
}

func stringOf(text json.RawMessage) (string, bool) {
	if len(text) == 0 || text[0] != '"' {
		return "", false
	}
	return unquote(text), true
}

func wordOf(object json.RawMessage, name string) *string {
	if word, ok := stringOf(memberOf(object, name)); ok {
		return &word
	}
	return nil
}
