package protocol

// factsFor reads what a frame says, once.
func factsFor(event Event) stepFacts {
	var f stepFacts
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
		f.code, f.codeTerminal = stepKnown(e.Code), stepKnown(lookupCode(e.Code).terminal)
		if e.Terminal != nil {
			f.saidTerminal = stepKnown(*e.Terminal)
		}
	}
	return f
}
