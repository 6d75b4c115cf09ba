package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
	"github.com/SmooAI/smooth-operator/go/protocol/protocoltest"
)

// command is any line from the harness.
type command struct {
	ID                                   int
	Cmd, As, On, Turn, Op, Nonce, Canary string
	Session, Via, Watch, RequestID       string
	Protocol                             []int
	Args, Values                         json.RawMessage
	Message, Model, Skill                string
	Stream                               *bool
	Images                               []protocol.ImageAttachment
	Files                                []protocol.FileAttachment
	Aborted, Abandon, Approved           bool
	Code, Question, Text                 string
	Count, Take                          *int
	Limit, Ms                            int64

	URL, Token, TokenIn, Origin, Clock, CA string
	IDs, Supports                          []string
	Connect                                *bool
	Headers                                map[string]string
	Timeouts                               map[string]int64
	Limits                                 struct{ MaxMessageBytes *int64 }
	Lazy, Tap                              bool
	Options                                map[string]any
	Random                                 []float64
	Tokens                                 []json.RawMessage

	Handlers scripts
	Handler  string
	Warnings bool
	gift
}

const features = "virtual_clock conversation paging text_stream tee hold leave abort tls headers tap census reconnect handlers policy replay codec"

// commands carry out one line; their answer is the reply's body, nil for an empty one.
var commands map[string]func(*testee, *command) any

func init() {
	commands = map[string]func(*testee, *command) any{
		"hello": hello, "open": open, "call": callOp, "start": start, "resume": start, "turn": turn, "openturn": openTurn,
		"confirm": verb, "otp": verb, "submit": verb, "decline": verb, "cancel": verb,
		"hold": steer, "take": steer, "drop": steer, "leave": steer, "messages": messages,
		"connect": func(t *testee, c *command) any {
			client := get[*protocol.Client](t, c.On)
			t.issue(c.As, false, func(l *lane) (any, error) { return nil, client.Connect(l.ctx) })
			return nil
		},
		"close": func(t *testee, c *command) any {
			client := get[*protocol.Client](t, c.On)
			t.issue(c.As, false, func(l *lane) (any, error) {
				l.begin() // Close takes no context
				return nil, client.Close()
			})
			return nil
		},
		"iterate": func(t *testee, c *command) any {
			t.lane(c.As, true).events = get[*protocol.Turn](t, c.Turn).Iterate()
			t.issue(c.As, false, func(l *lane) (any, error) { return nil, t.follow(c.As, c.Turn, get[*protocol.Turn](t, c.Turn), l) })
			return nil
		},
		"textstream": func(t *testee, c *command) any {
			handle := get[*protocol.Turn](t, c.Turn)
			t.issue(c.As, false, func(l *lane) (any, error) {
				l.begin() // what it waits with is the context of the turn
				for piece, err := range handle.Text() {
					if err != nil {
						return nil, err
					}
					t.event("text", object{"turn": c.Turn, "as": c.As, "piece": piece})
				}
				return nil, nil
			})
			return nil
		},
		"await": func(t *testee, c *command) any {
			handle := get[*protocol.Turn](t, c.Turn)
			if c.Abandon {
				l := newLane()
				t.spawn(l, func() { _, _ = handle.Wait(l.ctx) })
				return nil
			}
			t.issue(c.As, false, func(l *lane) (any, error) { return handle.Wait(l.ctx) })
			return nil
		},
		"detach":  func(t *testee, c *command) any { get[*protocol.Turn](t, c.Turn).Detach(); return nil },
		"abort":   func(t *testee, c *command) any { t.lane(c.As+c.Turn, false).cancel(); return nil },
		"advance": advance,
		"give":    giveNow,
		"wake":    func(t *testee, c *command) any { get[*protocol.Client](t, c.On).Wake(); return nil },
		"recover": func(t *testee, c *command) any {
			handle := get[*protocol.Turn](t, c.Turn)
			t.issue(c.As, false, func(l *lane) (any, error) { return handle.Recover(l.ctx) })
			return nil
		},
		"counters": func(t *testee, c *command) any {
			client := get[*protocol.Client](t, c.On)
			t.issue(c.As, false, func(*lane) (any, error) { return client.Counters(), nil })
			return nil
		},
		"sync":   func(_ *testee, c *command) any { runtime.Gosched(); return object{"nonce": c.Nonce} },
		"census": census,
		"dump":   func(*testee, *command) any { dump(); return nil },
		"reset":  func(t *testee, _ *command) any { t.reset(); return nil },
		"bye":    func(t *testee, _ *command) any { t.reset(); return nil },
		"decode": func(_ *testee, c *command) any { return decodeBody(c.Text) },
		"encode": func(_ *testee, c *command) any {
			if actions[c.Op] == nil {
				refuse("unknown-op", c.Op)
			}
			action := actions[c.Op]()
			must(json.Unmarshal(c.Args, action))
			text, err := protocol.EncodeAction(action)
			must(err)
			return object{"text": string(text)}
		},
		"check": func(_ *testee, c *command) any {
			body := decodeBody(c.Text)
			if problem, ok := body["problem"].(object); ok && body["type"] == nil {
				return object{"valid": false, "pointer": problem["pointer"]}
			}
			return object{"valid": body["malformed"] == nil}.add("pointer", "", body["malformed"] != nil)
		},
	}
}

