package protocol_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

const agentID = "11111111-1111-4111-8111-111111111111"

// A whole conversation: connect, ask, print the answer.
func Example() {
	ctx := context.Background()
	client, err := protocol.New(protocol.Options{URL: "ws://127.0.0.1:8787/ws"})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	chat, err := client.StartConversation(ctx, protocol.StartOptions{AgentID: agentID, UserName: "Ada"})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := chat.Ask(ctx, "How long is your return window?", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Text)
}

// Every event of a turn, and the answers to its questions.
func ExampleTurn_Stream() {
	talk := func(ctx context.Context, chat *protocol.Conversation) error {
		turn := chat.Send(ctx, "Please delete record 42", nil)
		defer turn.Close()
		for event, err := range turn.Stream() {
			if err != nil {
				return err
			}
			switch event := event.(type) {
			case *protocol.StreamToken:
				fmt.Print(event.Token)
			case *protocol.WriteConfirmationRequired:
				err = turn.Confirm(ctx, true)
			case *protocol.OTPSent:
				_, err = turn.VerifyOTP(ctx, "123456")
			case *protocol.InteractionRequired:
				_, err = turn.Submit(ctx, protocol.IdentityIntakeValues{Name: new("Ada")})
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	_ = talk
}

// The protocol's own verbs, without a conversation.
func ExampleClient_SendMessage() {
	talk := func(ctx context.Context, client *protocol.Client) error {
		session, err := client.CreateConversationSession(ctx, protocol.CreateConversationSession{
			AgentID: agentID, UserName: "Alice",
		})
		if err != nil {
			return err
		}
		turn := client.SendMessage(ctx, protocol.SendMessage{
			SessionID: session.SessionID, Message: "How long is your return window?",
		})
		for ev := range turn.Events() {
			switch ev := ev.(type) {
			case *protocol.StreamToken:
				fmt.Print(ev.Token)
			case *protocol.WriteConfirmationRequired:
				err = client.ConfirmToolAction(ctx, protocol.ConfirmToolAction{
					SessionID: session.SessionID, RequestID: turn.RequestID(), Approved: true,
				})
			}
		}
		if err != nil {
			return err
		}
		final, err := turn.Wait(ctx)
		if err != nil {
			return err
		}
		fmt.Println(final.Outcome)
		return nil
	}
	_ = talk
}

// An action with one answer is a call; its type says what the answer is.
func ExampleCall() {
	list := func(ctx context.Context, client *protocol.Client) error {
		page, err := protocol.Call(ctx, client, protocol.ListConversations{Limit: new(int64(5))})
		if err != nil {
			return err
		}
		for _, conversation := range page.Conversations {
			fmt.Println(conversation.Title)
		}
		return nil
	}
	_ = list
}

// A context that ends stops the server, too. Errors are told apart by sentinels and types.
func ExampleConversation_Ask() {
	ask := func(ctx context.Context, chat *protocol.Conversation) {
		short, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_, err := chat.Ask(short, "a long one", nil)
		var lost *protocol.TurnInterruptedError
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			fmt.Println("no time left; the server was told to stop")
		case errors.Is(err, os.ErrDeadlineExceeded):
			fmt.Println("a limit of the client was over")
		case errors.Is(err, protocol.ErrTurnInProgress):
			fmt.Println("another turn still runs")
		case errors.As(err, &lost):
			fmt.Println("the link was lost; sent:", lost.Sent, "so far:", lost.PartialText)
		}
	}
	_ = ask
}

// The history of a conversation, newest first, one page at a time.
func ExampleConversation_Messages() {
	history := func(ctx context.Context, client *protocol.Client) error {
		chat, err := client.ResumeConversation(ctx, protocol.ResumeOptions{ConversationID: "…", AgentID: agentID})
		if err != nil {
			return err
		}
		for message, err := range chat.Messages(ctx, &protocol.MessagesOptions{Limit: 20}) {
			if err != nil {
				return err
			}
			fmt.Println(message.Direction, message.CreatedAt)
		}
		return nil
	}
	_ = history
}

// What a newer server may send is kept, never lost.
func ExampleDecodeEvent() {
	event, err := protocol.DecodeEvent([]byte(`{"type":"stream_video","requestId":"req-1","url":"…"}`))
	if err != nil {
		log.Fatal(err)
	}
	unknown := event.(*protocol.UnknownEvent)
	fmt.Println(unknown.EventType(), unknown.WireType)
	fmt.Println(string(unknown.RawJSON()))
	// Output:
	// unknown stream_video
	// {"type":"stream_video","requestId":"req-1","url":"…"}
}
