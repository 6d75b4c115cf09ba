package protocol_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

func TestREQ_CALL_01_IdsAreRandomUUIDs(t *testing.T) {
	r := connected(t, func(o *protocol.Options) { o.IDGenerator = nil })
	form := regexp.MustCompile(`^req-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 50 {
		turn := r.turn()
		if id := turn.RequestID(); !form.MatchString(id) || seen[id] {
			t.Error(id)
		}
		seen[turn.RequestID()] = true
	}
}

func TestREQ_TIME_01_RandomnessIsInjected(t *testing.T) {
	r := connected(t, func(o *protocol.Options) {
		o.IDGenerator, o.Random = nil, func() float64 { return 0 }
	})
	if id := r.turn().RequestID(); id != "req-00000000-0000-4000-8000-000000000000" {
		t.Error(id)
	}
}

func TestREQ_CALL_01_AnIdInFlightIsRefused(t *testing.T) {
	r := connected(t, func(o *protocol.Options) { o.IDGenerator = func() string { return "same" } })
	first := r.turn()
	_, err := r.client.Ping(within(t))
	if !errors.Is(err, protocol.ErrInvalidArgument) {
		t.Error(err)
	}
	second := r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "m"})
	if err := second.Err(); protocol.Kind(err) != protocol.ErrorKindInvalidArgument {
		t.Error(err)
	}
	if _, err := second.Wait(within(t)); !errors.Is(err, protocol.ErrInvalidArgument) || len(r.in) != 0 {
		t.Error(err, len(r.in))
	}
	r.send(final("same", "ok"))
	if wait(t, first).Text != "ok" {
		t.Error("the first turn was disturbed")
	}
}

func TestREQ_CALL_02_ACallIsBoundedAndALateAnswerDropped(t *testing.T) {
	r := connected(t)
	pushed := make(chan protocol.Event, 1)
	r.client.OnEvent(func(e protocol.Event) { pushed <- e })
	call := later(func() (any, error) { return r.client.Ping(within(t)) })
	id := r.recv("ping")["requestId"]
	r.clock.Advance(30*time.Second - time.Millisecond)
	if len(call) != 0 {
		t.Fatal("too early")
	}
	r.clock.Advance(time.Millisecond)
	err := receive(t, call, "ping").err
	if !errors.Is(err, protocol.ErrRequestTimeout) || !errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	r.send(frame{"type": "pong", "requestId": id})
	r.fence(r.client)
	if len(pushed) != 0 {
		t.Error("the late answer reached the listeners")
	}
}

func TestREQ_CALL_03_WhatAnswersACall(t *testing.T) {
	session := frame{"sessionId": "s", "conversationId": "c"}
	for name, c := range map[string]struct {
		answers []frame
		kind    protocol.ErrorKind
	}{
		"right":      {[]frame{{"type": "keepalive", "data": frame{"requestId": "r1"}}, {"type": "news", "requestId": "r1"}, {"type": "immediate_response", "status": 200, "data": session}}, ""},
		"error":      {[]frame{failure("r1", "SESSION_NOT_FOUND")}, protocol.ErrorKindNotFound},
		"status":     {[]frame{{"type": "immediate_response", "status": 503, "data": frame{}}}, protocol.ErrorKindProtocol},
		"unexpected": {[]frame{{"type": "pong"}}, protocol.ErrorKindUnexpectedEvent},
		"broken":     {[]frame{{"type": "immediate_response", "status": 200, "data": frame{"sessionId": 1}}}, protocol.ErrorKindInvalidFrame},
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t)
			call := later(func() (*protocol.GetSessionResult, error) {
				return r.client.GetSession(within(t), protocol.GetSession{SessionID: "s"})
			})
			r.recv("get_session")
			for _, f := range c.answers {
				f["requestId"] = "r1"
				r.send(f)
			}
			got := receive(t, call, "the result")
			wantKind(t, got.err, c.kind)
			checkCallError(t, name, got)
		})
	}
}

func checkCallError(t *testing.T, name string, got outcome[*protocol.GetSessionResult]) {
	t.Helper()
	var status *protocol.ProtocolError
	var unexpected *protocol.UnexpectedEventError
	var broken *protocol.InvalidFrameError
	switch name {
	case "right":
		if got.value.SessionID != "s" || got.value.AgentName != nil {
			t.Errorf("%+v", got.value)
		}
	case "error":
		if !errors.Is(got.err, protocol.ErrSessionNotFound) || !errors.Is(got.err, protocol.ErrNotFound) || !errors.Is(got.err, protocol.ErrProtocol) {
			t.Error(got.err)
		}
	case "status":
		if !errors.As(got.err, &status) || status.Status != 503 {
			t.Error(got.err)
		}
	case "unexpected":
		if !errors.As(got.err, &unexpected) || unexpected.Event.EventType() != protocol.TypePong {
			t.Error(got.err)
		}
	case "broken":
		if !errors.As(got.err, &broken) || broken.Problem.Pointer != "/data/sessionId" {
			t.Error(got.err)
		}
	}
}

func TestREQ_CALL_04_WhatIsNotSetIsAbsent(t *testing.T) {
	for want, action := range map[string]protocol.Action{
		`{"action":"send_message","requestId":"r","sessionId":"s","message":""}`:      &protocol.SendMessage{RequestID: "r", SessionID: "s"},
		`{"action":"get_conversation_messages","requestId":"r","sessionId":"s"}`:      &protocol.GetConversationMessages{RequestID: "r", SessionID: "s"},
		`{"action":"verify_otp","requestId":"r","sessionId":"s","code":""}`:           &protocol.VerifyOTP{RequestID: "r", SessionID: "s"},
		`{"action":"verify_otp","requestId":"r","sessionId":"s","declined":true}`:     &protocol.VerifyOTP{RequestID: "r", SessionID: "s", Declined: new(true)},
		`{"action":"send_message","sessionId":"s","message":"m","stream":false}`:      &protocol.SendMessage{SessionID: "s", Message: "m", Stream: new(false)},
		`{"action":"create_conversation_session","agentId":"a","metadata":{"é":"<"}}`: &protocol.CreateConversationSession{AgentID: "a", Metadata: map[string]any{"é": "<"}},
	} {
		got, err := protocol.EncodeAction(action)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
}

func TestREQ_CALL_05_NonASCIIIsNotEscaped(t *testing.T) {
	message := "ä 🗑️ <&> \u2028 \"\\\n\x01"
	text, err := protocol.EncodeAction(&protocol.SendMessage{SessionID: "s", Message: message})
	if err != nil || !strings.Contains(string(text), "ä 🗑️ <&> \u2028 \\\"\\\\\\n\\u0001") {
		t.Error(string(text), err)
	}
	broken, _ := protocol.EncodeAction(&protocol.SendMessage{SessionID: "s", Message: "a\xffb"})
	if !strings.Contains(string(broken), "a\ufffdb") {
		t.Error(string(broken))
	}
	if _, err := protocol.EncodeAction(&protocol.CreateConversationSession{Metadata: map[string]any{"x": func() {}}}); err == nil {
		t.Error("a function was written")
	}
}

func TestREQ_ERR_05_ValuesThatAreNoJSONAreRefused(t *testing.T) {
	r := connected(t)
	_, err := r.client.CreateConversationSession(within(t), protocol.CreateConversationSession{
		AgentID: "a", Metadata: map[string]any{"x": make(chan int)},
	})
	if !errors.Is(err, protocol.ErrInvalidArgument) || len(r.in) != 0 {
		t.Error(err)
	}
	if _, err := r.client.ResumeConversation(within(t), protocol.ResumeOptions{ConversationID: "c"}); !errors.Is(err, protocol.ErrInvalidArgument) {
		t.Error(err)
	}
	if _, err := r.client.ResumeConversation(within(t), protocol.ResumeOptions{}); !errors.Is(err, protocol.ErrInvalidArgument) {
		t.Error(err)
	}
	if err := r.client.ConfirmToolAction(within(t), protocol.ConfirmToolAction{}); !errors.Is(err, protocol.ErrInvalidArgument) {
		t.Error(err)
	}
}

func TestREQ_CALL_06_PingInventsNoServerTime(t *testing.T) {
	r := connected(t)
	for _, c := range []struct {
		pong frame
		want time.Time
	}{
		{frame{"type": "pong"}, time.Time{}},
		{frame{"type": "pong", "timestamp": 5}, time.UnixMilli(5)},
		{frame{"type": "pong", "timestamp": 5, "data": frame{"timestamp": 6}}, time.UnixMilli(6)},
	} {
		call := later(func() (*protocol.Pong, error) { return r.client.Ping(within(t)) })
		c.pong["requestId"] = r.recv("ping")["requestId"]
		r.clock.Advance(7 * time.Millisecond)
		r.send(c.pong)
		got := receive(t, call, "pong")
		if got.err != nil || !got.value.ServerTime.Equal(c.want) || got.value.RoundTrip != 7*time.Millisecond {
			t.Errorf("%+v, %v", got.value, got.err)
		}
	}
}

func TestREQ_CALL_07_SupportsAreJoinedAndSorted(t *testing.T) {
	r := connected(t, func(o *protocol.Options) { o.Supports = []string{"z", "otp_park"} })
	go func() {
		_, _ = r.client.CreateConversationSession(context.Background(), protocol.CreateConversationSession{
			AgentID: "a", Supports: []string{"choice_chips", "z"},
		})
	}()
	got := r.recv("create_conversation_session")["supports"].([]any)
	if !slices.Equal(got, []any{"choice_chips", "otp_park", "spec_1_1", "spec_1_2", "z"}) {
		t.Error(got)
	}
}

// session answers the next create or get of a session.
func (r *rig) session(action string, capabilities ...string) frame {
	got := r.recv(action)
	data := frame{
		"sessionId": "s", "conversationId": "c", "agentName": "Aria", "userParticipantId": "u", "agentParticipantId": "p",
	}
	if capabilities != nil {
		data["capabilities"] = capabilities
	}
	r.send(frame{"type": "immediate_response", "requestId": got["requestId"], "status": 200, "data": data})
	return got
}

func TestREQ_CALL_08_Resume(t *testing.T) {
	r := connected(t)
	fresh := later(func() (*protocol.Conversation, error) {
		return r.client.ResumeConversation(within(t), protocol.ResumeOptions{ConversationID: "c", AgentID: "a"})
	})
	if got := r.session("create_conversation_session", "otp_park"); got["conversationId"] != "c" || got["agentId"] != "a" {
		t.Error(got)
	}
	chat := receive(t, fresh, "resume").value
	if chat.SessionID() != "s" || chat.ConversationID() != "c" || chat.AgentName() != "Aria" || !slices.Equal(chat.Capabilities(), []string{"otp_park"}) {
		t.Errorf("%+v", chat)
	}
	kept := later(func() (*protocol.Conversation, error) {
		return r.client.ResumeConversation(within(t), protocol.ResumeOptions{SessionID: "s"})
	})
	r.session("get_session")
	if got := receive(t, kept, "resume"); got.err != nil || got.value.SessionID() != "s" || len(got.value.Capabilities()) != 1 {
		t.Error(got)
	}
}

func TestREQ_CALL_09_AContextOnlyEndsTheWait(t *testing.T) {
	r := connected(t)
	ctx, cancel := context.WithCancel(context.Background())
	call := later(func() (any, error) { return r.client.Ping(ctx) })
	id := r.recv("ping")["requestId"]
	cancel()
	if err := receive(t, call, "ping").err; !errors.Is(err, context.Canceled) || protocol.Kind(err) != protocol.ErrorKindNativeCancelled {
		t.Error(err)
	}
	r.send(frame{"type": "pong", "requestId": id})
	if _, err := r.client.Ping(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.fence(r.client) // nothing else was sent
}

func TestREQ_CALL_10_AMessageOverOneMiBIsNotSent(t *testing.T) {
	r := connected(t)
	big := strings.Repeat("x", 1<<20)
	_, err := r.client.RenameConversation(within(t), protocol.RenameConversation{ConversationID: big, Title: "t"})
	_, turnErr := r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "m", Model: big}).Wait(within(t))
	for _, e := range []error{err, turnErr} {
		var large *protocol.MessageTooLargeError
		if !errors.As(e, &large) || large.Size <= 1<<20 || large.Limit != 1<<20 {
			t.Errorf("%v", e)
		}
	}
	r.fence(r.client)
}

func page(id any, ids []string, rest frame) frame {
	messages := []any{}
	for _, m := range ids {
		messages = append(messages, frame{"id": m, "direction": "inbound", "content": frame{}, "createdAt": "t"})
	}
	rest["messages"] = messages
	return frame{"type": "immediate_response", "requestId": id, "status": 200, "data": rest}
}

func TestREQ_HIST_01_PagesAreReadWhenTheyAreNeeded(t *testing.T) {
	r := connected(t)
	opened := later(func() (*protocol.Conversation, error) {
		return r.client.StartConversation(within(t), protocol.StartOptions{AgentID: "a"})
	})
	r.session("create_conversation_session")
	chat := receive(t, opened, "start").value
	read := later(func() ([]string, error) {
		var got []string
		for message, err := range chat.Messages(within(t), &protocol.MessagesOptions{Limit: 2}) {
			if err != nil {
				return got, err
			}
			got = append(got, message.ID)
		}
		return got, nil
	})
	first := r.recv("get_conversation_messages")
	if _, there := first["cursor"]; there || first["limit"] != 2.0 || len(r.in) != 0 {
		t.Error(first)
	}
	r.send(page(first["requestId"], []string{"a", "b"}, frame{"hasMore": true, "nextCursor": "n"}))
	second := r.recv("get_conversation_messages")
	if second["cursor"] != "n" {
		t.Error(second)
	}
	r.send(page(second["requestId"], []string{"c"}, frame{"hasMore": false, "nextCursor": nil}))
	if got := receive(t, read, "the end"); got.err != nil || !slices.Equal(got.value, []string{"a", "b", "c"}) {
		t.Error(got)
	}
	one := later(func() (string, error) {
		for message := range chat.Messages(within(t), nil) {
			return message.ID, nil
		}
		return "", nil
	})
	got := r.recv("get_conversation_messages")
	if _, there := got["limit"]; there {
		t.Error(got)
	}
	r.send(page(got["requestId"], []string{"a"}, frame{"hasMore": true, "nextCursor": "n"}))
	receive(t, one, "the first message")
	r.fence(r.client) // no further page was asked for
}

func TestREQ_HIST_02_ACursorThatRepeatsEndsTheIteration(t *testing.T) {
	r := connected(t)
	opened := later(func() (*protocol.Conversation, error) {
		return r.client.StartConversation(within(t), protocol.StartOptions{AgentID: "a"})
	})
	r.session("create_conversation_session")
	chat := receive(t, opened, "start").value
	read := later(func() (any, error) {
		for _, err := range chat.Messages(within(t), nil) {
			if err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	for range 2 {
		got := r.recv("get_conversation_messages")
		r.send(page(got["requestId"], []string{"a"}, frame{"hasMore": true, "nextCursor": "n"}))
	}
	wantKind(t, receive(t, read, "the end").err, protocol.ErrorKindUnexpectedEvent)
}

func TestREQ_ERR_02_CodesMapToKinds(t *testing.T) {
	r := connected(t)
	call := later(func() (any, error) {
		return r.client.RenameConversation(within(t), protocol.RenameConversation{ConversationID: "c", Title: "x"})
	})
	r.recv("rename_conversation")
	r.send(frame{"type": "error", "requestId": "r1", "data": frame{
		"error": frame{"code": "RATE_LIMITED", "message": "mail me at a@b.example", "retryAfterMs": 1500}, "details": frame{"x": 1},
	}})
	err := receive(t, call, "the error").err
	var agent *protocol.AgentError
	if !errors.As(err, &agent) || agent.Kind != protocol.ErrorKindRateLimited || !agent.Retryable ||
		agent.RetryAfter == nil || *agent.RetryAfter != 1500*time.Millisecond || string(agent.Details) != `{"x":1}` || agent.RequestID != "r1" {
		t.Errorf("%+v", agent)
	}
	// REQ-ERR-04: the server's text is kept apart.
	if strings.Contains(err.Error(), "@") || agent.ServerMessage == "" {
		t.Error(err)
	}
}

func TestREQ_ERR_03_AnUnknownCodeIsKept(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	r.send(failure(turn.RequestID(), "BRAND_NEW"))
	_, err := turn.Wait(within(t))
	wantKind(t, err, protocol.ErrorKindProtocol)
	var agent *protocol.ProtocolError
	if !errors.As(err, &agent) || agent.Code != "BRAND_NEW" || agent.Retryable {
		t.Errorf("%+v", err)
	}
}

func TestREQ_WIRE_02_ResultsKeepWhatTheyDoNotKnow(t *testing.T) {
	r := connected(t)
	call := later(func() (*protocol.ConversationPage, error) {
		return r.client.ListConversations(within(t), protocol.ListConversations{Limit: new(int64(1))})
	})
	got := r.recv("list_conversations")
	if got["limit"] != 1.0 {
		t.Error(got)
	}
	r.text(`{"type":"immediate_response","requestId":"r1","status":200,"data":{"conversations":[{"conversationId":"c","title":"T","updatedAt":"t","messageCount":2.0,"new":{"a":1}}],"nextCursor":null,"more":9}}`)
	found := receive(t, call, "the page")
	if found.err != nil {
		t.Fatal(found.err)
	}
	text, err := json.Marshal(found.value)
	want := `{"conversations":[{"conversationId":"c","title":"T","updatedAt":"t","messageCount":2,"new":{"a":1}}],"nextCursor":null,"more":9}`
	if err != nil || string(text) != want || !found.value.NextCursor.IsNull() || found.value.HasMore != nil {
		t.Error(string(text), err)
	}
}
