package protocoltest_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
	"github.com/SmooAI/smooth-operator/go/protocol/protocoltest"
)

// patience bounds every wait in real time; nothing waits that long when all is well.
const patience = 20 * time.Second

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func ask(t *testing.T, chat *protocol.Conversation, message string) *protocol.TurnResult {
	t.Helper()
	got, err := chat.Ask(within(t), message)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRefund(t *testing.T) {
	srv := protocoltest.NewServer(t) // goroutine-leak check on cleanup
	srv.OnMessage("refund").Confirm("refund order 7").Tokens("Do", "ne").Finish()
	got, err := srv.Conversation(t, protocol.Handlers{Confirm: protocoltest.Approve}).Ask(t.Context(), "refund")
	if err != nil || got.Text != "Done" {
		t.Fatal(got, err)
	}
	if sent := srv.Sent("confirm_tool_action"); len(sent) != 1 || sent[0]["approved"] != true {
		t.Error(sent)
	}
}

func TestVerbsThatStreamAreSeenInTheirOrder(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage().
		Preamble("Let me see.").Reasoning("hm", "hm").Chunk("plan").
		Chunk("orders", protocoltest.ChunkFacts{
			ToolCalls:   []protocol.ToolCall{{Name: "orders", Arguments: []byte(`{"id":7}`)}},
			ToolResults: []protocol.ToolResult{{Name: "orders", Result: []byte(`"shipped"`)}},
		}).
		Tokens("On ", "its way.").
		Finish(protocoltest.FinishOptions{
			Citations: []protocol.Citation{{ID: "c", Title: "Orders", Snippet: "shipped", Score: 1}},
			Usage:     &protocol.Usage{PromptTokens: new(int64(3)), CompletionTokens: new(int64(2))},
		})
	turn := srv.Conversation(t).Send(within(t), "where?")
	var shown []string
	for event, err := range turn.Stream() {
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, event.EventType())
		if chunk, ok := event.(*protocol.StreamChunk); ok {
			if call := chunk.ToolCall(); call != nil && string(call.Arguments) != `{"id":7}` {
				t.Error(call)
			}
		}
	}
	want := []string{
		"stream_preamble", "stream_reasoning", "stream_reasoning", "stream_chunk", "stream_chunk",
		"stream_chunk", "stream_token", "stream_token", "eventual_response",
	}
	if !slices.Equal(shown, want) {
		t.Error(shown)
	}
	result, err := turn.Wait(within(t))
	if err != nil || result.Text != "On its way." || len(result.Citations) != 1 || *result.Usage.PromptTokens != 3 {
		t.Error(result, err)
	}
}

func TestAMessageFindsTheFirstReplyThatFitsAndIsNotUsedUp(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage("a").Once().Finish(protocoltest.FinishOptions{Text: new("text, once")})
	srv.OnMessage(regexp.MustCompile(`^a\d$`)).Finish(protocoltest.FinishOptions{Text: new("pattern")})
	srv.OnMessage(func(said string) bool { return len(said) == 3 }).Finish(protocoltest.FinishOptions{Text: new("function")})
	chat := srv.Conversation(t)
	for _, step := range [][2]string{{"a1", "text, once"}, {"a1", "pattern"}, {"abc", "function"}, {"xyz", "function"}} {
		if got := ask(t, chat, step[0]); got.Text != step[1] {
			t.Errorf("%s: %q", step[0], got.Text)
		}
	}
	_, err := chat.Ask(within(t), "a secret")
	var agent *protocol.AgentError
	if !errors.As(err, &agent) || agent.Code != "AGENT_ERROR" || strings.Contains(agent.ServerMessage, "secret") {
		t.Error(err)
	}
	if !slices.Equal(srv.Unmatched(), []string{"a secret"}) {
		t.Error(srv.Unmatched())
	}
}

