package protocoltest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// raw is a link that speaks in frames.
type raw struct {
	t *testing.T
	s *Server
	*link
}

func opened(t *testing.T, s *Server) raw {
	t.Helper()
	l, _, err := s.accept()
	if err != nil {
		t.Fatal(err)
	}
	return raw{t, s, l}
}

// does sends an action and returns what came since the last one.
func (r raw) does(format string, facts ...any) (frames []map[string]any) {
	r.t.Helper()
	r.s.receive(r.link, fmt.Appendf(nil, format, facts...), false)
	for {
		text, _, _ := r.out.take()
		if text == nil {
			return frames
		}
		var frame map[string]any
		if err := json.Unmarshal(text, &frame); err != nil {
			r.t.Fatal(err)
		}
		frames = append(frames, frame)
	}
}

// shown names frames by type, seq, state and code.
func shown(frames []map[string]any) string {
	var words []string
	for _, frame := range frames {
		word := frame["type"].(string)
		if seq, ok := frame["seq"].(float64); ok {
			word += fmt.Sprint(" ", seq)
		}
		data, _ := frame["data"].(map[string]any)
		inner, _ := data["data"].(map[string]any)
		if state, ok := inner["state"]; ok {
			word += fmt.Sprint(" ", state)
		}
		if failure, ok := frame["error"].(map[string]any); ok {
			word += fmt.Sprint(" ", failure["code"])
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func (r raw) session(supports string) string {
	r.t.Helper()
	got := r.does(`{"action":"create_conversation_session","requestId":"c","agentId":"a","supports":[%s]}`, supports)
	return got[0]["data"].(map[string]any)["sessionId"].(string)
}

func want(t *testing.T, got []map[string]any, words string) {
	t.Helper()
	if shown(got) != words {
		t.Errorf("got  %s\nwant %s", shown(got), words)
	}
}

func TestREQ_SRV_02_WhatIsNoActionIsRefusedAndTheLinkStays(t *testing.T) {
	s := NewServer(t)
	r := opened(t, s)
	id := r.session("")
	for text, code := range map[string]string{
		`{`: "VALIDATION_ERROR", `[]`: "VALIDATION_ERROR", `{"x":1}`: "VALIDATION_ERROR", `{"action":"dance"}`: "UNSUPPORTED_ACTION",
		`{"action":"ping"} {}`:                                                            "VALIDATION_ERROR",
		`{"action":"ping","requestId":7}`:                                                 "VALIDATION_ERROR",
		`{"action":"create_conversation_session"}`:                                        "VALIDATION_ERROR",
		`{"action":"create_conversation_session","agentId":"a","supports":[1]}`:           "VALIDATION_ERROR",
		`{"action":"create_conversation_session","agentId":"a","authContext":{}}`:         "VALIDATION_ERROR",
		`{"action":"list_conversations","limit":0}`:                                       "VALIDATION_ERROR",
		`{"action":"list_conversations","limit":1.5}`:                                     "VALIDATION_ERROR",
		`{"action":"list_conversations","cursor":"x"}`:                                    "VALIDATION_ERROR",
		`{"action":"verify_otp","requestId":"r","sessionId":"` + id + `"}`:                "VALIDATION_ERROR",
		`{"action":"get_conversation_messages","sessionId":"` + id + `","limit":101}`:     "VALIDATION_ERROR",
		`{"action":"send_message","sessionId":"` + id + `","message":""}`:                 "VALIDATION_ERROR",
		`{"action":"send_message","sessionId":"` + id + `","message":"m","skill":"a b"}`:  "VALIDATION_ERROR",
		`{"action":"send_message","sessionId":"` + id + `","message":"m","images":[{}]}`:  "VALIDATION_ERROR",
		`{"action":"send_message","sessionId":"` + id + `","message":"m","stream":"yes"}`: "VALIDATION_ERROR",
		`{"action":"resume_turn","requestId":"r","sessionId":"` + id + `","afterSeq":0}`:  "UNSUPPORTED_ACTION",
	} {
		if got := r.does("%s", text); shown(got) != "error "+code {
			t.Errorf("%s: %s", text, shown(got))
		}
	}
	s.receive(r.link, []byte{1}, true)
	want(t, r.does(`{"action":"list_conversations","limit":500,"query":null}`), "error VALIDATION_ERROR, immediate_response")
}

func TestREQ_SRV_26_ATurnIsTakenUpByAnotherLink(t *testing.T) {
	s := NewServer(t)
	s.OnMessage().Tokens("a").Confirm("b").Tokens("c").Finish()
	first, second := opened(t, s), opened(t, s)
	id := first.session(`"replay","spec_1_1"`)
	send := `{"action":"send_message","requestId":"r","sessionId":"` + id + `","message":"m"}`
	resume := `{"action":"resume_turn","requestId":"%s","sessionId":"` + id + `","afterSeq":%d}`
	got := first.does("%s", send)
	want(t, got, "immediate_response 1, stream_token 2, write_confirmation_required 3")
	want(t, second.does(resume, "r", 1), "turn_resumed running, stream_token 2, write_confirmation_required 3")
	want(t, first.does(`{"action":"ping"}`), "turn_resumed moved, pong")
	want(t, first.does(resume, "r", 1), "turn_resumed moved")
	first.does(`{"action":"get_session","sessionId":"%s"}`, id)
	want(t, first.does("%s", send), "turn_resumed running, immediate_response 1, stream_token 2, write_confirmation_required 3")
	want(t, first.does(resume, "r", 9), "turn_resumed gone")
	want(t, first.does(`{"action":"send_message","requestId":"r","sessionId":"%s","message":"other"}`, id), "error VALIDATION_ERROR")
	want(t, first.does(`{"action":"send_message","requestId":"q","sessionId":"%s","message":"m"}`, id), "error TURN_IN_PROGRESS")
	confirm := `{"action":"confirm_tool_action","requestId":"r","sessionId":"` + id + `","approved":true,"confirmationId":"%s"}`
	asked := got[2]["data"].(map[string]any)["data"].(map[string]any)["confirmationId"]
	want(t, first.does(confirm, "stale"), "error 4 NO_PENDING_CONFIRMATION")
	want(t, first.does(confirm, asked), "immediate_response 5, stream_token 6, eventual_response 7")
	want(t, first.does(confirm, asked), "")
	want(t, second.does(resume, "r", 6), "turn_resumed moved, turn_resumed settled, eventual_response 7")
}

func TestREQ_SRV_28_AnIdThatWasToldToBeNeverIsNeverRun(t *testing.T) {
	s := NewServer(t)
	s.OnMessage().Finish()
	first, second := opened(t, s), opened(t, s)
	id := first.session(`"replay"`)
	send := `{"action":"send_message","requestId":"r","sessionId":"` + id + `","message":"m"}`
	want(t, second.does(`{"action":"resume_turn","requestId":"r","sessionId":"%s","afterSeq":0}`, id), "turn_resumed never")
	want(t, first.does("%s", send), "")
	want(t, second.does("%s", send), "immediate_response 1, eventual_response 2")
}

func TestREQ_SRV_05_AnOldClientIsToldNothingNew(t *testing.T) {
	s := NewServer(t)
	s.OnMessage("code").OTP().Tokens("In.").Finish()
	s.OnMessage().Tokens("a").Confirm("b").Finish()
	r := opened(t, s)
	id := r.session("")
	got := r.does(`{"action":"send_message","requestId":"r","sessionId":"%s","message":"m","stream":false}`, id)
	want(t, got, "immediate_response, write_confirmation_required")
	if asked := got[1]["data"].(map[string]any)["data"].(map[string]any); len(asked) != 2 {
		t.Error(asked)
	}
	want(t, r.does(`{"action":"cancel","requestId":"other"}`), "")
	want(t, r.does(`{"action":"cancel"}`), "cancelled")
	send := `{"action":"send_message","requestId":"%s","sessionId":"` + id + `","message":"code"}`
	want(t, r.does(send, "q"), "immediate_response, otp_verification_required, otp_sent, eventual_response")
	want(t, r.does(`{"action":"verify_otp","requestId":"q","sessionId":"%s","code":"1"}`, id), "otp_invalid")
	want(t, r.does(`{"action":"verify_otp","requestId":"q","sessionId":"%s","code":"123456"}`, id), "otp_verified")
	want(t, r.does(send, "p"), "immediate_response, stream_token, eventual_response")
}

func TestREQ_SRV_09_AQuestionLapsesAndATurnWithoutALinkIsStopped(t *testing.T) {
	s := NewServer(t, Options{QuestionTime: time.Minute})
	s.OnMessage("ask").Confirm("b", ConfirmOptions{Rejected: NewReply().Error("AGENT_ERROR", "denied")}).Finish()
	s.OnMessage()
	r := opened(t, s)
	id := r.session(`"replay"`)
	send := `{"action":"send_message","requestId":"%s","sessionId":"` + id + `","message":"%s"}`
	r.does(send, "r", "ask")
	s.Advance(time.Minute)
	want(t, r.does(`{"action":"ping"}`), "error 3 AGENT_ERROR, pong")
	r.does(send, "q", "open")
	s.Disconnect(1006)
	s.Advance(detached)
	r = opened(t, s)
	want(t, r.does(`{"action":"resume_turn","requestId":"q","sessionId":"%s","afterSeq":1}`, id), "turn_resumed settled, error 2 AGENT_ERROR")
}

func TestTheCodesAreThoseOfTheSpecification(t *testing.T) {
	text, err := os.ReadFile("../../../spec/errors.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^  - \{code: ([A-Z_]+), .*terminal: (\w+)`).FindAllStringSubmatch(string(text), -1)
	for _, row := range rows {
		if ends, known := endingCodes[row[1]]; !known || ends != (row[2] != "never") {
			t.Error(row[1:])
		}
	}
	if len(rows) != len(endingCodes) {
		t.Error(len(rows), len(endingCodes))
	}
}

func TestEverySecretOfTheSchemaIsStruckOutOfACassette(t *testing.T) {
	code, signature := "777", "s3cret"
	for _, action := range []protocol.Action{
		protocol.VerifyOTP{RequestID: "r", SessionID: "s", Code: code},
		protocol.CreateConversationSession{AgentID: "a", AuthContext: &protocol.AuthContext{UserID: "u", Signature: signature}},
	} {
		text, err := protocol.EncodeAction(action)
		if err != nil {
			t.Fatal(err)
		}
		kept := string(withoutSecrets(text))
		if strings.Contains(kept, code) || strings.Contains(kept, signature) || !strings.Contains(kept, "***") {
			t.Error(kept)
		}
	}
}

func TestAGoroutineThatStaysIsFound(t *testing.T) {
	end, begun := make(chan struct{}), make(chan struct{})
	pprof.Do(context.Background(), pprof.Labels(leakLabel, "stays"), func(context.Context) {
		go func() { close(begun); <-end }()
	})
	<-begun
	if leaked("stays") == "" {
		t.Error("it is not seen")
	}
	close(end)
	for leaked("stays") != "" {
		if t.Context().Err() != nil {
			t.Fatal("it is still seen")
		}
	}
}
