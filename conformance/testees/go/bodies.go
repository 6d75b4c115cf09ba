package main

import (
	"encoding/json"
	"errors"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// object is one JSON object of a line.
type object map[string]any

// add sets a member unless the value stands for nothing.
func (o object) add(name string, value any, there bool) object {
	if there {
		o[name] = value
	}
	return o
}

// errorBody shows an error as section 5 of PROTOCOL.md says.
func errorBody(err error) object {
	body := object{"kind": protocol.Kind(err)}
	if protocol.Kind(err) != protocol.ErrorKindNativeCancelled {
		body["text"] = err.Error()
	}
	var agent *protocol.AgentError
	if !errors.As(err, &agent) {
		return body
	}
	body["retryable"] = agent.Retryable
	for name, text := range map[string]string{
		"code": agent.Code, "requestId": agent.RequestID, "sessionId": agent.SessionID, "closeReason": agent.CloseReason,
		"serverMessage": agent.ServerMessage, "partialText": agent.PartialText, "question": string(agent.Question),
	} {
		body.add(name, text, text != "")
	}
	body.add("closeCode", agent.CloseCode, agent.CloseCode != 0).add("status", agent.Status, agent.Status != 0)
	if agent.RetryAfter != nil {
		body["retryAfterMs"] = agent.RetryAfter.Milliseconds()
	}
	body.add("details", agent.Details, len(agent.Details) > 0)
	var broken *protocol.InvalidFrameError
	if errors.As(err, &broken) {
		body.add("at", broken.Problem.Pointer, broken.Problem.Kind != "")
	}
	var lost *protocol.TurnInterruptedError
	if errors.As(err, &lost) {
		body["sent"] = lost.Sent
		body.add("state", lost.State, lost.State != "")
	}
	return body
}

// itemBody shows an event: encoded again, and flat.
func itemBody(event protocol.Event) object {
	if unknown, ok := event.(*protocol.UnknownEvent); ok {
		body := object{"type": "unknown", "unknown": true, "wireType": unknown.WireType, "raw": unknown.RawJSON()}
		if problem := unknown.Problem; problem != nil {
			body["problem"] = object{"kind": problem.Kind, "pointer": problem.Pointer}
		}
		return body
	}
	flat := object{}
	for name, value := range protocol.Facts(event) {
		flat[name] = value
	}
	if chunk, ok := event.(*protocol.StreamChunk); ok {
		if call := chunk.ToolCall(); call != nil {
			shown := object{"name": call.Name}.add("arguments", call.Arguments, call.Arguments != nil)
			flat["toolCall"] = shown.add("callId", call.CallID, call.CallID != nil)
		}
		if result := chunk.ToolResult(); result != nil {
			shown := object{"name": result.Name}.add("isError", result.IsError, result.IsError != nil)
			shown.add("result", result.Result, result.Result != nil)
			flat["toolResult"] = shown.add("callId", result.CallID, result.CallID != nil)
		}
	}
	body := object{"type": event.EventType(), "data": event, "flat": flat}
	if token, ok := event.(*protocol.StreamToken); ok {
		body.add("merged", token.Merged(), token.Merged() > 1)
	}
	return body
}

// resultBody shows the result of a turn.
func resultBody(result *protocol.TurnResult) object {
	body := object{"outcome": result.Outcome, "text": result.Text}
	body.add("confirmed", result.Confirmed, result.Confirmed != nil)
	_, answered := result.Event.(*protocol.EventualResponse)
	body.add("messageId", result.MessageID, answered)
	body.add("citations", result.Citations, result.Citations != nil)
	return body.add("usage", result.Usage, result.Usage != nil)
}

// valueBody shows what a call, verb or wait gave.
func valueBody(value any) any {
	switch v := value.(type) {
	case *protocol.Pong:
		body := object{"roundTripMs": float64(v.RoundTrip.Microseconds()) / 1000}
		return body.add("serverTime", v.ServerTime.UnixMilli(), !v.ServerTime.IsZero())
	case *protocol.OTPCheck:
		if v.Declined {
			return nil
		}
		body := object{"verified": v.Verified, "message": v.Message}
		body.add("attemptsRemaining", v.AttemptsRemaining, v.AttemptsRemaining != nil)
		return body.add("error", v.Error, v.Error != nil)
	case *protocol.SubmitResult:
		body := object{"accepted": v.Accepted}.add("errors", v.Errors, v.Errors != nil)
		return body.add("message", v.Message, !v.Accepted)
	case *protocol.Conversation:
		return object{"sessionId": v.SessionID(), "conversationId": v.ConversationID()}
	case *protocol.TurnResult:
		return resultBody(v)
	case *protocol.Recovery:
		return object{"status": v.Status}.add("message", v.Message, v.Message != nil)
	case protocol.Counters:
		return object{
			"connects": v.Connects, "reconnects": v.Reconnects, "framesIn": v.FramesIn, "framesOut": v.FramesOut,
			"droppedFrames": v.DroppedFrames, "openTurns": v.OpenTurns, "resumedTurns": v.ResumedTurns,
		}
	}
	return value
}

// decodeBody answers the command decode.
func decodeBody(text string) object {
	event, err := protocol.DecodeEvent([]byte(text))
	var broken *protocol.DecodeError
	if errors.As(err, &broken) {
		return object{"problem": object{"type": broken.WireType, "kind": broken.Kind, "pointer": broken.Pointer}}
	}
	if err != nil {
		return object{"malformed": true}
	}
	return itemBody(event)
}

// actions makes an empty action by its wire name.
var actions = map[string]func() protocol.Action{
	"create_conversation_session": func() protocol.Action { return new(protocol.CreateConversationSession) },
	"send_message":                func() protocol.Action { return new(protocol.SendMessage) },
	"get_session":                 func() protocol.Action { return new(protocol.GetSession) },
	"get_conversation_messages":   func() protocol.Action { return new(protocol.GetConversationMessages) },
	"list_conversations":          func() protocol.Action { return new(protocol.ListConversations) },
	"rename_conversation":         func() protocol.Action { return new(protocol.RenameConversation) },
	"confirm_tool_action":         func() protocol.Action { return new(protocol.ConfirmToolAction) },
	"verify_otp":                  func() protocol.Action { return new(protocol.VerifyOTP) },
	"submit_interaction":          func() protocol.Action { return new(protocol.SubmitInteraction) },
	"cancel":                      func() protocol.Action { return new(protocol.Cancel) },
	"ping":                        func() protocol.Action { return new(protocol.Ping) },
}

// parse fills an action from wire-named members; Go matches them whatever their case.
func parse[T any](args json.RawMessage) T {
	var action T
	if len(args) > 0 {
		must(json.Unmarshal(args, &action))
	}
	return action
}
