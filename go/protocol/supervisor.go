package protocol

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"time"
)

// sink takes what the link reads and hears of its end. The client's mutex is held during all calls;
// none may block. sought says that another attempt follows, and that what waits for a link may go on
// waiting.
type sink interface {
	eventReceived(event Event)
	batchEnded()
	brokenReceived(broken *DecodeError)
	linkEnded(end ending, sought bool)
	// linkOpened writes what goes before all that waits for the link.
	linkOpened()
	attemptFailed(err error, sought bool)
	closing()
	// ownID draws the id of a ping of the client's own, whose answer is nobody's; "" where the source
	// of ids broke.
	ownID() string
}

// Close codes of the client's own.
const closeNoPong = 4408

// supervisor owns the link of one client: the attempt, the socket, its state and the frames that
// wait for it. Every event goes the same way: first the machine of the link, then the frames that wait,
// then calls and turns; an attempt that follows begins when all that is done. Fields are guarded by the
// client's mutex.
type supervisor struct {
	options   Options
	mu        *sync.Mutex
	listeners *listeners
	sink      sink

	state    linkState
	seeking  seeking
	liveness liveness
	attempt  *attempt
	waited   *waiting // what those in Connect wait for; nil while nobody does
	link     *link
	before   *link  // the one before, which may still be parting
	lost     ending // how the last link was lost; zero when none was
	outbox   outbox
	tap      *frameTap
	watch    *watch
	counters Counters // but for the open turns
	// sessionKnown says that a session was opened or found: events of it may be missed (REQ-CONN-42).
	sessionKnown bool
	// queued is what runs after this step.
	queued []func()
	// running holds the goroutines of attempts and links; close waits for them. handlers holds those of
	// handlers, which may not return.
	running, handlers map[chan struct{}]struct{}
}

func newSupervisor(options Options, mu *sync.Mutex, listeners *listeners, sink sink, watch *watch) *supervisor {
	s := &supervisor{
		options: options, mu: mu, listeners: listeners, sink: sink, state: newLinkState(),
		tap: newFrameTap(options, listeners), watch: watch, running: map[chan struct{}]struct{}{},
		handlers: map[chan struct{}]struct{}{},
	}
	s.seeking = newSeeking(&s.options, mu, func() { s.happens("retry_due") })
	s.liveness = liveness{options: &s.options, mu: mu, happened: s.timerDue}
	s.outbox.flushedOne = func() { s.counters.FramesOut++ }
	s.outbox.now = options.Clock.Now
	return s
}

// spawn runs f on a goroutine that close waits for and returns what is closed at its end. The mutex is
// held.
func (s *supervisor) spawn(f func()) <-chan struct{} {
	done := make(chan struct{})
	s.running[done] = struct{}{}
	go func() {
		defer s.ended(s.running, done)
		f()
	}()
	return done
}

// later runs f after this step, on a goroutine that close waits for, with the mutex held; what is to run
// later runs in order. The mutex is held.
func (s *supervisor) later(f func()) {
	if s.queued = append(s.queued, f); len(s.queued) > 1 {
		return
	}
	s.spawn(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for len(s.queued) > 0 {
			s.queued[0]()
			s.queued = s.queued[1:]
		}
	})
}

// beside runs a handler on a goroutine of its own; close waits for its end, inside its limit. The mutex is
// held.
func (s *supervisor) beside(f func()) {
	done := make(chan struct{})
	s.handlers[done] = struct{}{}
	go runHandler(f, func() { s.ended(s.handlers, done) })
}

func (s *supervisor) ended(among map[chan struct{}]struct{}, done chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(among, done)
	close(done)
}

// runHandler is the first function of every goroutine that a handler runs on.
func runHandler(f, ended func()) {
	defer ended()
	f()
}

// insideHandler says whether a handler is the caller, of whatever client.
func insideHandler() bool {
	var callers [64]uintptr
	for skip := 1; ; skip += len(callers) {
		n := runtime.Callers(skip, callers[:])
		frames := runtime.CallersFrames(callers[:n])
		for more := n > 0; more; {
			var frame runtime.Frame
			frame, more = frames.Next()
			if frame.Function == handlerFunction {
				return true
			}
		}
		if n < len(callers) {
			return false
		}
	}
}

var handlerFunction = runtime.FuncForPC(reflect.ValueOf(runHandler).Pointer()).Name()

// happens takes an event that ends nothing. The mutex is held.
func (s *supervisor) happens(word string) {
	s.step(word, hopeless, ending{}, nil)
	s.beginAttempt()
}

// timerDue takes an event of a timer of the open link.
func (s *supervisor) timerDue(word string) {
	if word == "pong_timeout" || word == "probe_failed" {
		s.end(ending{word: word, code: closeNoPong})
		return
	}
	s.happens(word)
}

// wake asks the link whether it lives, or ends the wait for another one (REQ-CONN-35, REQ-CONN-39).
func (s *supervisor) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happens("wake")
}

// step moves the state machine and carries out what it says. The mutex is held.
func (s *supervisor) step(word string, o outlook, end ending, err error) *news {
	n := &news{word: word, previous: s.state.current, end: end, err: err}
	for _, e := range s.state.on(word, s.seeking.facts(o)) {
		e.do(linkActs{s, n, o})
	}
	return n
}

