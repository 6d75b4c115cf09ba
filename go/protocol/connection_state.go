package protocol

import "strconv"

// ConnectionState is a state of the link.
type ConnectionState string

// States of the link. StateReconnecting is reserved for the reconnecting client.
const (
	StateIdle         ConnectionState = "idle"
	StateConnecting   ConnectionState = "connecting"
	StateOpen         ConnectionState = "open"
	StateReconnecting ConnectionState = "reconnecting"
	StateClosed       ConnectionState = "closed"
)

// linkState steps the link through the generated table. Pure but for the current state.
type linkState struct{ current ConnectionState }

func newLinkState() linkState {
	return linkState{ConnectionState(machines["connection"].initial)}
}

// on takes one event; ok is false when it moves nothing. closeWith is the code of the close frame
// to send, 0 for none.
func (s *linkState) on(event string) (change StateChange, closeWith int, ok bool) {
	next, effects := machines["connection"].step(string(s.current), event, nil)
	if len(effects) == 0 {
		return StateChange{}, 0, false
	}
	change = StateChange{Previous: s.current, Current: ConnectionState(next), Reason: event}
	s.current = change.Current
	for _, e := range effects {
		if e.name == "close" {
			closeWith, _ = strconv.Atoi(e.args[0])
		}
	}
	return change, closeWith, true
}
