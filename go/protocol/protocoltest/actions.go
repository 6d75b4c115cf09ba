package protocoltest

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// receive answers one message of a client.
func (s *Server) receive(from *link, text []byte, binary bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !from.open {
		return
	}
	var frame map[string]any
	err := invalid("frames are text")
	if !binary {
		if frame, err = read(text); err == nil {
			s.state.sent = append(s.state.sent, frame)
			err = s.answer(from, &frame)
		}
	}
	var why refusal
	if errors.As(err, &why) {
		s.refused(from, frame, why)
	}
}

// answer does what an action asks; frame becomes what of it is known.
func (s *Server) answer(from *link, frame *map[string]any) error {
	if s.cassette != nil {
		return s.cassette.answer(s, from, *frame)
	}
	known, err := checked(*frame)
	if err != nil {
		return err
	}
	*frame = known
	switch known["action"] {
	case "ping":
		from.send(frameOf(&protocol.PongEvent{RequestID: idOf(known), Timestamp: s.stamp()}))
	case "create_conversation_session":
		s.value(from, known, s.create(from, known))
	case "list_conversations":
		return s.told(from, known)(s.list(known))
	case "rename_conversation":
		return s.told(from, known)(s.rename(known))
	case "cancel":
		s.cancel(from, known)
	default:
		return s.onSession(from, known)
	}
	return nil
}

// told answers a call with what it gave.
func (s *Server) told(to *link, frame map[string]any) func(any, error) error {
	return func(data any, err error) error {
		if err == nil {
			s.value(to, frame, data)
		}
		return err
	}
}

// onSession does what an action asks of a session.
func (s *Server) onSession(from *link, frame map[string]any) error {
	on := s.state.sessions[frame["sessionId"].(string)]
	word := frame["action"].(string)
	if on == nil {
		switch word {
		case "confirm_tool_action":
			return refusal{"NO_PENDING_CONFIRMATION", "nothing waits for this confirmation"}
		case "submit_interaction":
			return refusal{"NO_PENDING_INTERACTION", "nothing waits for this interaction"}
		}
		return refusal{"SESSION_NOT_FOUND", "the session is unknown"}
	}
	switch word {
	case "get_session":
		s.value(from, frame, on.described(from, s))
	case "get_conversation_messages":
		return s.told(from, frame)(s.history(on, frame))
	case "send_message":
		return s.sendMessage(from, on, frame)
	case "resume_turn":
		return s.resumeTurn(from, on, frame)
	case "confirm_tool_action":
		return s.confirmed(from, on, frame)
	case "verify_otp":
		s.verified(from, on, frame)
	case "submit_interaction":
		return s.submitted(from, on, frame)
	}
	return nil
}

func (s *Server) create(from *link, frame map[string]any) any {
	asked, _ := frame["conversationId"].(string)
	c := s.state.talks[asked]
	if c == nil {
		c = &talk{id: s.state.newID(), turns: map[string]*turn{}, fences: map[string]*link{}}
		s.state.talks[c.id] = c
		s.state.inOrder = append(s.state.inOrder, c)
	}
	on := &session{
		id: s.state.newID(), person: s.state.newID(), robot: s.state.newID(), talk: c,
		agentID: frame["agentId"].(string),
	}
	on.email, _ = frame["userEmail"].(string)
	supports, _ := frame["supports"].([]any)
	for _, word := range s.capabilities() {
		if slices.Contains(supports, any(word)) {
			on.words = append(on.words, word)
		}
	}
	s.state.sessions[on.id] = on
	told := protocol.CreateConversationSessionResult{
		SessionID: on.id, ConversationID: c.id, AgentID: &on.agentID, AgentName: s.agentName,
		UserParticipantID: on.person, AgentParticipantID: on.robot, OpenTurn: on.openTurn(from),
	}
	if on.knows(word11) {
		told.Capabilities = s.capabilities()
	}
	return told
}

func (on *session) described(to *link, s *Server) any {
	told := protocol.GetSessionResult{
		SessionID: on.id, ConversationID: on.talk.id, AgentID: &on.agentID, AgentName: &s.agentName,
		UserParticipantID: &on.person, AgentParticipantID: &on.robot, OpenTurn: on.openTurn(to),
	}
	if on.knows(word12) {
		told.Capabilities = s.capabilities()
	}
	return told
}

