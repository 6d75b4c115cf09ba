package protocol_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// byteList is how fmt shows bytes that nobody made readable, address how it shows a pointer.
var (
	byteList = regexp.MustCompile(`\[(0x)?[0-9a-f]{1,3}(,? (0x)?[0-9a-f]{1,3}){3,}|uint8\{`)
	address  = regexp.MustCompile(`\(0x[0-9a-f]{6,}\)|0xc[0-9a-f]{6,}|0x[0-9a-f]{10,}`)
)

func TestREQ_LOG_01_WhatIsShownIsReadableAndHoldsNoSecret(t *testing.T) {
	r := connected(t, func(o *protocol.Options) { o.Token = secret })
	turn := r.turn()
	r.send(token("r1", "héllo"), confirmation("r1"), final("r1", "the answer"))
	events := []any{turn, turn.Iterate(), r.client}
	for event := range turn.Events() {
		events = append(events, event)
	}
	events = append(events, wait(t, turn), *wait(t, turn))
	unknown, _ := protocol.DecodeEvent([]byte(`{"type":"new","x":1}`))
	_, broken := protocol.DecodeEvent([]byte(`{"type":"stream_token","x":"` + secret + `"}`))
	_, failed := newClient(t, protocol.Options{URL: "ws://127.0.0.1:1/?key=" + secret}).Ping(within(t))
	left, why := int64(2), protocol.OTPInvalidReason("wrong")
	events = append(events, unknown, broken, failed,
		protocol.VerifyOTP{RequestID: "r", Code: secret}, &protocol.VerifyOTP{Code: secret},
		protocol.CreateConversationSession{AgentID: "a", AuthContext: &protocol.AuthContext{UserID: "u", Signature: secret}},
		protocol.SendMessage{SessionID: "s", Message: "m", Stream: new(true)},
		protocol.StartOptions{AgentID: "a", AuthContext: &protocol.AuthContext{Signature: secret}},
		protocol.ResumeOptions{SessionID: "s", AuthContext: &protocol.AuthContext{Signature: secret}},
		protocol.OTPCheck{AttemptsRemaining: &left, Error: &why}, protocol.SubmitResult{Accepted: true},
		protocol.Options{URL: "ws://h/?key=" + secret, Token: secret}, protocol.Some("x"), protocol.Null[string](),
		protocol.Question{Kind: protocol.QuestionKindOTP, Event: unknown},
	)
	for _, value := range events {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			shown := fmt.Sprintf(verb, value)
			if strings.Contains(shown, secret) || byteList.MatchString(shown) || address.MatchString(shown) {
				t.Errorf("%T with %s: %s", value, verb, shown)
			}
		}
	}
}
