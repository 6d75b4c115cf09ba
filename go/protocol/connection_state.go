package protocol

// linkState steps the link through the generated table. Pure but for the current state.
type linkState struct{ current ConnectionState }

func newLinkState() linkState { return linkState{ConnectionState(connectionSteps.initial)} }

// on takes one event; ok is false when it moves nothing. closeWith is the code of the close frame
// to send, 0 for none.
func (s *linkState) on(event string) (change StateChange, closeWith int, ok bool) {
	_, effects := connectionSteps.step(string(s.current), event, &stepFacts{})
	if len(effects) == 0 {
		return StateChange{}, 0, false
	}
	acts := linkActs{}
	for _, e := range effects {
		e.do(&acts)
	}
	change = StateChange{Previous: s.current, Current: acts.next, Reason: event}
	s.current = acts.next
	return change, acts.closeWith, true
}

// linkActs takes note of what the table asks for. Rows of a client that reconnects do not fire while
// the fact autoReconnect is not known.
type linkActs struct {
	next      ConnectionState
	closeWith int
}

var _ connectionActs = &linkActs{}

func (a *linkActs) state(next stepLinkState) { a.next = ConnectionState(next) }

func (a *linkActs) close(code int) { a.closeWith = code }

func (*linkActs) fail(stepEnding) {}

func (*linkActs) schedule(stepTimer) {}

func (*linkActs) attempt(stepWhich) {}

func (*linkActs) renewToken() {}

func (*linkActs) probe() {}