func hello(t *testee, c *command) any {
	known := []string{"", "drop-3rd-item", "alter-text", "drop-error-code"}
	if !slices.Contains(c.Protocol, 2) || !slices.Contains(known, c.Canary) {
		refuse("bad-request", "unknown protocol or canary")
	}
	t.canary = c.Canary
	shown := object{}
	for _, word := range strings.Fields(features) {
		shown[word] = true
	}
	return object{
		"protocol": 2, "nonce": c.Nonce, "name": "smooth-operator", "version": protocol.Version,
		"language": "go", "runtime": strings.TrimPrefix(runtime.Version(), "go"),
		"spec": []string{"1.1"}, "clientsMax": 8, "features": shown,
	}
}

func open(t *testee, c *command) any {
	var drawn atomic.Int64
	options := protocol.Options{
		URL: c.URL, Token: c.Token, TokenIn: protocol.TokenIn(c.TokenIn), Origin: c.Origin, Handlers: t.handlers(c.Handlers),
		Header: http.Header{}, Supports: c.Supports, Lazy: c.Lazy,
		IDGenerator: func() string {
			n := int(drawn.Add(1))
			if n <= len(c.IDs) {
				return c.IDs[n-1]
			}
			return fmt.Sprintf("req-auto-%d", n-len(c.IDs))
		},
	}
	for name, value := range c.Headers {
		options.Header.Set(name, value)
	}
	limits := map[string]*time.Duration{
		"connect": &options.ConnectTimeout, "close": &options.CloseTimeout, "request": &options.RequestTimeout,
		"turn": &options.TurnTimeout, "turnIdle": &options.TurnIdleTimeout,
		"question": &options.QuestionTimeout, "cancel": &options.CancelTimeout,
	}
	for name, ms := range c.Timeouts {
		if *limits[name] = time.Duration(ms) * time.Millisecond; ms == 0 {
			*limits[name] = protocol.Off
		}
	}
	if limit := c.Limits.MaxMessageBytes; limit != nil {
		// Go's zero value is the default: a limit of 0 as such is what is below 1.
		if options.MaxMessageBytes = *limit; *limit == 0 {
			options.MaxMessageBytes = -1
		}
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		must(err)
		options.CACertPEM = pem
	}
	if c.Warnings {
		options.Logger = slog.New(warner{func() { t.event("warned", object{"on": c.As}) }})
	}
	t.seek(c, &options)
	if c.Clock == "virtual" {
		t.clocks[c.As] = protocoltest.NewVirtualClock()
		options.Clock = t.clocks[c.As]
	}
	client, err := protocol.New(options)
	if err == nil {
		t.set(c.As, client)
		t.listen(c, client)
	}
	t.issue(c.As, false, func(l *lane) (any, error) {
		if err != nil || c.Connect != nil && !*c.Connect {
			return nil, err
		}
		return nil, client.Connect(l.ctx)
	})
	return nil
}

