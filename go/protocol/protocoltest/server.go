package protocoltest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// AgentID is the agent that [Server.Conversation] talks to. The server takes any.
const AgentID = "00000000-0000-4000-8000-00000000a9e7"

// Options configure a [Server]. The zero value of every field works.
type Options struct {
	// WithoutReplay withholds the capability replay: turns are lost with their link.
	WithoutReplay bool
	// Seed is what the randomness of the server's clients begins with.
	Seed uint64
	// Clock is the source of time. Nil means a [VirtualClock], and the machine's clock from
	// [Server.Listen] on.
	Clock protocol.Clock
	// AgentName is the display name of the agent. Zero value means "Fake Agent".
	AgentName string
	// QuestionTime is how long a question to a human waits; then it counts as denied. Zero value means 300s.
	QuestionTime time.Duration
}

// Server is a whole server of the protocol, in memory; see the package's page. Its methods are safe for
// concurrent use.
type Server struct {
	replay    bool
	seed      uint64
	agentName string
	questions time.Duration

	mu       sync.Mutex
	clock    protocol.Clock
	virtual  *VirtualClock // nil when the clock is another one
	given    bool          // the clock is the caller's
	closed   bool
	state    state
	replies  []*Reply
	script   *script
	cassette *tape
	refusals []answer
	opened   int
	links    []*link
	clients  []*protocol.Client
	loopback *loopback
}

// answer is what a handshake is refused with.
type answer struct {
	status int
	header http.Header
}

// New returns a server that is closed by [Server.Close]. In a test, [NewServer] does that by itself.
func New(options ...Options) *Server {
	o := last(options)
	s := &Server{replay: !o.WithoutReplay, seed: o.Seed, agentName: o.AgentName, clock: o.Clock, given: o.Clock != nil, state: newState()}
	s.agentName = cmp.Or(s.agentName, "Fake Agent")
	s.questions = cmp.Or(o.QuestionTime, 300*time.Second)
	if s.clock == nil {
		s.virtual = NewVirtualClock()
		s.clock = s.virtual
	} else {
		s.virtual, _ = s.clock.(*VirtualClock)
	}
	return s
}

// NewServer returns a server that is closed when the test ends. Then no goroutine of a client or server that
// the test began may run any more: one that does fails the test.
func NewServer(t testing.TB, options ...Options) *Server {
	t.Helper()
	watchLeaks(t)
	s := New(options...)
	t.Cleanup(s.Close)
	return s
}

// Approve is a [protocol.ConfirmHandler] that says yes.
func Approve(context.Context, protocol.ConfirmAsk) (bool, error) { return true, nil }

// Reject is a [protocol.ConfirmHandler] that says no.
func Reject(context.Context, protocol.ConfirmAsk) (bool, error) { return false, nil }

// Close closes the clients that the server made and all links with 1001, ends every waiting turn and frees the
// port. Twice is once.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	clients, loopback := s.clients, s.loopback
	s.clients, s.loopback = nil, nil
	for _, c := range s.state.inOrder {
		if c.running != nil {
			c.running.settle(protocol.StoredTurnFailed)
		}
	}
	for _, l := range slices.Clone(s.links) {
		s.part(l, 1001)
	}
	s.mu.Unlock()
	for _, client := range clients {
		_ = client.Close()
	}
	if loopback != nil {
		loopback.close()
	}
}

// Client returns a client of this server, in memory, which connects with its first action. Its URL,
// opener, clock and randomness are the server's; everything else is as the options say. Misuse matches [protocol.ErrInvalidArgument].
// The client is closed with the server.
func (s *Server) Client(options protocol.Options) (*protocol.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	chance := newChance(s.seed, uint64(len(s.clients)))
	options.Lazy = true
	options.URL, options.Opener, options.Clock, options.Random = "ws://fake.test/ws", s.open, s.clock, chance
	client, err := protocol.New(options)
	if err == nil {
		s.clients = append(s.clients, client)
	}
	return client, err
}

var errClosed = errors.New("protocoltest: the server is closed")

// newChance returns a source that is the same in each run.
func newChance(seed, stream uint64) func() float64 {
	var mu sync.Mutex
	source := rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // it has to be the same in each run
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return source.Float64()
	}
}

