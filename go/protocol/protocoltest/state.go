package protocoltest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// Capability words.
const (
	wordPark    = "otp_park"
	word11      = "spec_1_1"
	wordForm    = "identity_form"
	wordChoices = "choice_chips"
	word12      = "spec_1_2"
	wordReplay  = "replay"
)

// message is one message of a conversation.
type message struct {
	id        string
	direction protocol.MessageDirection
	text      string
	requestID string
	turn      protocol.StoredTurn // of an inbound one
	made      time.Time
}

// talk is a conversation. fences are ids that were promised to be never, with the link that was told so.
type talk struct {
	id       string
	title    string
	messages []*message
	updated  int // place of its newest message among all
	turns    map[string]*turn
	fences   map[string]*link
	running  *turn
}

// shownTitle is the title, or the first message.
func (c *talk) shownTitle() string {
	if c.title != "" || len(c.messages) == 0 {
		return c.title
	}
	return c.messages[0].text
}

// session is a session on a conversation, with the words that both sides know.
type session struct {
	id, agentID, email string
	person, robot      string
	talk               *talk
	words              []string
	verified           bool      // by a code, outside a turn
	code               *question // that outlives its turn (REQ-OTP-03)
}

func (s *session) knows(word string) bool { return slices.Contains(s.words, word) }

// state is everything that the server remembers.
type state struct {
	ids       int
	said      int
	sessions  map[string]*session
	talks     map[string]*talk
	inOrder   []*talk
	sent      []map[string]any
	unmatched []string
}

func newState() state { return state{sessions: map[string]*session{}, talks: map[string]*talk{}} }

// newID returns the next id: they count from 1.
func (s *state) newID() string {
	s.ids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", s.ids)
}

// say keeps a message.
func (s *state) say(c *talk, m *message) *message {
	s.said++
	m.id, c.updated = s.newID(), s.said
	c.messages = append(c.messages, m)
	return m
}

// capabilities are the words that the server lists.
func (s *Server) capabilities() []string {
	words := []string{wordPark, word11, wordForm, wordChoices, word12}
	if s.replay {
		words = append(words, wordReplay)
	}
	return words
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// shown is a stored message as a session is told of it.
func (m *message) shown(to *session) protocol.ConversationMessage {
	told := protocol.ConversationMessage{
		ID: m.id, Direction: m.direction, Content: protocol.ConversationMessageContent{Text: &m.text},
		CreatedAt: stamp(m.made),
	}
	if to.knows(word12) {
		told.RequestID = &m.requestID
		if m.turn != "" {
			told.Turn = new(m.turn)
		}
	}
	return told
}

// page cuts rows, newest first, at a cursor: the id of the row before it.
func page[T any](rows []T, idOf func(T) string, frame map[string]any, most int) (cut []T, next protocol.Opt[string], err error) {
	limit, start := 50, 0
	if given, ok := frame["limit"].(float64); ok {
		limit = min(int(given), most)
	}
	if cursor, ok := frame["cursor"].(string); ok {
		at := slices.IndexFunc(rows, func(row T) bool { return idOf(row) == cursor })
		if at < 0 {
			return nil, next, refusal{"VALIDATION_ERROR", "/cursor is unknown"}
		}
		start = at + 1
	}
	end := min(start+limit, len(rows))
	cut, next = rows[start:end], protocol.Null[string]()
	if end < len(rows) {
		next = protocol.Some(idOf(cut[len(cut)-1]))
	}
	return cut, next, nil
}

// history is a page of a conversation.
func (s *Server) history(on *session, frame map[string]any) (any, error) {
	rows := slices.Clone(on.talk.messages)
	slices.Reverse(rows)
	cut, next, err := page(rows, func(m *message) string { return m.id }, frame, 100)
	if err != nil {
		return nil, err
	}
	told := protocol.MessagePage{Messages: []protocol.ConversationMessage{}, NextCursor: next}
	for _, m := range cut {
		told.Messages = append(told.Messages, m.shown(on))
	}
	_, told.HasMore = next.Get()
	return told, nil
}

// list is a page of the conversations in which something was said.
func (s *Server) list(frame map[string]any) (any, error) {
	query, _ := frame["query"].(string)
	var rows []*talk
	for _, c := range s.state.inOrder {
		if len(c.messages) > 0 && strings.Contains(strings.ToLower(c.shownTitle()), strings.ToLower(query)) {
			rows = append(rows, c)
		}
	}
	slices.SortStableFunc(rows, func(a, b *talk) int { return cmp.Compare(b.updated, a.updated) })
	cut, next, err := page(rows, func(c *talk) string { return c.id }, frame, 200)
	if err != nil {
		return nil, err
	}
	told := protocol.ConversationPage{Conversations: []protocol.ConversationSummary{}, NextCursor: next}
	for _, c := range cut {
		told.Conversations = append(told.Conversations, protocol.ConversationSummary{
			ConversationID: c.id, Title: c.shownTitle(), MessageCount: int64(len(c.messages)),
			UpdatedAt: stamp(c.messages[len(c.messages)-1].made),
		})
	}
	_, more := next.Get()
	told.HasMore = &more
	return told, nil
}

// openTurn tells a session's link of the turn that runs (REQ-SRV-32).
func (on *session) openTurn(to *link) *protocol.OpenTurn {
	running := on.talk.running
	if !on.knows(wordReplay) || running == nil || len(running.events) == 0 {
		return nil
	}
	running.told[to] = struct{}{}
	return &protocol.OpenTurn{RequestID: running.requestID, LastSeq: int64(len(running.events))}
}

// encoded writes a value of the protocol.
func encoded(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // of our own making
	}
	return text
}