func TestARejectedConfirmationTakesItsOwnSteps(t *testing.T) {
	srv := protocoltest.NewServer(t)
	no := protocoltest.NewReply().Tokens("Kept.").Finish()
	srv.OnMessage("delete").Confirm("delete it", protocoltest.ConfirmOptions{ToolID: "rm", Rejected: no}).Tokens("Gone.").Finish()
	srv.OnMessage("move").Confirm("move it").Tokens("Either way.").Finish()
	chat := srv.Conversation(t, protocol.Handlers{Confirm: protocoltest.Reject})
	if got := ask(t, chat, "delete"); got.Text != "Kept." {
		t.Error(got)
	}
	if got := ask(t, chat, "move"); got.Text != "Either way." {
		t.Error(got)
	}
}

func TestACodeIsTriedUntilItIsRightOrSpent(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage().OTP(protocoltest.OTPOptions{Code: "42", Attempts: 2, Masked: "b***@x.example"}).Tokens("In.").Finish()
	chat := srv.Conversation(t)
	for _, one := range []struct {
		codes []string
		text  string
		left  int64
	}{{[]string{"1", "42"}, "In.", 1}, {[]string{"1", "2"}, notGiven, 0}} {
		turn := chat.Send(within(t), "let me in")
		codes := one.codes
		for event, err := range turn.Stream() {
			if err != nil {
				break // told by ending
			}
			if sent, ok := event.(*protocol.OTPSent); ok && sent.MaskedDestination != "b***@x.example" {
				t.Error(sent.MaskedDestination)
			}
			if event.EventType() != "otp_sent" && event.EventType() != "otp_invalid" || len(codes) == 0 {
				continue
			}
			check, err := turn.VerifyOTP(within(t), codes[0])
			if codes = codes[1:]; err != nil || len(codes) == 0 && one.left > 0 != check.Verified {
				t.Error(check, err)
			}
		}
		if got := ending(t, turn); got != one.text {
			t.Error(got)
		}
	}
	turn := chat.Send(within(t), "again")
	for event, err := range turn.Stream() {
		if err == nil && event.EventType() == "otp_sent" {
			if _, err := turn.Decline(within(t), protocol.QuestionKindOTP); err != nil {
				t.Error(err)
			}
		}
	}
	if got := ending(t, turn); got != notGiven {
		t.Error(got)
	}
}

const notGiven = "AGENT_ERROR The code was not given."

// ending is the text of a turn's result, or code and sentence of its error.
func ending(t *testing.T, turn *protocol.Turn) string {
	t.Helper()
	result, err := turn.Wait(within(t))
	var agent *protocol.AgentError
	if errors.As(err, &agent) {
		return agent.Code + " " + agent.ServerMessage
	}
	return result.Text
}

func TestAFormIsAnsweredWronglyThenRightly(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage("who").Interaction("identity_intake", protocol.IdentityIntakeSpec{
		Fields: []protocol.IdentityIntakeField{{Key: "email", Required: true}},
	}).Tokens("Thanks.").Finish()
	srv.OnMessage("pick").Interaction("choices", map[string]any{"questions": []any{map[string]any{
		"question": "Which?", "header": "Size", "options": []any{map[string]any{"label": "S"}, map[string]any{"label": "L"}},
	}}}).Tokens("Packed.").Finish()
	if got := ending(t, srv.Conversation(t).Send(within(t), "who")); got !=
		"AGENT_ERROR interaction(identity_intake) needs a client that supports identity_form." {
		t.Error(got)
	}
	client, err := srv.Client(protocol.Options{Supports: []string{"identity_form", "choice_chips"}})
	if err != nil {
		t.Fatal(err)
	}
	chat := started(t, client)
	for _, one := range []struct {
		say    string
		values []any
		text   string
	}{
		{"who", []any{map[string]any{"email": "no"}, protocol.IdentityIntakeValues{Email: new("Ada@Example.com")}}, "Thanks."},
		{"pick", []any{map[string]any{"answers": []any{map[string]any{"header": "Size", "options": []string{"XL"}}}},
			protocol.ChoicesValues{Answers: []protocol.ChoicesAnswer{{Header: "Size", Options: []string{"L"}}}}}, "Packed."},
	} {
		turn := chat.Send(within(t), one.say)
		for event := range turn.Stream() {
			if event.EventType() != "interaction_required" {
				continue
			}
			if got, err := turn.Submit(within(t), one.values[0]); err != nil || got.Accepted || len(got.Errors) != 1 {
				t.Error(got, err)
			}
			if got, err := turn.Submit(within(t), one.values[1]); err != nil || !got.Accepted {
				t.Error(got, err)
			}
		}
		if result, err := turn.Wait(within(t)); err != nil || result.Text != one.text {
			t.Error(result, err)
		}
	}
	turn := chat.Send(within(t), "who again")
	for event := range turn.Stream() {
		if event.EventType() == "interaction_required" {
			if _, err := turn.Decline(within(t), protocol.QuestionKindInteraction); err != nil {
				t.Error(err)
			}
		}
	}
	if result, err := turn.Wait(within(t)); err != nil || result.Text != "Thanks." {
		t.Error(result, err)
	}
}