func (s *Server) rename(frame map[string]any) (any, error) {
	c := s.state.talks[frame["conversationId"].(string)]
	if c == nil {
		return nil, refusal{"CONVERSATION_NOT_FOUND", "the conversation is unknown"}
	}
	c.title = frame["title"].(string)
	return protocol.RenameConversationResult{ConversationID: c.id, Title: c.title}, nil
}

// sendMessage accepts a message and runs its turn, or finds the turn that it was (REQ-SRV-28, REQ-SRV-29).
func (s *Server) sendMessage(from *link, on *session, frame map[string]any) error {
	said := frame["message"].(string)
	if said == "" && !holds(frame["images"]) && !holds(frame["files"]) {
		return invalid("/message is empty")
	}
	id, named := frame["requestId"].(string)
	if !named {
		id = s.state.newID()
	}
	if on.knows(wordReplay) {
		if known := on.talk.turns[id]; known != nil {
			if known.body != bodyOf(frame) {
				return invalid("/requestId names another message")
			}
			known.takeUp(on, from, 0)
			return nil
		}
		if told := on.talk.fences[id]; told != nil && told != from {
			return nil
		}
	}
	if on.talk.running != nil {
		return refusal{"TURN_IN_PROGRESS", "another turn still runs"}
	}
	on.code = nil
	t := &turn{
		server: s, session: on, requestID: id, body: bodyOf(frame), holder: from, since: from.number,
		told: map[*link]struct{}{}, answers: map[string]string{}, streams: frame["stream"] != false,
	}
	t.message = s.state.say(on.talk, &message{
		direction: protocol.MessageDirectionInbound, text: said, requestID: id, turn: protocol.StoredTurnRunning,
		made: s.clock.Wall(),
	})
	on.talk.running, on.talk.turns[id] = t, t
	t.accept()
	s.begin(t, said)
	t.run()
	return nil
}

func holds(list any) bool {
	items, _ := list.([]any)
	return len(items) > 0
}

// begin gives a turn its steps.
func (s *Server) begin(t *turn, said string) {
	if s.script != nil {
		t.steps = []step{do(s.script.play)}
		return
	}
	for _, reply := range s.replies {
		if reply.once && reply.used || !reply.fits(said) {
			continue
		}
		reply.used = true
		t.steps = slices.Clone(reply.steps)
		return
	}
	s.state.unmatched = append(s.state.unmatched, said)
	t.fail("AGENT_ERROR", "No reply fits the message.")
}

