package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/coder/websocket"
)

const limit = 16 << 20 // of one message, as in the client

// open plays the session up to its first turn.
func open(ctx context.Context, j job) (*websocket.Conn, string, error) {
	conn, _, err := websocket.Dial(ctx, j.url, &websocket.DialOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return nil, "", err
	}
	conn.SetReadLimit(limit)
	create := map[string]any{"action": "create_conversation_session", "requestId": "create", "agentId": "bench"}
	if err := write(conn, create); err != nil {
		return nil, "", err
	}
	_, text, err := conn.Read(context.Background())
	if err != nil {
		return nil, "", err
	}
	var answer struct{ Data struct{ SessionID string } }
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, "", err
	}
	return conn, answer.Data.SessionID, nil
}

func write(conn *websocket.Conn, action map[string]any) error {
	text, err := json.Marshal(action)
	if err != nil {
		return err
	}
	return conn.Write(context.Background(), websocket.MessageText, text)
}

func message(session string, events int) map[string]any {
	return map[string]any{
		"action": "send_message", "requestId": "turn", "sessionId": session, "message": strconv.Itoa(events),
	}
}

// raw reads frames and parses nothing.
func raw(ctx context.Context, j job) (outcome, error) {
	conn, session, err := open(ctx, j)
	if err != nil {
		return outcome{}, err
	}
	defer conn.CloseNow()
	m := begin()
	if err := write(conn, message(session, j.events)); err != nil {
		return outcome{}, err
	}
	chars := 0
	for range j.events + 2 {
		_, text, err := conn.Read(context.Background())
		if err != nil {
			return outcome{}, err
		}
		m.token()
		chars += len(text)
	}
	return m.end(j.events, chars), nil
}

// bare is what a user would write without a client: one loop over untyped JSON.
func bare(ctx context.Context, j job) (outcome, error) {
	conn, session, err := open(ctx, j)
	if err != nil {
		return outcome{}, err
	}
	defer conn.CloseNow()
	m := begin()
	if err := write(conn, message(session, j.events)); err != nil {
		return outcome{}, err
	}
	events, chars := 0, 0
	var pinged time.Time
	var pong *float64
	for {
		_, text, err := conn.Read(context.Background())
		if err != nil {
			return outcome{}, err
		}
		var event map[string]any
		if err := json.Unmarshal(text, &event); err != nil {
			return outcome{}, err
		}
		switch event["type"] {
		case "stream_token":
			m.token()
			if events == 0 && j.ping {
				time.AfterFunc(50*time.Millisecond, func() {
					pinged = time.Now()
					_ = write(conn, map[string]any{"action": "ping", "requestId": "ping"})
				})
			}
			events++
			token, ok := event["token"].(string)
			if !ok {
				return outcome{}, fmt.Errorf("a token without a text")
			}
			chars += len(token)
		case "pong":
			took := float64(time.Since(pinged).Microseconds()) / 1000
			pong = &took
		case "eventual_response":
			result := m.end(events, chars)
			result.PingMS = pong
			return result, nil
		}
	}
}