func TestADelayWaitsForTheClockAlone(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage().Tokens("a").Delay(time.Hour).Tokens("b").Finish()
	client, err := srv.Client(protocol.Options{TurnIdleTimeout: protocol.Off, PingInterval: protocol.Off})
	if err != nil {
		t.Fatal(err)
	}
	turn := started(t, client).Send(within(t), "wait")
	for event := range turn.Stream() {
		if token, ok := event.(*protocol.StreamToken); ok && token.Token == "a" {
			srv.Advance(time.Hour)
		}
	}
	if result, err := turn.Wait(within(t)); err != nil || result.Text != "ab" {
		t.Error(result, err)
	}
}

func started(t *testing.T, client *protocol.Client) *protocol.Conversation {
	t.Helper()
	if err := client.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	chat, err := client.StartConversation(within(t), protocol.StartOptions{AgentID: protocoltest.AgentID})
	if err != nil {
		t.Fatal(err)
	}
	return chat
}

func TestAnErrorEndsItsTurn(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage().Tokens("half").Error("RATE_LIMITED", "later")
	_, err := srv.Conversation(t).Ask(within(t), "x")
	var agent *protocol.AgentError
	if !errors.As(err, &agent) || agent.Kind != protocol.ErrorKindRateLimited || agent.PartialText != "half" {
		t.Errorf("%+v", err)
	}
}

func TestACutTurnIsResumedWithReplayAndLostWithout(t *testing.T) {
	for _, replay := range []bool{true, false} {
		srv := protocoltest.NewServer(t, protocoltest.Options{WithoutReplay: !replay})
		srv.OnMessage().Tokens("be").Confirm("while it is open").Cut(1006).Tokens("hind").Finish()
		client, err := srv.Client(protocol.Options{Handlers: protocol.Handlers{Confirm: protocoltest.Approve}})
		if err != nil {
			t.Fatal(err)
		}
		retries := make(chan time.Duration, 8)
		client.OnState(func(change protocol.StateChange) {
			if change.Attempt > 0 {
				retries <- change.RetryIn
			}
		})
		turn := started(t, client).Send(within(t), "x")
		select {
		case in := <-retries:
			srv.Advance(in)
		case <-time.After(patience):
			t.Fatal("no link is sought")
		}
		result, err := turn.Wait(within(t))
		var lost *protocol.TurnInterruptedError
		switch {
		case replay && (err != nil || result.Text != "behind"):
			t.Error(result, err)
		case !replay && (!errors.As(err, &lost) || lost.CloseCode != 1006 || lost.PartialText != "be"):
			t.Errorf("%+v", err)
		}
		if replay && srv.Connections() != 2 {
			t.Error(srv.Connections())
		}
	}
}

func TestAMalformedFrameIsDroppedByTheClient(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage().Malformed("{").Tokens("well").Finish()
	client, err := srv.Client(protocol.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, started(t, client), "x"); got.Text != "well" || client.Counters().DroppedFrames != 1 {
		t.Error(got, client.Counters())
	}
}

func TestAnOpenReplyIsEndedByCancelInEveryStep(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage("open").Tokens("so far")
	srv.OnMessage("confirm").Tokens("so far").Confirm("x")
	srv.OnMessage("otp").Tokens("so far").OTP()
	srv.OnMessage("delay").Tokens("so far").Delay(time.Hour)
	chat := srv.Conversation(t)
	for _, step := range []string{"open", "confirm", "otp", "delay"} {
		turn := chat.Send(within(t), step)
		for event := range turn.Stream() {
			if event.EventType() == "stream_token" {
				if err := turn.Cancel(within(t)); err != nil {
					t.Error(err)
				}
			}
		}
		result, err := turn.Wait(within(t))
		if err != nil || result.Outcome != protocol.OutcomeCancelled || !*result.Confirmed || result.Text != "so far" {
			t.Error(step, result, err)
		}
	}
}

