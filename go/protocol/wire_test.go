package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

func decode(t *testing.T, text string) protocol.Event {
	t.Helper()
	event, err := protocol.DecodeEvent([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func TestREQ_WIRE_01_AnUnknownTypeIsAnEvent(t *testing.T) {
	r := connected(t)
	pushed := make(chan protocol.Event, 1)
	r.client.OnEvent(func(e protocol.Event) { pushed <- e })
	text := `{"n":12345678901234567890123, "type":"stream_video","f":1e400}`
	r.text(text)
	got := receive(t, pushed, "the event").(*protocol.UnknownEvent)
	if got.EventType() != "unknown" || got.WireType != "stream_video" || string(got.RawJSON()) != text || got.Problem != nil {
		t.Errorf("%+v", got)
	}
	if encoded, err := protocol.EncodeEvent(got); err != nil || string(encoded) != text {
		t.Error(string(encoded), err)
	}
	if built, err := json.Marshal(&protocol.UnknownEvent{WireType: "x"}); err != nil || string(built) != `{"type":"x"}` {
		t.Error(string(built), err)
	}
}

func TestREQ_WIRE_04_TenMalformedFramesEndTheLink(t *testing.T) {
	log := newLog()
	r := connected(t, func(o *protocol.Options) { o.Logger = log.logger() })
	turn := r.turn()
	bad := []string{"", "no", "NaN", `{"type":"x"`, `[1]`, `{"type":1}`, `{}`, "\ufeff{\"type\":\"x\"}", `{"type":"x","a":NaN}`}
	for _, text := range bad {
		r.text(text)
	}
	r.fence(r.client) // nine: any frame with a type starts the count anew
	for _, text := range bad {
		r.text(text)
	}
	if err := r.conn.Write(within(t), websocket.MessageBinary, []byte(`{"type":"x"}`)); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, r.end, "the end"); websocket.CloseStatus(err) != 4400 {
		t.Error(err)
	}
	_, err := turn.Wait(within(t))
	wantKind(t, err, protocol.ErrorKindTurnInterrupted)
	var agent *protocol.AgentError
	if !errors.As(err, &agent) || agent.CloseCode != 4400 || log.count("malformed frame") != 1 {
		t.Errorf("%+v %s", agent, log.text())
	}
}

func TestREQ_WIRE_06_OnlyTheRepairPassCoerces(t *testing.T) {
	event := decode(t, `{"type":"otp_invalid","requestId":"r","timestamp":null,"data":{"data":{"attemptsRemaining":2.0,"message":"m","error":null}}}`)
	got := event.(*protocol.OTPInvalid)
	if got.RequestID != "r" || got.AttemptsRemaining != 2 || got.Timestamp != nil || got.Error != nil {
		t.Errorf("%+v", got)
	}
	for text, pointer := range map[string]string{
		`{"type":"otp_invalid","data":{"requestId":"r","data":{"attemptsRemaining":"2","message":"m"}}}`: "/data/data/attemptsRemaining",
		`{"type":"otp_invalid","data":{"requestId":"r","data":{"attemptsRemaining":1.5,"message":"m"}}}`: "/data/data/attemptsRemaining",
		`{"type":"otp_invalid","data":{"requestId":"r","data":{"attemptsRemaining":1}}}`:                 "/data/data/message",
		`{"type":"otp_sent","data":{"requestId":"r","data":{"channel":true,"maskedDestination":"x"}}}`:   "/data/data/channel",
	} {
		_, err := protocol.DecodeEvent([]byte(text))
		var broken *protocol.DecodeError
		if !errors.As(err, &broken) || broken.Pointer != pointer || strings.Contains(err.Error(), `"`) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestREQ_WIRE_07_AFactThatTravelsTwiceIsShownOnce(t *testing.T) {
	got := decode(t, `{"token":"top","data":{"token":"nested","requestId":"n"},"requestId":"t","type":"stream_token"}`).(*protocol.StreamToken)
	if got.Token != "nested" || got.RequestID != "t" { // REQ-WIRE-14
		t.Errorf("%+v", got)
	}
	// Written where it stood; an event that was built by hand at all places.
	got.Token = "new"
	text, err := protocol.EncodeEvent(got)
	if err != nil || string(text) != `{"token":"new","data":{"token":"new","requestId":"n"},"requestId":"t","type":"stream_token"}` {
		t.Error(string(text), err)
	}
	built, err := json.Marshal(&protocol.StreamToken{RequestID: "r", Token: "x"})
	if err != nil || string(built) != `{"type":"stream_token","requestId":"r","data":{"requestId":"r","token":"x"},"token":"x"}` {
		t.Error(string(built), err)
	}
}

func TestREQ_WIRE_08_ChangesReachTheFrame(t *testing.T) {
	got := decode(t, `{"type":"error","timestamp":5,"data":{"error":{"code":"A","message":"m","new":1}},"more":2}`).(*protocol.ErrorEvent)
	got.Code, got.Timestamp, got.Terminal = "B", nil, new(false)
	text, err := protocol.EncodeEvent(got)
	if err != nil {
		t.Fatal(err)
	}
	again := decode(t, string(text)).(*protocol.ErrorEvent)
	if again.Code != "B" || again.Timestamp != nil || *again.Terminal || !strings.Contains(string(text), `"new":1`) || !strings.Contains(string(text), `"more":2`) {
		t.Error(string(text))
	}
	built, err := json.Marshal(&protocol.ErrorEvent{Code: "A", Message: "m"})
	if err != nil || decode(t, string(built)).(*protocol.ErrorEvent).Code != "A" {
		t.Error(string(built), err)
	}
}

func TestREQ_WIRE_09_NestingAndRepetitionAreHarmless(t *testing.T) {
	for _, depth := range []int{64, 5_000, 200_000} {
		text := fmt.Sprintf(`{"type":"pong","x":%s%s}`, strings.Repeat("[", depth), strings.Repeat("]", depth))
		if _, err := protocol.DecodeEvent([]byte(text)); (err != nil) != (depth > 10_000) {
			t.Error(depth, err)
		}
	}
	got := decode(t, `{"type":"pong","type":"pong","timestamp":1,"timestamp":9007199254740991}`).(*protocol.PongEvent)
	if *got.Timestamp != 9007199254740991 {
		t.Error(*got.Timestamp)
	}
	// Names are told apart by their case.
	if got := decode(t, `{"type":"pong","Timestamp":1}`).(*protocol.PongEvent); got.Timestamp != nil {
		t.Error(*got.Timestamp)
	}
}

func TestREQ_WIRE_10_TextThatIsNoUTF8EndsTheLink(t *testing.T) {
	r := connected(t)
	changes := reasons(r.client)
	r.text("{\"type\":\"pong\",\"x\":\"\xff\"}")
	if last := wantMoves(t, changes, "closed invalid_utf8"); last.CloseCode != 1007 {
		t.Error(last)
	}
	if err := receive(t, r.end, "the end"); websocket.CloseStatus(err) != 1007 {
		t.Error(err)
	}
}

func TestREQ_WIRE_11_AMessageOverTheLimitEndsTheLink(t *testing.T) {
	r := connected(t, func(o *protocol.Options) { o.MaxMessageBytes = 1000 })
	turn := r.turn()
	call := later(func() (any, error) { return r.client.Ping(within(t)) })
	r.recv("ping")
	fits := `{"type":"keepalive","data":{"requestId":"r1"},"x":"`
	r.text(fits + strings.Repeat("x", 1000-len(fits)-2) + `"}`)
	r.text(fits + strings.Repeat("x", 1001-len(fits)-2) + `"}`)
	_, err := turn.Wait(within(t))
	for _, e := range []error{err, receive(t, call, "ping").err} {
		var large *protocol.MessageTooLargeError
		if !errors.As(e, &large) || large.Limit != 1000 || large.Kind != protocol.ErrorKindMessageTooLarge || large.CloseCode != 1009 {
			t.Errorf("%+v", e)
		}
	}
	if err := receive(t, r.end, "the end"); websocket.CloseStatus(err) != 1009 {
		t.Error(err)
	}
}

func TestREQ_WIRE_12_WhatNobodyOwns(t *testing.T) {
	r := connected(t)
	pushed := make(chan string, 8)
	remove := r.client.OnEvent(func(e protocol.Event) { pushed <- e.EventType() })
	r.send(
		frame{"type": "keepalive", "data": frame{"requestId": "x"}}, frame{"type": "error", "data": frame{"error": frame{"code": "A", "message": "m"}}},
		token("foreign", "x"), frame{"type": "stream_token"},
	)
	for _, want := range []string{"error", "stream_token", "unknown"} {
		if got := receive(t, pushed, want); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
	remove()
	r.send(token("foreign", "x"))
	r.fence(r.client)
	if len(pushed) != 0 {
		t.Error("a listener that was removed was called")
	}
}

func TestREQ_WIRE_13_BoundsAndEnumsRefuseNothing(t *testing.T) {
	got := decode(t, `{"type":"otp_verification_required","timestamp":-1,"data":{"requestId":"","data":{"toolId":"","actionDescription":"","availableChannels":[],"authLevel":"x"}}}`).(*protocol.OTPVerificationRequired)
	if got.AvailableChannels == nil || len(got.AvailableChannels) != 0 || *got.Timestamp != -1 {
		t.Errorf("%+v", got)
	}
	sent := decode(t, `{"type":"otp_sent","data":{"requestId":"r","data":{"channel":"pigeon","maskedDestination":""}}}`).(*protocol.OTPSent)
	if sent.Channel != "pigeon" || sent.Channel.Known() || !protocol.OTPChannelSMS.Known() {
		t.Errorf("%+v", sent)
	}
}

func TestREQ_LOG_02_TheTapSeesEveryFrame(t *testing.T) {
	r := connected(t)
	frames := make(chan protocol.FrameInfo, 8)
	r.client.OnFrame(func(f protocol.FrameInfo) { frames <- f })
	r.fence(r.client)
	r.text("no frame")
	out, in, bad := receive(t, frames, "out"), receive(t, frames, "in"), receive(t, frames, "malformed")
	if out.Direction != protocol.DirectionOut || out.Type != "ping" || out.RequestID != "r1" || out.Bytes != len(out.Text()) || !out.At.Equal(r.clock.Now()) {
		t.Errorf("%+v %s", out, out.Text())
	}
	if in.Direction != protocol.DirectionIn || in.Type != "pong" || bad.Type != "" || bad.Bytes != 8 || bad.Text() != "no frame" {
		t.Error(in, bad)
	}
	if text := fmt.Sprintf("%v %+v %#v", out, out, out); strings.Contains(text, "action") {
		t.Error(text)
	}
}

func TestREQ_ERR_01_EverySentinelHasItsKind(t *testing.T) {
	for sentinel, bases := range map[error][]error{
		protocol.ErrTurnInterrupted: {protocol.ErrConnectionLost, protocol.ErrConnection},
		protocol.ErrSessionNotFound: {protocol.ErrNotFound, protocol.ErrProtocol},
		protocol.ErrTurnTimeout:     {protocol.ErrTimeout},
	} {
		if sentinel.Error() == "" || len(bases) == 0 {
			t.Error(sentinel)
		}
	}
	if protocol.Kind(nil) != "" || protocol.Kind(errors.New("x")) != "" {
		t.Error("a foreign error has no kind")
	}
}

func BenchmarkDecodeToken(b *testing.B) {
	text := []byte(`{"type":"stream_token","requestId":"req-3f1c2b7a-8f0e-4c5d-9a1b-2c3d4e5f6a7b","token":"Hello",` +
		`"data":{"requestId":"req-3f1c2b7a-8f0e-4c5d-9a1b-2c3d4e5f6a7b","token":"Hello"},"timestamp":1700000000000}`)
	b.Run("event", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := protocol.DecodeEvent(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var out map[string]any
			if err := json.NewDecoder(bytes.NewReader(text)).Decode(&out); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestREQ_WIRE_14_TheIDThatRoutesAFrameIsTheOneThatItShows(t *testing.T) {
	r := connected(t)
	outer, inner := r.turn(), r.turn()
	r.text(`{"type":"stream_token","data":{"requestId":"` + inner.RequestID() + `","token":"t"},"requestId":"` + outer.RequestID() + `"}`)
	r.text(`{"type":"stream_token","data":{"requestId":"` + inner.RequestID() + `","token":"t"}}`)
	for _, turn := range []*protocol.Turn{outer, inner} {
		events := turn.Iterate()
		event, err := events.Next(within(t))
		_ = events.Close()
		if err != nil || event.(*protocol.StreamToken).RequestID != turn.RequestID() {
			t.Errorf("%s shows %+v, %v", turn.RequestID(), event, err)
		}
	}
}