// Conversation returns a conversation on a client of its own. What goes wrong fails the test.
func (s *Server) Conversation(t testing.TB, handlers ...protocol.Handlers) *protocol.Conversation {
	t.Helper()
	client, err := s.Client(protocol.Options{})
	if err != nil {
		t.Fatal(err)
	}
	chat, err := client.StartConversation(t.Context(), protocol.StartOptions{AgentID: AgentID, Handlers: last(handlers)})
	if err != nil {
		t.Fatal(err)
	}
	return chat
}

// OnMessage returns a reply to write steps on. The matcher is a string that the message contains, a
// [*regexp.Regexp], a func(string) bool, or nothing for every message. Of the replies that fit, the first one
// written that is not used up serves. A message that nothing fits ends its turn with AGENT_ERROR and is listed
// in [Server.Unmatched]. A function must not use the server.
func (s *Server) OnMessage(matcher ...any) *Reply {
	reply := &Reply{fits: fitting(matcher)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.script != nil || s.cassette != nil {
		refuse("a server that plays a script or a cassette has no replies")
	}
	s.replies = append(s.replies, reply)
	return reply
}

func fitting(matcher []any) func(string) bool {
	if len(matcher) == 0 {
		return func(string) bool { return true }
	}
	if len(matcher) > 1 {
		refuse("OnMessage takes one matcher, got %d", len(matcher))
	}
	switch fits := matcher[0].(type) {
	case string:
		return func(said string) bool { return strings.Contains(said, fits) }
	case *regexp.Regexp:
		return fits.MatchString
	case func(string) bool:
		return fits
	}
	refuse("OnMessage takes a string, a *regexp.Regexp or a func(string) bool, not a %T", matcher[0])
	return nil
}

// Clock returns the clock of the server, nil when it is no virtual one.
func (s *Server) Clock() *VirtualClock {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.virtual
}

// Advance moves the virtual clock; see [VirtualClock.Advance]. A server with another clock cannot.
func (s *Server) Advance(d time.Duration) {
	clock := s.Clock()
	if clock == nil {
		refuse("the clock of this server is no virtual one")
	}
	clock.Advance(d)
}

// Sent returns the frames that clients have sent, oldest first, over all links: all of them, or those of this
// action. What is no JSON object is not among them.
func (s *Server) Sent(action ...string) []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []map[string]any
	for _, frame := range s.state.sent {
		if len(action) == 0 || slices.Contains(action, fmt.Sprint(frame["action"])) {
			found = append(found, frame)
		}
	}
	return found
}

// Connections returns how many links were opened since the start; refused handshakes are none.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// OpenConnections returns how many links are open now.
func (s *Server) OpenConnections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.links)
}

// Unmatched returns the messages that no reply fitted, and for a cassette the actions that it does not hold.
func (s *Server) Unmatched() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state.unmatched)
}

// Disconnect ends all open links; 1006 is an end without a close frame.
func (s *Server) Disconnect(code int) {
	if !sendable(code) {
		refuse("no peer may end a link with the close code %d", code)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range slices.Clone(s.links) {
		s.part(l, code)
	}
}

// Refuse answers the next handshakes, as many as times says, with this HTTP status, 300 to 599.
func (s *Server) Refuse(status, times int, header http.Header) {
	if status < 300 || status > 599 {
		refuse("a handshake cannot be refused with the status %d", status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for range times {
		s.refusals = append(s.refusals, answer{status, header.Clone()})
	}
}

// Push sends this text, a frame, on all open links, as it is.
func (s *Server) Push(frame string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		l.send([]byte(frame))
	}
}

// StoredMessage is a message that the server keeps.
type StoredMessage struct {
	Direction protocol.MessageDirection
	Text      string
	// RequestID is that of its turn.
	RequestID string
	// Turn is how the turn of an inbound message stands.
	Turn protocol.StoredTurn
}

// Stored is what the server keeps of a conversation.
type Stored struct {
	ID       string
	Title    string
	Messages []StoredMessage // oldest first
}

// ConversationOf returns what is stored of the conversation of a session, false when there is no such session.
func (s *Server) ConversationOf(sessionID string) (Stored, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	on := s.state.sessions[sessionID]
	if on == nil {
		return Stored{}, false
	}
	told := Stored{ID: on.talk.id, Title: on.talk.shownTitle()}
	for _, m := range on.talk.messages {
		told.Messages = append(told.Messages, StoredMessage{m.direction, m.text, m.requestID, m.turn})
	}
	return told, true
}

// Messages returns the stored messages of a session's conversation, oldest first; nil when there is no such
// session.
func (s *Server) Messages(sessionID string) []StoredMessage {
	stored, _ := s.ConversationOf(sessionID)
	return stored.Messages
}