func TestWhatTheTestSeesAndDoes(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage().Tokens("Hi.").Finish()
	client, err := srv.Client(protocol.Options{AutoReconnect: new(false)})
	if err != nil {
		t.Fatal(err)
	}
	srv.Refuse(503, 1, http.Header{"Retry-After": {"2"}})
	var refused *protocol.ConnectError
	if err := client.Connect(within(t)); !errors.As(err, &refused) || refused.Status != 503 || *refused.RetryAfter != 2*time.Second {
		t.Errorf("%+v", err)
	}
	events := make(chan protocol.Event, 1)
	client.OnEvent(func(event protocol.Event) { events <- event })
	chat := started(t, client)
	ask(t, chat, "Hello")
	if srv.Connections() != 1 || srv.OpenConnections() != 1 || len(srv.Sent()) != 2 || len(srv.Sent("send_message")) != 1 {
		t.Error(srv.Connections(), srv.OpenConnections(), srv.Sent())
	}
	stored, ok := srv.ConversationOf(chat.SessionID())
	if !ok || stored.ID != chat.ConversationID() || stored.Title != "Hello" || len(stored.Messages) != 2 ||
		stored.Messages[0].Turn != protocol.StoredTurnCompleted || srv.Messages(chat.SessionID())[1].Text != "Hi." {
		t.Error(stored)
	}
	if _, ok := srv.ConversationOf("nobody"); ok {
		t.Error("there is no such session")
	}
	srv.Push(`{"type":"stream_video"}`)
	if event := <-events; event.EventType() != protocol.TypeUnknown {
		t.Error(event)
	}
	closed := make(chan protocol.StateChange, 1)
	client.OnState(func(change protocol.StateChange) { closed <- change })
	srv.Disconnect(1012)
	if change := <-closed; change.CloseCode != 1012 || srv.OpenConnections() != 0 {
		t.Error(change)
	}
	srv.Close()
	srv.Close()
	if _, err := srv.Client(protocol.Options{}); err == nil {
		t.Error("a closed server makes no clients")
	}
}

