package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// chat is one client with its conversation.
type chat struct {
	client *protocol.Client
	talk   *protocol.Conversation
}

func start(ctx context.Context, j job) (chat, error) {
	client, err := protocol.New(protocol.Options{URL: j.url})
	if err != nil {
		return chat{}, err
	}
	if err := client.Connect(ctx); err != nil {
		return chat{}, err
	}
	talk, err := client.StartConversation(ctx, protocol.StartOptions{AgentID: "bench"})
	return chat{client, talk}, err
}

// client plays the turns through the public interface.
func client(ctx context.Context, j job) (outcome, error) {
	chats := make([]chat, j.clients)
	for i := range chats {
		made, err := start(ctx, j)
		if err != nil {
			return outcome{}, err
		}
		defer made.client.Close()
		chats[i] = made
	}
	m := begin()
	var turns []*protocol.Turn
	for _, c := range chats {
		for range j.turns {
			turns = append(turns, c.talk.Send(context.Background(), strconv.Itoa(j.events), nil))
		}
	}
	reads := make([]reading, len(turns))
	var all sync.WaitGroup
	for i, turn := range turns {
		all.Go(func() { reads[i] = read(ctx, j, chats[0].client, turn, m) })
	}
	all.Wait()
	events, chars := 0, 0
	for _, r := range reads {
		if r.err != nil {
			return outcome{}, r.err
		}
		events, chars = events+r.events, chars+r.chars
	}
	if j.reader == "late" {
		m.waited = j.late
	}
	result := m.end(events, chars)
	result.PingMS = reads[0].ping
	if j.reader == "late" {
		result.DrainSeconds = &reads[0].drain
	}
	return result, nil
}

// reading is what one turn gave.
type reading struct {
	events, chars int
	drain         float64
	ping          *float64
	err           error
}

func read(ctx context.Context, j job, client *protocol.Client, turn *protocol.Turn, m *meter) (r reading) {
	if j.reader == "late" {
		time.Sleep(j.late)
	}
	var pong chan float64
	began := time.Now()
	if j.reader != "never" {
		for event := range turn.Events() {
			token, ok := event.(*protocol.StreamToken)
			if !ok {
				continue
			}
			if r.events == 0 {
				m.token()
				if j.ping {
					pong = pingSoon(ctx, client)
				}
			}
			r.events += token.Merged()
			r.chars += len(token.Token)
		}
	}
	r.drain = time.Since(began).Seconds()
	result, err := turn.Wait(ctx)
	if err != nil {
		return reading{err: err}
	}
	if j.reader == "never" {
		r.events, r.chars = j.events, len(result.Text)
	}
	if len(result.Text) != r.chars {
		return reading{err: fmt.Errorf("the text has %d bytes, the tokens %d", len(result.Text), r.chars)}
	}
	if pong != nil {
		took := <-pong
		r.ping = &took
	}
	return r
}

// pingSoon pings in 50 ms and gives the milliseconds that the answer took.
func pingSoon(ctx context.Context, client *protocol.Client) chan float64 {
	took := make(chan float64, 1)
	time.AfterFunc(50*time.Millisecond, func() {
		began := time.Now()
		_, _ = client.Ping(ctx)
		took <- float64(time.Since(began).Microseconds()) / 1000
	})
	return took
}
