package protocol

// Counters are the counts of one client since it was made, as they stood when they were asked for
// (REQ-LOG-03).
type Counters struct {
	// Connects are the links that opened.
	Connects int64
	// Reconnects are those of them that were found again after a loss.
	Reconnects int64
	// FramesIn are the messages that came, of any kind.
	FramesIn int64
	// FramesOut are the messages that a socket took.
	FramesOut int64
	// DroppedFrames are the messages that were malformed (REQ-WIRE-04).
	DroppedFrames int64
	// OpenTurns are the turns that have no outcome yet.
	OpenTurns int64
	// ResumedTurns is how often a turn that was suspended went on (REQ-RESUME-04).
	ResumedTurns int64
}