func TestTheWholeProtocolIsBehindTheReplies(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage("open").Tokens("so far")
	srv.OnMessage().Finish(protocoltest.FinishOptions{Text: new("Hi.")})
	client, err := srv.Client(protocol.Options{})
	if err != nil {
		t.Fatal(err)
	}
	chat := started(t, client)
	for _, said := range []string{"one", "two", "three"} {
		ask(t, chat, said)
	}
	var history []string
	for message, err := range chat.Messages(within(t), &protocol.MessagesOptions{Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		history = append(history, *message.Content.Text)
	}
	if !slices.Equal(history, []string{"Hi.", "three", "Hi.", "two", "Hi.", "one"}) {
		t.Error(history)
	}
	_, err = client.RenameConversation(within(t), protocol.RenameConversation{ConversationID: chat.ConversationID(), Title: "Numbers"})
	if err != nil {
		t.Error(err)
	}
	page, err := client.ListConversations(within(t), protocol.ListConversations{Query: "numb"})
	if err != nil || len(page.Conversations) != 1 || page.Conversations[0].MessageCount != 6 {
		t.Error(page, err)
	}
	back, err := client.ResumeConversation(within(t), protocol.ResumeOptions{SessionID: chat.SessionID()})
	if err != nil || back.ConversationID() != chat.ConversationID() || back.AgentName() != "Fake Agent" {
		t.Error(back, err)
	}
	if pong, err := client.Ping(within(t)); err != nil || pong.ServerTime.Year() != 2000 {
		t.Error(pong, err)
	}
	running := chat.Send(within(t), "open")
	for event := range running.Stream() {
		if event.EventType() == "stream_token" {
			if _, err := chat.Ask(within(t), "two at once"); !errors.Is(err, protocol.ErrTurnInProgress) {
				t.Error(err)
			}
			_ = running.Cancel(within(t))
		}
	}
	for _, bad := range []struct {
		call func() error
		code string
	}{
		{func() error {
			_, err := client.GetSession(within(t), protocol.GetSession{SessionID: "nobody"})
			return err
		}, "SESSION_NOT_FOUND"},
		{func() error {
			_, err := client.GetConversationMessages(within(t), protocol.GetConversationMessages{SessionID: chat.SessionID(), Cursor: "x"})
			return err
		}, "VALIDATION_ERROR"},
		{func() error {
			_, err := client.RenameConversation(within(t), protocol.RenameConversation{ConversationID: "x", Title: "t"})
			return err
		}, "CONVERSATION_NOT_FOUND"},
		{func() error {
			return client.ConfirmToolAction(within(t), protocol.ConfirmToolAction{SessionID: chat.SessionID(), RequestID: "x", Approved: true})
		}, "NO_PENDING_CONFIRMATION"},
	} {
		var agent *protocol.AgentError
		if err := bad.call(); !errors.As(err, &agent) || agent.Code != bad.code {
			t.Error(bad.code, err)
		}
	}
}

func TestOnLoopbackAnyClientCanTalkToIt(t *testing.T) {
	srv := protocoltest.NewServer(t)
	srv.OnMessage().Tokens("be").Cut(1006).Tokens("hind").Confirm("go on?").Finish()
	url, err := srv.Listen()
	if err != nil || url != srv.URL() || srv.Clock() != nil {
		t.Fatal(url, err)
	}
	client, err := protocol.New(protocol.Options{
		URL: url, BackoffBase: time.Millisecond, Handlers: protocol.Handlers{Confirm: protocoltest.Approve},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	srv.Refuse(401, 1, nil)
	if err := client.Connect(within(t)); !errors.Is(err, protocol.ErrAuthentication) {
		t.Error(err)
	}
	if got := ask(t, started(t, client), "x"); got.Text != "behind" || srv.Connections() != 2 {
		t.Error(got, srv.Connections())
	}
}

func TestTwoRunsGiveTheSameFrames(t *testing.T) {
	var runs [2][]string
	for i := range runs {
		srv := protocoltest.NewServer(t, protocoltest.Options{Seed: 7})
		srv.OnMessage().Tokens("Hi.").Finish()
		client, err := srv.Client(protocol.Options{})
		if err != nil {
			t.Fatal(err)
		}
		client.OnFrame(func(frame protocol.FrameInfo) { runs[i] = append(runs[i], frame.Text()) })
		ask(t, started(t, client), "Hello")
		srv.Close()
	}
	if len(runs[0]) == 0 || !slices.Equal(runs[0], runs[1]) {
		t.Error(runs)
	}
}

func TestACassetteGivesASessionBack(t *testing.T) {
	real := protocoltest.NewServer(t)
	real.OnMessage("code").OTP(protocoltest.OTPOptions{Code: "777"}).Tokens("In.").Finish()
	url, err := real.Listen()
	if err != nil {
		t.Fatal(err)
	}
	handlers := protocol.Handlers{OTP: func(context.Context, protocol.OTPAsk) (string, error) { return "777", nil }}
	path := filepath.Join(t.TempDir(), "talk.cassette")
	recording, err := protocoltest.Record(url, path, protocol.Options{Handlers: handlers})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, started(t, recording.Client), "code")
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is there before the client was closed")
	}
	if err := recording.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), "777") || !strings.Contains(string(text), `"code":"***"`) {
		t.Error(string(text), err)
	}
	played, err := protocoltest.ReplayOf(path)
	if err != nil {
		t.Fatal(err)
	}
	defer played.Close()
	client, err := played.Client(protocol.Options{Handlers: handlers})
	if err != nil {
		t.Fatal(err)
	}
	chat := started(t, client)
	if got := ask(t, chat, "code"); got.Text != "In." {
		t.Error(got)
	}
	if _, err := chat.Ask(within(t), "once more"); protocol.Kind(err) != protocol.ErrorKindInvalidRequest {
		t.Error(err)
	}
	if !slices.Equal(played.Unmatched(), []string{"send_message"}) {
		t.Error(played.Unmatched())
	}
}
