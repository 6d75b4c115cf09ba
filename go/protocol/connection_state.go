package protocol

import "time"

// linkState steps the link through the generated table. Pure but for the current state.
type linkState struct{ current ConnectionState }

func newLinkState() linkState { return linkState{ConnectionState(connectionSteps.initial)} }

// sought says whether an attempt runs or follows: what waits for a link goes on waiting.
func (s *linkState) sought() bool {
	return s.current == ConnectionStateConnecting || s.current == ConnectionStateReconnecting
}

// over says whether there is neither a link nor the search for one.
func (s *linkState) over() bool {
	return s.current == ConnectionStateIdle || s.current == ConnectionStateClosed
}

// on steps on one event and returns what is to be done about it, in order.
func (s *linkState) on(event string, facts stepFacts) []stepEffect[connectionActs] {
	next, effects := connectionSteps.step(string(s.current), event, &facts)
	s.current = ConnectionState(next)
	return effects
}

// news is what the state event of a step will say.
type news struct {
	word     string
	previous ConnectionState
	end      ending
	err      error
	attempt  int
	retryIn  time.Duration
	told     bool
}

// linkActs carries out what the table asks for in one step of the link.
type linkActs struct {
	*supervisor
	news    *news
	outlook outlook
}

var _ connectionActs = linkActs{}

func (a linkActs) state(stepLinkState) { a.tell(a.news) }

func (a linkActs) close(code int) {
	if a.news.end.code == 0 {
		a.news.end.code = code
	}
	a.before.writer.end(code)
}

// fail gives the link up; with the error of the attempt there is nothing to add.
func (a linkActs) fail(kind stepEnding) {
	if kind == stepEndingAttempt {
		return
	}
	cause := a.news.err
	if cause == nil {
		cause = a.seeking.err
	}
	a.news.err = newError(leafOfKind[ErrorKind(kind)], AgentError{host: a.options.host, cause: cause})
}

func (a linkActs) schedule(stepTimer) {
	a.news.attempt = a.seeking.number()
	a.news.retryIn = a.seeking.schedule(a.outlook)
}

func (a linkActs) attempt(which stepWhich) {
	switch {
	case which == stepWhichReset:
		a.seeking.beginAnew()
	case a.supervisor.attempt == nil:
		a.seeking.attempt()
	}
}

func (a linkActs) renewToken() {
	a.seeking.renew()
	a.news.attempt = a.seeking.number()
}

func (a linkActs) ping() {
	a.writePing()
	a.liveness.pinged()
}

func (a linkActs) probe() {
	a.writePing()
	a.liveness.probed()
}
