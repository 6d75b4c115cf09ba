package protocol

// factsFor adds what a frame says to what else is known, once.
func factsFor(event Event, f stepFacts) stepFacts {
	switch e := event.(type) {
	case *ImmediateResponse:
		if e.Status != nil {
			f.status = stepKnown(*e.Status)
		}
	case *EventualResponse:
		f.status = stepKnown(e.Status)
	case *Cancelled:
		f.status = stepKnown(e.Status)
	case *OTPInvalid:
		f.attemptsRemaining = stepKnown(e.AttemptsRemaining)
	case *StreamChunk:
		f.toolResult = stepKnown(e.ToolResult() != nil)
	case *ErrorEvent:
		row := lookupCode(e.Code)
		f.code, f.codeTerminal, f.errorRetryable = stepKnown(e.Code), stepKnown(row.terminal), stepKnown(row.retryable)
		if e.Terminal != nil {
			f.saidTerminal = stepKnown(*e.Terminal)
		}
	}
	return f
}