func (t *testee) listen(c *command, client *protocol.Client) {
	client.OnState(func(s protocol.StateChange) {
		body := object{"on": c.As, "from": s.Previous, "to": s.Current, "reason": s.Reason}
		body.add("code", s.CloseCode, s.CloseCode != 0).add("cause", protocol.Kind(s.Err), s.Err != nil)
		body.add("attempt", s.Attempt, s.Attempt != 0).add("retryInMs", s.RetryIn.Milliseconds(), s.Attempt != 0)
		t.event("state", body.add("missed", true, s.Missed))
	})
	client.OnEvent(func(event protocol.Event) {
		body := itemBody(event)
		body["on"] = c.As
		t.event("pushed", body)
	})
	if c.Tap {
		client.OnFrame(func(f protocol.FrameInfo) {
			body := object{"on": c.As, "direction": f.Direction}.add("type", f.Type, f.Type != "")
			t.event("frame", body.add("requestId", f.RequestID, f.RequestID != ""))
		})
	}
}

// bind makes a call of a client method that takes a typed action; only verbs keep a requestId.
func bind[A, R any](method func(context.Context, A) (R, error), c *command) func(*lane) (any, error) {
	action := parse[A](c.Args)
	return func(l *lane) (any, error) { return method(l.ctx, action) }
}

func withoutValue[A any](method func(context.Context, A) error) func(context.Context, A) (any, error) {
	return func(ctx context.Context, action A) (any, error) { return nil, method(ctx, action) }
}

func callOp(t *testee, c *command) any {
	client := get[*protocol.Client](t, c.On)
	args := map[string]json.RawMessage{}
	must(json.Unmarshal(c.Args, &args))
	if !slices.Contains([]string{"confirm_tool_action", "verify_otp", "submit_interaction", "cancel"}, c.Op) {
		delete(args, "requestId")
	}
	c.Args, _ = json.Marshal(args)
	calls := map[string]func() func(*lane) (any, error){
		"create_conversation_session": func() func(*lane) (any, error) { return bind(client.CreateConversationSession, c) },
		"get_session":                 func() func(*lane) (any, error) { return bind(client.GetSession, c) },
		"get_conversation_messages":   func() func(*lane) (any, error) { return bind(client.GetConversationMessages, c) },
		"list_conversations":          func() func(*lane) (any, error) { return bind(client.ListConversations, c) },
		"rename_conversation":         func() func(*lane) (any, error) { return bind(client.RenameConversation, c) },
		"confirm_tool_action":         func() func(*lane) (any, error) { return bind(withoutValue(client.ConfirmToolAction), c) },
		"verify_otp":                  func() func(*lane) (any, error) { return bind(client.VerifyOTP, c) },
		"submit_interaction":          func() func(*lane) (any, error) { return bind(client.SubmitInteraction, c) },
		"cancel":                      func() func(*lane) (any, error) { return bind(withoutValue(client.Cancel), c) },
		"ping":                        func() func(*lane) (any, error) { return func(l *lane) (any, error) { return client.Ping(l.ctx) } },
	}
	made, ok := calls[c.Op]
	if !ok {
		refuse("unknown-op", c.Op)
	}
	t.issue(c.As, c.Aborted, made())
	return nil
}

func start(t *testee, c *command) any {
	client := get[*protocol.Client](t, c.On)
	begin, resume := parse[protocol.StartOptions](c.Args), parse[protocol.ResumeOptions](c.Args)
	begin.Handlers = t.handlers(c.Handlers)
	resume.Handlers = begin.Handlers
	t.issue(c.As, c.Aborted, func(l *lane) (any, error) {
		if c.Cmd == "start" {
			return client.StartConversation(l.ctx, begin)
		}
		return client.ResumeConversation(l.ctx, resume)
	})
	return nil
}