// tell reports a move of the link, or a wait.
func (s *supervisor) tell(n *news) {
	current := s.state.current
	foundAgain := n.previous == ConnectionStateReconnecting && current == ConnectionStateOpen
	change := StateChange{
		Previous: n.previous, Current: current, Reason: n.word,
		CloseCode: n.end.code, CloseReason: n.end.reason, Err: n.err,
		Attempt: n.attempt, RetryIn: n.retryIn, Missed: foundAgain && s.sessionKnown,
	}
	n.told = true
	s.log(n)
	tell(s.listeners, &s.listeners.state, change)
}

// log says in one line what happened, also behind the caller's back (REQ-CONN-41).
func (s *supervisor) log(n *news) {
	level, facts := slog.LevelInfo, []any{"from", n.previous, "to", s.state.current, "reason", n.word}
	if n.end.code != 0 {
		facts = append(facts, "closeCode", n.end.code)
	}
	if n.err != nil {
		facts = append(facts, "kind", Kind(n.err))
	}
	if n.attempt > 0 {
		facts = append(facts, "attempt", n.attempt, "retryIn", n.retryIn)
	}
	if n.word != "close" && s.state.over() && n.previous != ConnectionStateConnecting {
		level = slog.LevelWarn
	}
	s.options.Logger.Log(context.Background(), level, "link", facts...)
}

// adopt takes over an open socket. The mutex is held.
func (s *supervisor) adopt(t wire) {
	l := newLink(s, t)
	s.link = l
	s.counters.Connects++
	if s.state.current == ConnectionStateReconnecting {
		s.counters.Reconnects++
	}
	s.step("opened", hopeless, ending{}, nil)
	s.liveness.begin()
	s.answer(nil)
	s.outbox.linkReady(l, s.sink.linkOpened)
	s.spawn(l.read)
	l.written = s.spawn(l.write)
}

// submit queues a frame for the link, also for one that an attempt may bring; else it says why the
// action cannot start. The mutex is held.
func (s *supervisor) submit(o *outgoing) (refusal string) {
	if s.link == nil {
		if refusal = s.refusal(); refusal != "" {
			o.on(refusal, false)
			return refusal
		}
	}
	s.outbox.put(o)
	if s.state.over() {
		s.seek()
	}
	return ""
}

// linked says whether a frame that is written now leaves at once.
func (s *supervisor) linked() bool { return s.link != nil }

// put writes a frame that belongs to what began before, or keeps it for the link that is sought, however
// many wait already. Where no link is sought it is dropped. The mutex is held.
func (s *supervisor) put(o *outgoing) {
	if s.link == nil && !s.state.sought() {
		o.on("not_connected", false)
		return
	}
	s.outbox.put(o)
}

// refusal says why no action may start without a link (REQ-CONN-09, REQ-CONN-40).
func (s *supervisor) refusal() string {
	switch {
	case s.state.over() && !s.options.Lazy,
		s.state.current == ConnectionStateReconnecting && s.options.QueuePolicy == QueuePolicyFailFast:
		return "not_connected"
	case s.outbox.full(*s.options.QueueLimit):
		return "queue_full"
	}
	return ""
}

// writePing writes a ping of the client's own (REQ-CONN-38).
func (s *supervisor) writePing() {
	if id := s.sink.ownID(); id != "" {
		action := Ping{RequestID: id}
		text, _ := EncodeAction(action) // a string: nothing in it can fail
		s.outbox.put(newOutgoing(action, id, "", text))
	}
}

// end takes the link down for a reason of the connection machine. The mutex is held.
func (s *supervisor) end(end ending) {
	if s.link == nil {
		return
	}
	s.part()
	n := s.step(end.word, afterClose(end.code), end, nil)
	s.lost = n.end
	s.outbox.linkGone(end.word, s.state.sought())
	s.sink.linkEnded(n.end, s.state.sought())
	s.beginAttempt()
}

// part begins the end of the link, if there is one, and of the wait for another. The mutex is held.
func (s *supervisor) part() {
	if l := s.link; l != nil {
		s.link, s.before = nil, l
		l.part()
	}
	s.liveness.end()
	s.seeking.stop()
}

// close takes the link down and settles everything; see Client.Close.
func (s *supervisor) close() {
	before := s.listeners.call()
	s.mu.Lock()
	a := s.attempt
	s.attempt = nil
	s.part()
	s.step("close", hopeless, ending{}, nil)
	s.outbox.linkGone("close", false)
	closed := newError(leafClientClosed, AgentError{host: s.options.host})
	s.answer(closed)
	s.sink.closing()
	if a != nil {
		a.cancel(errors.New("the client was closed"))
		s.watch.attempt(s.options.host, closed)
	}
	running, handlers := slices.Collect(maps.Keys(s.running)), slices.Collect(maps.Keys(s.handlers))
	s.mu.Unlock()
	limit := max(s.options.CloseTimeout, partingGrace)
	began := time.Now()
	for _, done := range running {
		<-done // what still runs ends with the socket, which part bounds
	}
	if len(handlers) > 0 && insideHandler() {
		handlers = nil // one of them is who waits here
	}
	for _, done := range handlers {
		closedWithin(max(limit-time.Since(began), partingGrace), done)
	}
	s.listeners.drain(max(limit-time.Since(began), partingGrace), before)
}

// guarded runs code of the application; what it panics with is logged and disturbs nothing.
func guarded(log *slog.Logger, what string, f func()) {
	defer func() {
		if reason := recover(); reason != nil {
			log.Error(what+" panicked", "type", fmt.Sprintf("%T", reason))
		}
	}()
	f()
}
