package protocol

import (
	"context"
	"iter"
	"sync"
)

// Client speaks the protocol over one WebSocket. Make one with [New]. All methods are safe for
// concurrent use.
type Client struct {
	options    Options
	mu         sync.Mutex // guards every room of this client
	listeners  *listeners
	connection *supervisor
	router     *router
	line       *turnLine
	sessions   sessions
	implied    []string // capability words of every session
}

// New returns a client that is idle: nothing was opened, no goroutine runs. Malformed options are
// refused with an error that matches [ErrInvalidArgument] (REQ-CONN-01).
func New(options Options) (*Client, error) {
	options, err := options.resolve()
	if err != nil {
		return nil, err
	}
	c := &Client{options: options, implied: implied(&options), line: newTurnLine(&options)}
	c.listeners = newListeners(options.Logger)
	watch := newWatch(options.Observer, c.listeners)
	c.router = &router{
		options: options, mu: &c.mu, listeners: c.listeners, watch: watch,
		owners: map[string]inFlight{}, settled: map[string]struct{}{},
	}
	c.connection = newSupervisor(options, &c.mu, c.listeners, c.router, watch)
	c.router.connection = c.connection
	return c, nil
}

// String names the server without what may be secret.
func (c *Client) String() string { return "protocol.Client(" + safeURL(c.options.URL) + ")" }

// GoString is String.
func (c *Client) GoString() string { return c.String() }

// Connect opens the link; it does nothing when the link is open, and joins an attempt that runs
// (REQ-CONN-03). A failure is a [*ConnectError] and leaves the client idle; with
// Options.RetryInitialConnect attempts follow, and Connect waits for the link or for the end of the
// attempts (REQ-CONN-04). While a lost link is sought it ends the wait before the next attempt and
// returns what comes of that one (REQ-CONN-35). After Close or a lost link it may be called again.
func (c *Client) Connect(ctx context.Context) error { return c.connection.connect(ctx) }

// Close closes the link and settles everything in flight with [ErrClientClosed]. It may be called at
// any time and any number of times and always returns nil. Once it has returned, nothing of the
// client runs any more (REQ-CONN-05). A listener may call it: one that was running already and does not
// return within 20ms is not waited for, and what it has not been told yet follows when it returns.
func (c *Client) Close() error {
	c.connection.close()
	return nil
}

// Wake says that the machine slept, or has a network again: an open link is asked whether it lives, the
// wait for another one ends (REQ-CONN-35, REQ-CONN-39). It does nothing in any other state.
func (c *Client) Wake() { c.connection.wake() }

// State returns the state of the link.
func (c *Client) State() ConnectionState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connection.state.current
}

// Counters returns what the client has counted so far.
func (c *Client) Counters() Counters {
	c.mu.Lock()
	defer c.mu.Unlock()
	counted := c.connection.counters
	for _, owner := range c.router.owners {
		if turn, ok := owner.(*Turn); ok && !turn.decided() {
			counted.OpenTurns++
		}
	}
	return counted
}

// OnState calls listener for every move of the link and for every wait for another attempt, in order, one call at a time, on a goroutine of
// the client (REQ-CONN-07). The returned function removes it.
func (c *Client) OnState(listener func(StateChange)) (remove func()) {
	return listen(c.listeners, &c.listeners.state, listener)
}

// States returns the moves of the link from the call on, until ctx ends. A reader that is slow holds
// up nobody.
func (c *Client) States(ctx context.Context) iter.Seq[StateChange] {
	var mu sync.Mutex
	var moves []StateChange
	more := make(chan struct{}, 1)
	remove := c.OnState(func(change StateChange) {
		mu.Lock()
		defer mu.Unlock()
		moves = append(moves, change)
		select {
		case more <- struct{}{}:
		default:
		}
	})
	context.AfterFunc(ctx, remove)
	return func(yield func(StateChange) bool) {
		defer remove()
		for {
			mu.Lock()
			seen := moves
			moves = nil
			mu.Unlock()
			for _, change := range seen {
				if !yield(change) {
					return
				}
			}
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
		}
	}
}

// OnEvent calls listener for every event that no turn and no call owns (REQ-WIRE-12), as OnState
// does.
func (c *Client) OnEvent(listener func(Event)) (remove func()) {
	return listen(c.listeners, &c.listeners.event, listener)
}

// OnFrame calls listener for every frame, both ways (REQ-LOG-02), as OnState does. A listener that
// panics is removed.
func (c *Client) OnFrame(listener func(FrameInfo)) (remove func()) {
	return listen(c.listeners, &c.listeners.frame, listener)
}

// SendMessage says something and returns the turn at once; its frame is queued (REQ-TURN-01). The
// context governs the turn: when it ends, iterations end with its error and the server is told to
// stop, unless the turn was detached. Handlers answer the questions of this turn and come before the
// client's, the last ones first (REQ-ASK-01). A refused argument is in [Turn.Err].
func (c *Client) SendMessage(ctx context.Context, action SendMessage, handlers ...Handlers) *Turn {
	text, encodeErr := frameOf(action, "requestId")
	if encodeErr == nil && action.RequestID == "" && ctx.Err() == nil {
		action.RequestID = c.options.IDGenerator()
		text, encodeErr = EncodeAction(action)
	}
	session := c.around(action.SessionID)
	for i := range handlers {
		if err := handlers[i].check(); encodeErr == nil {
			encodeErr = err
		}
		session.handlers = merged(session.handlers, &handlers[i])
	}
	t := newTurn(ctx, c.router, action, session)
	c.mu.Lock()
	defer c.mu.Unlock()
	if encodeErr == nil {
		encodeErr = c.router.check(action.RequestID)
	}
	if encodeErr != nil {
		t.refuse(encodeErr)
		return t
	}
	if ctx.Err() != nil {
		t.native = true
		t.stop()
		return t
	}
	c.router.add(action.RequestID, t)
	c.router.watch.turnStarted(action.RequestID, action.SessionID)
	t.again = func(requestID string) *outgoing {
		action.RequestID = requestID
		text, _ := EncodeAction(action) // as before, but for the id
		return newOutgoing(action, requestID, action.SessionID, text)
	}
	t.out = newOutgoing(action, action.RequestID, action.SessionID, text)
	c.line.enter(t)
	if !t.decided() {
		t.unbind = context.AfterFunc(ctx, t.abandoned)
	}
	return t
}
