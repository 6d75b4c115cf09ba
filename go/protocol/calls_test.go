package protocol_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

func TestREQ_CALL_03_AnActionWithOneAnswerIsCalledByItsTypeAlone(t *testing.T) {
	r := connected(t)
	call := later(func() (*protocol.RenameConversationResult, error) {
		return protocol.Call(within(t), r.client, protocol.RenameConversation{ConversationID: "c", Title: "x"})
	})
	if got := r.recv("rename_conversation"); got["requestId"] != "r1" || got["title"] != "x" {
		t.Error(got)
	}
	r.send(frame{"type": "keepalive", "requestId": "r1", "data": frame{"requestId": "r1"}})
	r.send(frame{"type": "immediate_response", "requestId": "r1", "status": 200, "data": frame{"conversationId": "c", "title": "X"}})
	if found := receive(t, call, "the answer"); found.err != nil || found.value.Title != "X" {
		t.Error(found)
	}
	// The answer may be the event itself.
	ping := later(func() (*protocol.PongEvent, error) { return protocol.Call(within(t), r.client, protocol.Ping{}) })
	r.recv("ping")
	r.send(frame{"type": "pong", "requestId": "r2", "timestamp": 7})
	if found := receive(t, ping, "the pong"); found.err != nil || *found.value.Timestamp != 7 {
		t.Error(found)
	}
}

func TestREQ_CALL_01_ACallTakesTheIdThatIsGivenElseOneIsDrawn(t *testing.T) {
	r := connected(t)
	action := &protocol.ListConversations{Cursor: "n"}
	for _, want := range []string{"mine", "r1", "r2"} {
		action.RequestID = ""
		if want == "mine" {
			action.RequestID = want
		}
		given := action.RequestID
		call := later(func() (*protocol.ConversationPage, error) { return protocol.Call(within(t), r.client, action) })
		if got := r.recv("list_conversations"); got["requestId"] != want || got["cursor"] != "n" {
			t.Error(got)
		}
		r.send(frame{"type": "immediate_response", "requestId": want, "status": 200, "data": frame{"conversations": []any{}}})
		if found := receive(t, call, "the page"); found.err != nil || action.RequestID != given {
			t.Error(found, action)
		}
	}
}

func TestREQ_CALL_03_AnErrorIsTheOutcomeOfACall(t *testing.T) {
	r := connected(t)
	for _, c := range []struct {
		answer frame
		kind   protocol.ErrorKind
	}{
		{failure("", "SESSION_NOT_FOUND"), protocol.ErrorKindNotFound},
		{frame{"type": "immediate_response", "status": 200, "data": frame{}}, protocol.ErrorKindInvalidFrame},
		{frame{"type": "immediate_response", "status": 500, "data": frame{}}, protocol.ErrorKindProtocol},
		{frame{"type": "pong"}, protocol.ErrorKindUnexpectedEvent},
	} {
		call := later(func() (*protocol.GetSessionResult, error) {
			return protocol.Call(within(t), r.client, protocol.GetSession{SessionID: "s"})
		})
		c.answer["requestId"] = r.recv("get_session")["requestId"]
		r.send(c.answer)
		found := receive(t, call, "the outcome")
		wantKind(t, found.err, c.kind)
		if found.value != nil {
			t.Error(found.value)
		}
	}
	if err := r.client.Close(); err != nil {
		t.Error(err)
	}
	if _, err := protocol.Call(within(t), r.client, protocol.Ping{}); !errors.Is(err, protocol.ErrNotConnected) {
		t.Error(err)
	}
}

func TestREQ_CALL_07_ACallThatCreatesASessionSaysWhatTheClientSupports(t *testing.T) {
	r := connected(t, func(o *protocol.Options) { o.Supports = []string{"identity_form"} })
	call := later(func() (*protocol.CreateConversationSessionResult, error) {
		return protocol.Call(within(t), r.client, &protocol.CreateConversationSession{AgentID: "a", Supports: []string{"x", "otp_park"}})
	})
	got := r.recv("create_conversation_session")
	if want := []any{"identity_form", "otp_park", "spec_1_1", "spec_1_2", "x"}; !slices.Equal(got["supports"].([]any), want) {
		t.Error(got)
	}
	r.send(frame{"type": "error", "requestId": got["requestId"], "data": frame{"error": frame{"code": "X", "message": "no"}}})
	wantKind(t, receive(t, call, "the error").err, protocol.ErrorKindProtocol)
}
