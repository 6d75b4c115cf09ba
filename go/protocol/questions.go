package protocol

import (
	"strconv"
	"time"
)

// Question is a question that waits for a human.
type Question struct {
	Kind QuestionKind
	// Event is what asked: *WriteConfirmationRequired, *OTPVerificationRequired, *OTPSent or
	// *InteractionRequired.
	Event Event
	// ExpiresIn is how long after AskedAt it lapses, 0 when the server did not say.
	ExpiresIn time.Duration
	// AskedAt is the client's time at which it came.
	AskedAt time.Time

	limited bool // ExpiresIn counts, even when it is 0
	// required is what asked for a code whose Event tells where it went; nil where nothing did.
	required *OTPVerificationRequired
}

// OTPCheck is what became of a one-time code (REQ-OTP-01).
type OTPCheck struct {
	Verified bool
	// Declined says that the code was declined and the server took note.
	Declined bool
	// AttemptsRemaining is how many tries are left; nil when the code was right.
	AttemptsRemaining *int64
	// Error is why the code was not accepted; nil when the server did not say.
	Error *OTPInvalidReason
	// Message is the server's text for a human.
	Message string
}

// SubmitResult is what became of an answer to an interaction (REQ-FORM-01).
type SubmitResult struct {
	Accepted bool
	// Errors name the fields that were not accepted; the question is open again.
	Errors []FieldError
	// Message is the server's text for a human, empty when it was accepted.
	Message string
	// Turn is the turn that began with the answer, when this client did not follow the one that asked
	// and the server goes on with it (REQ-VERB-15); else nil.
	Turn *Turn
}

// verb is one answer or cancel that waits for what the server makes of it.
type verb struct {
	name  string
	out   *outgoing // its frame; a cancel has none of its own
	named bool      // its question had an id that it echoes (REQ-RESUME-07)
	// byHandler says that a handler gave it: nobody waits for it.
	byHandler bool
	// unsure says that its frame may be lost.
	unsure bool
	stop   func() // its limit; nil while none runs
	done   chan struct{}
	event  Event
	err    error
}

// pause stops its limit.
func (v *verb) pause() {
	if v.stop != nil {
		v.stop()
		v.stop = nil
	}
}

// settle ends the wait; the first outcome counts. The mutex is held.
func (v *verb) settle(event Event, err error) {
	select {
	case <-v.done:
	default:
		v.event, v.err = event, err
		v.pause()
		close(v.done)
	}
}

// otpCheck is the value of a verify_otp that the event answered.
func otpCheck(event Event) *OTPCheck {
	switch e := event.(type) {
	case *OTPVerified:
		return &OTPCheck{Verified: true, Message: e.Message}
	case *OTPInvalid:
		left := e.AttemptsRemaining
		return &OTPCheck{AttemptsRemaining: &left, Error: e.Error, Message: e.Message}
	}
	return &OTPCheck{Declined: true}
}

// submitResult is the value of a submit or decline that the event answered.
func submitResult(event Event) *SubmitResult {
	if e, ok := event.(*InteractionInvalid); ok {
		return &SubmitResult{Errors: e.Errors, Message: e.Message}
	}
	return &SubmitResult{Accepted: true}
}

// questions holds the questions of one turn with their limits (REQ-TURN-13, REQ-VERB-10).
type questions struct {
	router  *router
	lapse   func()
	current map[QuestionKind]*Question
	stops   map[QuestionKind]func()
}

func newQuestions(r *router, lapse func()) *questions {
	return &questions{r, lapse, map[QuestionKind]*Question{}, map[QuestionKind]func(){}}
}

// opened takes note of a question.
func (q *questions) opened(kind QuestionKind, event Event) {
	asked := &Question{Kind: kind, Event: event, AskedAt: q.router.options.Clock.Now()}
	asked.ExpiresIn, asked.limited = durationOf(kind, event)
	if required, ok := event.(*OTPVerificationRequired); ok {
		asked.required = required
	} else if before := q.current[kind]; before != nil {
		asked.required = before.required
	}
	q.current[kind] = asked
}

// start begins the limit of the question anew; one that has an age already has so much less.
func (q *questions) start(kind QuestionKind, age time.Duration) {
	q.answered(kind)
	asked := q.current[kind]
	limit := q.router.options.QuestionTimeout
	if asked == nil || limit == 0 {
		return
	}
	if asked.limited {
		limit = asked.ExpiresIn + limitQuestionMargin
	}
	if age > 0 {
		limit = max(resumeLeast, limit-age)
	}
	q.stops[kind] = armed(q.router, limit, q.lapse)
}

// answered stops the limit of the question.
func (q *questions) answered(kind QuestionKind) {
	if stop := q.stops[kind]; stop != nil {
		stop()
		delete(q.stops, kind)
	}
}

// shut forgets the question.
func (q *questions) shut(kind QuestionKind) {
	q.answered(kind)
	delete(q.current, kind)
}

// stop ends every limit: the turn has settled, or is suspended.
func (q *questions) stop() {
	for i := range stepQuestions {
		q.answered(kindOfQuestion(i))
	}
}

// expired says whether an event that is word to the machines shows that the question lapsed.
func (q *questions) expired(kind QuestionKind, event Event, word string, resuming *resuming) bool {
	asked := q.current[kind]
	if asked == nil || !asked.limited {
		return word == TypeStreamToken
	}
	passed, told := resuming.passed(asked.Event, event)
	if !told {
		passed = q.router.options.Clock.Now().Sub(asked.AskedAt)
	}
	return passed >= asked.ExpiresIn
}

// durationOf returns the distance of expiry, as the table names it, and writing, both by the server's
// clock (REQ-TURN-13).
func durationOf(kind QuestionKind, event Event) (time.Duration, bool) {
	expires, ends := numberOf(event, questionRows[string(kind)].duration)
	written, begins := numberOf(event, "timestamp")
	if !ends || !begins {
		return 0, false
	}
	distance := max(expires-written, 0)
	if distance > limitQuestionLongest.Milliseconds() {
		return 0, false
	}
	return time.Duration(distance) * time.Millisecond, true
}

// numberOf returns a fact of an event that is a whole number.
func numberOf(event Event, name string) (number int64, ok bool) {
	e, typed := event.(wireEvent)
	if !typed {
		return 0, false
	}
	for i, fact := range facts[e.EventType()] {
		var text encoder
		if fact.name == name && factOf(e, i, &text) {
			number, err := strconv.ParseInt(string(text.b), 10, 64)
			return number, err == nil
		}
	}
	return 0, false
}
