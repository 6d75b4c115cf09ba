package protocoltest

import (
	"encoding/json"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// frameOf writes an event with the writers of the client's own wire room.
func frameOf(event protocol.Event) []byte {
	text, err := protocol.EncodeEvent(event)
	if err != nil {
		panic(err) // of our own making
	}
	return text
}

// stamp is the time of an event.
func (s *Server) stamp() *int64 { return new(s.clock.Wall().UnixMilli()) }

func errorEvent(id *string, at *int64, code, sentence string) *protocol.ErrorEvent {
	return &protocol.ErrorEvent{
		RequestID: id, Timestamp: at, Code: code, Message: sentence,
		Error: protocol.ErrorInfo{Code: code, Message: sentence},
	}
}

func (s *Server) resumed(id string, now protocol.ResumeState, last int) []byte {
	return frameOf(&protocol.TurnResumed{RequestID: id, Timestamp: s.stamp(), State: now, LastSeq: int64(last)})
}

// value answers a call.
func (s *Server) value(to *link, frame map[string]any, data any) {
	to.send(frameOf(&protocol.ImmediateResponse{
		RequestID: idOf(frame), Timestamp: s.stamp(), Status: new(int64(200)), Data: encoded(data),
	}))
}

// idOf is the requestId of an action, nil where it has none.
func idOf(frame map[string]any) *string {
	if id, ok := frame["requestId"].(string); ok {
		return &id
	}
	return nil
}

// taken acknowledges an answer.
func taken(data map[string]any) func(head) protocol.Event {
	return func(h head) protocol.Event {
		return &protocol.ImmediateResponse{
			RequestID: &h.id, Seq: h.seq, Timestamp: h.at, Status: new(int64(200)), Data: encoded(data),
		}
	}
}

func otpInvalid(why protocol.OTPInvalidReason, left int, sentence string) func(head) protocol.Event {
	return func(h head) protocol.Event {
		return &protocol.OTPInvalid{
			RequestID: h.id, Seq: h.seq, Timestamp: h.at, Error: &why, AttemptsRemaining: int64(left), Message: sentence,
		}
	}
}

// refused tells why an action was refused. One that answers a verb of the turn that runs on this link is an
// event of that turn (REQ-SRV-24).
func (s *Server) refused(to *link, frame map[string]any, why refusal) {
	word, _ := frame["action"].(string)
	id := idOf(frame)
	if t := s.turnOf(frame); t != nil && t.holder == to && t.replays() && word != "send_message" && word != "resume_turn" {
		t.emit(func(h head) protocol.Event {
			event := errorEvent(&h.id, h.at, why.code, why.text)
			event.Seq = h.seq
			if t.session.knows(word11) { // it refuses a verb and ends nothing
				event.Terminal, event.Error.Terminal = new(false), new(false)
			}
			return event
		})
		return
	}
	to.send(frameOf(errorEvent(id, s.stamp(), why.code, why.text)))
}

// turnOf is the turn that runs in the session and under the id of an action, nil without one.
func (s *Server) turnOf(frame map[string]any) *turn {
	id, _ := frame["sessionId"].(string)
	on := s.state.sessions[id]
	if on == nil || on.talk.running == nil || on.talk.running.requestID != frame["requestId"] {
		return nil
	}
	return on.talk.running
}

// say answers a verb: in the turn where that is numbered, and to who asked.
func (s *Server) say(to *link, frame map[string]any, build func(head) protocol.Event) {
	if t := s.turnOf(frame); t != nil && t.replays() {
		t.emit(build)
		if t.holder == to {
			return
		}
	}
	id, _ := frame["requestId"].(string)
	to.send(frameOf(build(head{id: id, at: s.stamp()})))
}

func bodyOf(frame map[string]any) string {
	body := map[string]any{}
	for _, name := range []string{"message", "images", "files", "stream", "sessionId", "model", "skill"} {
		body[name] = frame[name]
	}
	text, _ := json.Marshal(body) // it was read from JSON
	return string(text)
}