// cancel stops the turn that is named, if there is one (REQ-SRV-15).
func (s *Server) cancel(from *link, frame map[string]any) {
	id, named := frame["requestId"].(string)
	inSession, _ := frame["sessionId"].(string)
	var found []*turn
	for _, c := range s.state.inOrder {
		t := c.running
		if t == nil || named && t.requestID != id {
			continue
		}
		if on := s.state.sessions[inSession]; inSession == "" && t.holder == from || on != nil && on.talk == c {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		return
	}
	holder := found[0].holder
	found[0].cancel()
	if holder != from {
		from.send(frameOf(&protocol.Cancelled{RequestID: &found[0].requestID, Timestamp: s.stamp(), Status: 499}))
	}
}

// resumeTurn lets a link go on with a turn (REQ-SRV-26 to REQ-SRV-31).
func (s *Server) resumeTurn(from *link, on *session, frame map[string]any) error {
	if !on.knows(wordReplay) {
		return refusal{"UNSUPPORTED_ACTION", "the session has no replay"}
	}
	id, after := frame["requestId"].(string), int(frame["afterSeq"].(float64))
	t := on.talk.turns[id]
	switch {
	case t == nil:
		on.talk.fences[id] = from
		from.send(s.resumed(id, protocol.ResumeStateNever, 0))
	case after > len(t.events) || len(t.events) == 0:
		from.send(t.resumed(protocol.ResumeStateGone))
	default:
		t.takeUp(on, from, after)
	}
	return nil
}

// open is the question of a kind that waits in a session, nil without one.
func (on *session) open(kind string) (*turn, *question) {
	t := on.talk.running
	if t == nil || t.session != on || t.asked == nil || t.asked.kind != kind {
		return nil, nil
	}
	return t, t.asked
}

// again says whether an answer was taken before on this link: then nothing is said (REQ-SRV-41).
func (s *Server) again(from *link, frame map[string]any, question, answer string) bool {
	id, _ := frame["sessionId"].(string)
	t := s.state.sessions[id].talk.turns[frame["requestId"].(string)]
	taken, known := "", false
	if t != nil && t.replays() && t.holder == from {
		taken, known = t.answers[question]
	}
	return known && taken == answer
}

func (s *Server) confirmed(from *link, on *session, frame map[string]any) error {
	t, q := on.open("confirmation")
	named, _ := frame["confirmationId"].(string)
	answer := fmt.Sprint(frame["approved"])
	if q == nil || named != "" && named != q.id {
		if s.again(from, frame, named, answer) {
			return nil
		}
		return refusal{"NO_PENDING_CONFIRMATION", "nothing waits for this confirmation"}
	}
	t.answers[q.id] = answer
	s.say(from, frame, taken(map[string]any{"sessionId": on.id, "approved": frame["approved"]}))
	q.answer(frame["approved"])
	return nil
}

func (s *Server) submitted(from *link, on *session, frame map[string]any) error {
	t, q := on.open("interaction")
	id := frame["interactionId"].(string)
	values, _ := frame["values"].(map[string]any)
	declined := frame["declined"] == true
	answer := string(encoded(map[string]any{"values": values, "declined": declined}))
	kind, named := frame["kind"].(string)
	switch {
	case (q == nil || id != q.id) && s.again(from, frame, id, answer):
		return nil
	case q == nil:
		return refusal{"NO_PENDING_INTERACTION", "nothing waits for this interaction"}
	case id != q.id || named && kind != q.word:
		return refusal{"INTERACTION_MISMATCH", "another interaction waits"}
	case !declined && values == nil:
		return invalid("/values is missing")
	}
	told := map[string]any{"sessionId": on.id, "interactionId": q.id}
	result := map[string]any{"status": "declined"}
	if declined {
		told["declined"] = true
	} else {
		clean, faults := q.form.values(values)
		if len(faults) > 0 {
			s.say(from, frame, func(h head) protocol.Event {
				return &protocol.InteractionInvalid{
					RequestID: h.id, Seq: h.seq, Timestamp: h.at, InteractionID: q.id, Kind: q.word, Errors: faults,
					Message: "Some fields need attention.",
				}
			})
			return nil
		}
		result = map[string]any{"status": "submitted", "values": clean}
	}
	t.answers[q.id] = answer
	s.say(from, frame, taken(told))
	q.answer(result)
	return nil
}

// verified looks at a code, or at a refusal to give one.
func (s *Server) verified(from *link, on *session, frame map[string]any) {
	_, q := on.open("otp")
	parked := q != nil
	if !parked {
		q = on.code
	}
	switch {
	case q == nil:
		s.say(from, frame, otpInvalid(protocol.OTPInvalidReasonNotFound, 0, "No code is waited for."))
		return
	case frame["declined"] == true:
		s.say(from, frame, taken(map[string]any{"sessionId": on.id}))
	case subtle.ConstantTimeCompare([]byte(frame["code"].(string)), []byte(q.code)) == 1:
		s.say(from, frame, func(h head) protocol.Event {
			return &protocol.OTPVerified{RequestID: h.id, Seq: h.seq, Timestamp: h.at, Message: "The code is right."}
		})
		on.code, on.verified = nil, !parked
		if parked {
			q.answer(true)
		}
		return
	default:
		if q.attempts--; q.attempts > 0 {
			s.say(from, frame, otpInvalid(protocol.OTPInvalidReasonInvalidCode, q.attempts, "The code is wrong."))
			return
		}
		s.say(from, frame, otpInvalid(protocol.OTPInvalidReasonMaxAttempts, 0, "The code is wrong, and no tries are left."))
	}
	on.code = nil
	if parked {
		q.answer(false)
	}
}
