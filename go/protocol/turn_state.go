package protocol

import "slices"

// QuestionKind names what a human is asked for.
type QuestionKind string

// Kinds of questions.
const (
	QuestionConfirmation QuestionKind = "confirmation"
	QuestionOTP          QuestionKind = "otp"
	QuestionInteraction  QuestionKind = "interaction"
)

var questionKinds = [...]QuestionKind{QuestionConfirmation, QuestionOTP, QuestionInteraction}

// Names of verbs, as the table of answers has them.
const (
	verbConfirm    = "confirm"
	verbVerifyOTP  = "verify_otp"
	verbSubmit     = "submit"
	verbDecline    = "decline"
	verbDeclineOTP = "decline_otp"
	verbCancel     = "cancel"
)

var questionOfVerb = map[string]QuestionKind{
	verbConfirm:    QuestionConfirmation,
	verbVerifyOTP:  QuestionOTP,
	verbDeclineOTP: QuestionOTP,
	verbSubmit:     QuestionInteraction,
	verbDecline:    QuestionInteraction,
}

var noPendingCode = map[QuestionKind]string{
	QuestionConfirmation: CodeNoPendingConfirmation,
	QuestionInteraction:  CodeNoPendingInteraction,
}

// turnStep is one effect to carry out.
type turnStep struct {
	effect
	question QuestionKind // whose machine gave it; empty for the turn's own
	verb     *verb        // that resolves or fails
}

// turnState steps a turn and its questions through the generated tables. It opens nothing, waits for
// nothing and reads no clock.
type turnState struct {
	turn      string
	questions map[QuestionKind]string
	verbs     []*verb // outstanding, oldest first
	// resting is a word that moves no machine as they stand, empty when none is known.
	resting string
	// expired says whether an open question has lapsed, seen from a frame of a type (REQ-VERB-10).
	expired func(kind QuestionKind, frameType string) bool
}

func newTurnState(expired func(QuestionKind, string) bool) turnState {
	s := turnState{turn: machines["turn"].initial, expired: expired}
	s.questions = map[QuestionKind]string{}
	for _, kind := range questionKinds {
		s.questions[kind] = machines[string(kind)].initial
	}
	return s
}

// rest finds out whether another event of that type would only be an item: the turn has one row for
// it, which asks and moves nothing, no question machine has one, and nobody waits for anything.
func (s *turnState) rest(word string) {
	if _, asked := s.open(); asked || !fast.rest || s.resting != "" {
		return
	}
	rows := machines["turn"].from(s.turn, word)
	if len(rows) == 0 || len(rows[0].guards) > 0 || rows[0].target != "" && rows[0].target != s.turn ||
		len(rows[0].effects) != 1 || rows[0].effects[0].name != "item" {
		return
	}
	for _, kind := range questionKinds {
		if len(machines[string(kind)].from(s.questions[kind], word)) > 0 {
			return
		}
	}
	s.resting = word
}

// rests says whether an event of that type is an item and nothing else.
func (s *turnState) rests(word string) bool { return word == s.resting && len(s.verbs) == 0 }

// from returns the rows that an event can take from a state, in their order.
func (m *machine) from(state, event string) []*transition {
	var found []*transition
	for _, row := range m.rows[event] {
		if len(row.sources) == 0 || slices.Contains(row.sources, state) {
			found = append(found, row)
		}
	}
	return found
}

func (s *turnState) settled() bool { return s.turn == "settled" }

// open returns the question that waits for a human, if there is one.
func (s *turnState) open() (QuestionKind, bool) {
	for _, kind := range questionKinds {
		if s.questions[kind] == "open" {
			return kind, true
		}
	}
	return "", false
}

// frame steps on an event of the turn: first the questions, then the turn.
func (s *turnState) frame(event Event) []turnStep {
	answered := s.answered(event)
	verdict := s.verdict(event, answered)
	var steps []turnStep
	for _, kind := range questionKinds {
		if s.settled() && kind != QuestionOTP {
			continue // nobody can be asked any more for a turn that is over
		}
		steps = s.question(steps, kind, event.EventType(), answered, func(guard string) bool {
			return s.questionGuard(guard, kind, event, answered, verdict)
		})
	}
	return s.own(steps, event.EventType(), func(guard string) bool {
		return eventGuard(guard, event) || guard == verdict
	})
}

