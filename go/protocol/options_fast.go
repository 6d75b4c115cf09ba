package protocol

// fast says which ways around the full one are taken. Each gives what the full one gives; the build
// tag fullway turns all of them off, so that the tests can tell.
var fast = struct {
	// learned reads frames by comparing them with one before (learner).
	learned bool
	// rest spares machine steps for events that are an item and nothing else (turnState.rest).
	rest bool
	// cut takes plain frames out of what was read ahead, past the library (frames.plain).
	cut bool
}{learned: true, rest: true, cut: true}
