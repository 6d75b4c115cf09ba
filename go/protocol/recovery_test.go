package protocol_test

import (
	"errors"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// stored is a message of the history.
func stored(direction, requestID, turn string) frame {
	message := frame{"id": "m", "direction": direction, "content": frame{"text": "x"}, "createdAt": "2026-01-01T00:00:00Z"}
	if requestID != "" {
		message["requestId"] = requestID
	}
	if turn != "" {
		message["turn"] = turn
	}
	return message
}

func TestREQ_TURN_30_TheErrorOfALostTurnAsksTheHistory(t *testing.T) {
	for name, c := range map[string]struct {
		messages []frame
		tells    bool
		status   protocol.RecoveryStatus
	}{
		"answered":      {[]frame{stored("outbound", "r2", ""), stored("inbound", "r2", "completed")}, true, protocol.RecoveryAnswered},
		"without":       {[]frame{stored("inbound", "r2", "completed")}, true, protocol.RecoveryNotAnswered},
		"failed":        {[]frame{stored("outbound", "r2", ""), stored("inbound", "r2", "failed")}, true, protocol.RecoveryNotAnswered},
		"running":       {[]frame{stored("inbound", "r2", "running")}, true, protocol.RecoveryUnknown},
		"another's":     {[]frame{stored("inbound", "r9", "completed")}, true, protocol.RecoveryNotDelivered},
		"says nothing":  {[]frame{stored("inbound", "", "")}, false, protocol.RecoveryUnknown},
		"answer alone":  {[]frame{stored("outbound", "r2", "")}, true, protocol.RecoveryUnknown},
		"empty history": {[]frame{}, true, protocol.RecoveryNotDelivered},
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t, seeks)
			told := moves(r.client)
			capabilities := []string{"spec_1_1"}
			if c.tells {
				capabilities = append(capabilities, "spec_1_2")
			}
			r.opens(t, capabilities)
			turn := r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "hi"})
			r.recv("send_message")
			r.lose(t, told)
			_, err := turn.Wait(within(t))
			var lost *protocol.TurnInterruptedError
			if !errors.As(err, &lost) {
				t.Fatal(err)
			}
			found := later(func() (*protocol.Recovery, error) { return lost.Recover(within(t)) })
			asked := r.recv("get_conversation_messages")
			r.send(frame{
				"type": "immediate_response", "requestId": asked["requestId"], "status": 200,
				"data": frame{"messages": c.messages, "hasMore": false, "nextCursor": nil},
			})
			got := receive(t, found, "the recovery")
			if got.err != nil || got.value.Status != c.status || (got.value.Message != nil) != (c.status == protocol.RecoveryAnswered) {
				t.Errorf("%+v, %v", got.value, got.err)
			}
		})
	}
}

// opens opens the session s.
func (r *rig) opens(t *testing.T, capabilities []string) {
	t.Helper()
	opened := later(func() (*protocol.CreateConversationSessionResult, error) {
		return r.client.CreateConversationSession(within(t), protocol.CreateConversationSession{AgentID: "a"})
	})
	asked := r.recv("create_conversation_session")
	r.send(frame{"type": "immediate_response", "requestId": asked["requestId"], "status": 200, "data": frame{
		"sessionId": "s", "conversationId": "c", "agentId": "a", "agentName": "A", "userParticipantId": "u",
		"agentParticipantId": "p", "capabilities": capabilities,
	}})
	if got := receive(t, opened, "the session"); got.err != nil {
		t.Fatal(got.err)
	}
}

func TestREQ_LOG_03_AResultSaysHowLongItTook(t *testing.T) {
	r := connected(t)
	turn := r.turn()
	r.clock.Advance(300 * time.Millisecond)
	r.send(token("r1", "x"))
	r.fence(r.client)
	if got := r.client.Counters(); got.OpenTurns != 1 {
		t.Errorf("%+v", got)
	}
	r.clock.Advance(700 * time.Millisecond)
	r.send(final("r1", "x"))
	result, err := turn.Wait(within(t))
	if err != nil || result.Duration != time.Second || result.TimeToFirstToken == nil || *result.TimeToFirstToken != 300*time.Millisecond {
		t.Fatalf("%+v, %v", result, err)
	}
	silent := r.client.SendMessage(t.Context(), protocol.SendMessage{SessionID: "s", Message: "hi"})
	id := r.recv("send_message")["requestId"].(string)
	r.send(final(id, "y"))
	if result, err := silent.Wait(within(t)); err != nil || result.TimeToFirstToken != nil {
		t.Errorf("%+v, %v", result, err)
	}
	until(t, "all is counted", func() bool {
		got := r.client.Counters()
		return got.OpenTurns == 0 && got.Connects == 1 && got.FramesOut == 3 && got.FramesIn == 5
	})
}
