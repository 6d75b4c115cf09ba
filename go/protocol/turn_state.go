package protocol

import "slices"

// Names of verbs, as the tables have them.
const (
	verbConfirm    = "confirm"
	verbVerifyOTP  = "verify_otp"
	verbSubmit     = "submit"
	verbDecline    = "decline"
	verbDeclineOTP = "decline_otp"
	verbCancel     = "cancel"
)

// Words of the states that the client asks for.
const (
	stateRunning = "running"
	stateSettled = "settled"
	stateOpen    = "open"
	stateNone    = "none"
)

// turnStep is one effect to carry out.
type turnStep struct {
	do       func(turnActs)
	question QuestionKind // whose machine gave it; empty for the turn's own
	verb     *verb        // that the step is about, nil for none
}

// turnState steps a turn and its questions through the generated tables. It opens nothing, waits for
// nothing and reads no clock.
type turnState struct {
	turn      string
	before    string   // the turn before the last step
	questions []string // of stepQuestions, which step before the turn
	verbs     []*verb  // outstanding, oldest first
	// resting is a word that moves no machine as they stand, empty when none is known.
	resting string
	// expired says whether an open question has lapsed, seen from an event that is word to the machines
	// (REQ-VERB-10).
	expired func(kind QuestionKind, event Event, word string) bool
}

func newTurnState(expired func(QuestionKind, Event, string) bool) turnState {
	s := turnState{turn: turnSteps.initial, expired: expired}
	for _, m := range stepQuestions {
		s.questions = append(s.questions, m.initial)
	}
	return s
}

func kindOfQuestion(i int) QuestionKind { return QuestionKind(stepQuestions[i].name) }

// machineOf returns which of stepQuestions is that of a kind, -1 for a kind that there is not.
func machineOf(kind QuestionKind) int {
	return slices.IndexFunc(stepQuestions, func(m *stepMachine[turnActs]) bool { return m.name == string(kind) })
}

// question returns the state of the machine of a kind.
func (s *turnState) question(kind QuestionKind) string {
	if i := machineOf(kind); i >= 0 {
		return s.questions[i]
	}
	return stateNone
}

// rest finds out whether another event of that type would only be an item: the table says so, nobody
// is asked, and nobody waits for anything.
func (s *turnState) rest(word string) {
	if _, asked := s.open(); !asked && fast.rest && turnSteps.quiet[s.turn][word] {
		s.resting = word
	}
}

// rests says whether an event of that type is an item and nothing else.
func (s *turnState) rests(word string) bool { return word == s.resting && len(s.verbs) == 0 }

func (s *turnState) settled() bool { return s.turn == stateSettled }

// open returns the question that waits for a human, if there is one.
func (s *turnState) open() (QuestionKind, bool) {
	for i, state := range s.questions {
		if state == stateOpen {
			return kindOfQuestion(i), true
		}
	}
	return "", false
}

// asksOne says whether exactly one question waits for a human.
func (s *turnState) asksOne() bool {
	count := 0
	for _, state := range s.questions {
		if state == stateOpen {
			count++
		}
	}
	return count == 1
}

// frame steps on an event of the turn, which is word to the machines. The facts are all that the event
// does not tell by itself.
func (s *turnState) frame(event Event, word string, facts stepFacts) []turnStep {
	facts = factsFor(event, facts)
	verb := s.answered(word, &facts)
	for i := range stepQuestions {
		if kind := kindOfQuestion(i); s.questions[i] == stateOpen && s.expired(kind, event, word) {
			facts.expired = append(facts.expired, string(kind))
		}
	}
	return s.step(word, &facts, verb)
}

// local steps on a local event, which may be about one verb; nil = about none.
func (s *turnState) local(word string, facts stepFacts, verb *verb) []turnStep {
	if verb != nil {
		facts.verb, facts.named = stepKnown(verb.name), stepKnown(verb.named)
	}
	return s.step(word, &facts, verb)
}

// step passes all question machines, then the turn. What settles the turn is told to the questions in
// the same step (REQ-TURN-27).
func (s *turnState) step(word string, facts *stepFacts, verb *verb) []turnStep {
	var steps []turnStep
	over := s.settled()
	for i, m := range stepQuestions {
		if !over || questionRows[m.name].outlivesTurn {
			steps = s.ask(steps, i, word, facts, verb)
		}
	}
	s.resting = ""
	next, effects := turnSteps.step(s.turn, word, facts)
	s.before, s.turn = s.turn, next
	if !over && s.settled() {
		for i := range stepQuestions {
			steps = s.ask(steps, i, "settle", facts, nil)
		}
	}
	for _, e := range effects {
		steps = append(steps, turnStep{do: e.do, verb: verb})
	}
	return steps
}

// answer steps one question alone on the caller's answer.
func (s *turnState) answer(kind QuestionKind) []turnStep {
	s.resting = ""
	return s.ask(nil, machineOf(kind), "answer", &stepFacts{}, nil)
}

func (s *turnState) ask(steps []turnStep, i int, word string, facts *stepFacts, verb *verb) []turnStep {
	next, effects := stepQuestions[i].step(s.questions[i], word, facts)
	s.questions[i] = next
	for _, e := range effects {
		steps = append(steps, turnStep{e.do, kindOfQuestion(i), verb})
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

// answered returns the oldest outstanding verb that the table says the frame answers (REQ-VERB-03),
// and adds it to the facts.
func (s *turnState) answered(word string, facts *stepFacts) *verb {
	if len(s.verbs) == 0 {
		return nil
	}
	names := answering(word, facts)
	for _, v := range s.verbs {
		if slices.Contains(names, v.name) {
			facts.verb = stepKnown(v.name)
			return v
		}
	}
	return nil
}