func turn(t *testee, c *command) any {
	l := t.lane(c.As, true)
	if c.Aborted {
		l.cancel()
	}
	ctx := context.Background()
	if c.Aborted {
		ctx = l.ctx
	}
	var handle *protocol.Turn
	if c.Via == "conversation" {
		handle = get[*protocol.Conversation](t, c.On).Send(ctx, c.Message, &protocol.SendOptions{
			RequestID: c.RequestID, Stream: c.Stream, Model: c.Model, Skill: c.Skill, Images: c.Images, Files: c.Files,
			Handlers: t.handlers(c.Handlers),
		})
	} else {
		handle = get[*protocol.Client](t, c.On).SendMessage(ctx, protocol.SendMessage{
			RequestID: c.RequestID, SessionID: c.Session, Message: c.Message, Stream: c.Stream,
			Model: c.Model, Skill: c.Skill, Images: c.Images, Files: c.Files,
		}, t.handlers(c.Handlers))
	}
	if err := handle.Err(); protocol.Kind(err) == protocol.ErrorKindInvalidArgument {
		t.event("returned", object{"as": c.As, "error": errorBody(err)})
		return nil
	}
	t.hold(c, handle, l)
	return nil
}

// hold keeps a turn and begins to watch it.
func (t *testee) hold(c *command, handle *protocol.Turn, l *lane) {
	t.set(c.As, handle)
	switch c.Watch {
	case "none":
		return
	case "", "items":
		l.events = handle.Iterate()
	}
	t.spawn(l, func() { t.watch(c.As, handle, l) })
}

// openTurn takes up the turn that a conversation runs; one that is here already gets another name.
func openTurn(t *testee, c *command) any {
	handle, runs := get[*protocol.Conversation](t, c.On).OpenTurn()
	if !runs {
		t.event("returned", object{"as": c.As, "value": nil})
		return nil
	}
	t.event("returned", object{"as": c.As, "value": object{"requestId": handle.RequestID()}})
	for name, known := range t.handles {
		if known == any(handle) {
			t.lanes[c.As] = t.lanes[name]
			t.set(c.As, handle)
			return nil
		}
	}
	t.hold(c, handle, t.lane(c.As, true))
	return nil
}

func verb(t *testee, c *command) any {
	handle := get[*protocol.Turn](t, c.Turn)
	t.issue(c.As, c.Aborted, func(l *lane) (any, error) {
		switch c.Cmd {
		case "confirm":
			return nil, handle.Confirm(l.ctx, c.Approved)
		case "otp":
			return handle.VerifyOTP(l.ctx, c.Code)
		case "submit":
			return handle.Submit(l.ctx, c.Values)
		case "cancel":
			return nil, handle.Cancel(l.ctx)
		}
		reply, err := handle.Decline(l.ctx, protocol.QuestionKind(c.Question))
		if err == nil && c.Question == "otp" {
			return nil, nil
		}
		return reply, err
	})
	return nil
}

func steer(t *testee, c *command) any {
	name := c.Turn
	if c.As != "" {
		name = c.As
	}
	l := t.lane(name, false)
	switch c.Cmd {
	case "take":
		l.give(*c.Count)
		if l.events == nil {
			handle := get[*protocol.Turn](t, c.Turn)
			l.events = handle.Iterate()
			t.spawn(l, func() { t.watch(c.Turn, handle, l) })
		}
	case "leave":
		l.leave()
	default:
		l.give(0)
	}
	return nil
}

func messages(t *testee, c *command) any {
	chat := get[*protocol.Conversation](t, c.On)
	t.issue(c.As, false, func(l *lane) (any, error) {
		count := 0
		for message, err := range chat.Messages(l.ctx, &protocol.MessagesOptions{Limit: c.Limit}) {
			if err != nil {
				return nil, err
			}
			t.event("message", object{"as": c.As, "data": message})
			if count++; c.Take != nil && count == *c.Take {
				break
			}
		}
		return nil, nil
	})
	return nil
}

func advance(t *testee, c *command) any {
	clock := t.clocks[c.On]
	if clock == nil {
		refuse("unknown-handle", c.On+" has no virtual clock")
	}
	clock.Advance(time.Duration(c.Ms) * time.Millisecond)
	return nil
}

func census(t *testee, _ *command) any {
	clients, timers := 0, 0
	for _, handle := range t.handles {
		if client, ok := handle.(*protocol.Client); ok {
			if state := client.State(); state != protocol.ConnectionStateIdle && state != protocol.ConnectionStateClosed {
				clients++
			}
		}
	}
	for _, clock := range t.clocks {
		timers += clock.Armed()
	}
	return object{"clients": clients, "timers": timers}
}
