package protocol

import "context"

// RecoveryStatus says what the history proves of a message.
type RecoveryStatus string

// What the history can prove of a message.
const (
	// RecoveryAnswered: the answer was given; [Recovery.Message] is it.
	RecoveryAnswered RecoveryStatus = "answered"
	// RecoveryNotAnswered: the message came, and its turn is over without an answer.
	RecoveryNotAnswered RecoveryStatus = "not_answered"
	// RecoveryNotDelivered: the message never came; it is safe to send it again.
	RecoveryNotDelivered RecoveryStatus = "not_delivered"
	// RecoveryUnknown: the history proves none of the others.
	RecoveryUnknown RecoveryStatus = "unknown"
)

// Recovery is what the history proves of the message of a turn (REQ-TURN-30).
type Recovery struct {
	Status RecoveryStatus
	// Message is the answer, nil where none was given.
	Message *ConversationMessage
}

// recoveryTells is the capability word of servers whose histories name requestIds.
const recoveryTells = "spec_1_2"

// recoverMessage looks for the message of a requestId in the newest pages. fetch gets the cursor of a
// page, "" for the newest one; tells says whether the server names requestIds in its history.
func recoverMessage(
	requestID string, tells bool, fetch func(cursor string) (*MessagePage, error),
) (*Recovery, error) {
	var answer *ConversationMessage
	cursor := ""
	for range limitRecoverPages {
		page, err := fetch(cursor)
		if err != nil {
			return nil, err
		}
		for i := range page.Messages {
			message := &page.Messages[i]
			switch {
			case message.RequestID == nil || *message.RequestID != requestID:
			case message.Direction == MessageDirectionInbound:
				return recovered(message, answer), nil
			case answer == nil:
				answer = message
			}
		}
		next, ok := page.NextCursor.Get()
		if !page.HasMore || !ok || next == "" {
			if tells && answer == nil {
				return &Recovery{Status: RecoveryNotDelivered}, nil
			}
			break
		}
		cursor = next
	}
	return &Recovery{Status: RecoveryUnknown}, nil
}

// recovered judges by what is stored of the message and of its answer.
func recovered(message, answer *ConversationMessage) *Recovery {
	var turn StoredTurn
	if message.Turn != nil {
		turn = *message.Turn
	}
	switch turn {
	case StoredTurnCompleted:
		if answer != nil {
			return &Recovery{RecoveryAnswered, answer}
		}
		return &Recovery{Status: RecoveryNotAnswered}
	case StoredTurnCancelled, StoredTurnFailed:
		return &Recovery{Status: RecoveryNotAnswered}
	}
	return &Recovery{Status: RecoveryUnknown}
}

// Recover tells what became of the message, as [Turn.Recover].
func (e *TurnInterruptedError) Recover(ctx context.Context) (*Recovery, error) {
	if e.recovery == nil {
		return nil, invalidArgument("a TurnInterruptedError that no client made has no history")
	}
	return e.recovery(ctx)
}