// local steps all machines on a local event; unwritten says that the turn's own frame still waits
// for the link.
func (s *turnState) local(word string, unwritten bool) []turnStep {
	var steps []turnStep
	for _, kind := range questionKinds {
		steps = s.question(steps, kind, word, nil, nil)
	}
	return s.own(steps, word, func(guard string) bool { return guard == "unwritten" && unwritten })
}

// answer steps one question alone on the caller's answer.
func (s *turnState) answer(kind QuestionKind) []turnStep {
	return s.question(nil, kind, "answer", nil, nil)
}

func (s *turnState) question(
	steps []turnStep, kind QuestionKind, word string, answered *verb, holds func(string) bool,
) []turnStep {
	next, effects := machines[string(kind)].step(s.questions[kind], word, holds)
	s.questions[kind], s.resting = next, ""
	for _, e := range effects {
		step := turnStep{effect: e, question: kind}
		if e.name == "resolve" || e.name == "fail" {
			step.verb = answered
			s.forget(answered)
		}
		steps = append(steps, step)
	}
	return steps
}

func (s *turnState) own(steps []turnStep, word string, holds func(string) bool) []turnStep {
	next, effects := machines["turn"].step(s.turn, word, holds)
	s.turn, s.resting = next, ""
	for _, e := range effects {
		steps = append(steps, turnStep{effect: e})
	}
	return steps
}

// forget takes a verb off the list and reports whether it was there.
func (s *turnState) forget(v *verb) bool {
	i := slices.Index(s.verbs, v)
	if i >= 0 {
		s.verbs = slices.Delete(s.verbs, i, i+1)
	}
	return i >= 0
}

// answered returns the oldest outstanding verb that the table says the frame answers (REQ-VERB-03).
func (s *turnState) answered(event Event) *verb {
	if len(s.verbs) == 0 {
		return nil
	}
	for _, row := range answers {
		if row.event != event.EventType() || !s.inStates(row.states) {
			continue
		}
		if found, ok := event.(*ErrorEvent); ok && row.code != "" && row.code != found.Code {
			continue
		}
		if row.unless != "" && eventGuard(row.unless, event) {
			continue
		}
		for _, v := range s.verbs {
			if slices.Contains(row.verbs, v.name) {
				return v
			}
		}
		return nil
	}
	return nil
}

func (s *turnState) inStates(states map[string]string) bool {
	for machine, state := range states {
		current := s.turn
		if machine != "turn" {
			current = s.questions[QuestionKind(machine)]
		}
		if current != state {
			return false
		}
	}
	return true
}

// verdict returns the guard that an error makes true: terminal_error, verb_error or neither
// (REQ-TURN-07).
func (s *turnState) verdict(event Event, answered *verb) string {
	found, ok := event.(*ErrorEvent)
	if !ok {
		return ""
	}
	terminal := lookupCode(found.Code).terminal
	spares := answered != nil && terminal == "unless_verb"
	switch {
	case s.settled():
		if answered != nil {
			return "verb_error"
		}
		return ""
	case found.Terminal != nil && !*found.Terminal || terminal == "never":
		if spares {
			return "verb_error"
		}
		return ""
	case spares && s.turn == "running":
		return "verb_error"
	}
	return "terminal_error"
}

func (s *turnState) questionGuard(
	guard string, kind QuestionKind, event Event, answered *verb, verdict string,
) bool {
	switch guard {
	case "verb_outstanding":
		return answered != nil && questionOfVerb[answered.name] == kind
	case "no_pending":
		found, ok := event.(*ErrorEvent)
		return ok && found.Code == noPendingCode[kind]
	case "mismatch":
		found, ok := event.(*ErrorEvent)
		return ok && found.Code == CodeInteractionMismatch
	case "expired":
		return s.expired(kind, event.EventType())
	}
	return eventGuard(guard, event) || guard == verdict
}

// eventGuard holds what the event alone decides.
func eventGuard(guard string, event Event) bool {
	switch guard {
	case "status_202":
		return statusOf(event) == 202
	case "status_error":
		return statusOf(event) >= 400
	case "attempts_left":
		found, ok := event.(*OTPInvalid)
		return ok && found.AttemptsRemaining > 0
	case "tool_result":
		found, ok := event.(*StreamChunk)
		return ok && found.ToolResult() != nil
	}
	return false
}
