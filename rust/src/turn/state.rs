//! All machines of a turn: those of its questions, then its own. Pure: opens nothing, waits for
//! nothing, reads no clock.

use crate::wire::steps::{
    Facts, QUESTION_MACHINES, QUESTIONS, QuestionKind, QuestionState, Signal, TURN, TurnEffect,
    TurnState,
};

/// One thing to do, and from which question's machine it comes; none = from the turn's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) effect: TurnEffect,
    pub(crate) question: Option<QuestionKind>,
}

/// Where a turn and its questions stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    turn: TurnState,
    questions: [QuestionState; QUESTIONS],
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            turn: TURN.initial,
            questions: QUESTION_MACHINES.map(|machine| machine.initial),
        }
    }

    pub(crate) fn turn(&self) -> TurnState {
        self.turn
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.turn == TurnState::Suspended
    }

    /// The turn waits to be taken up, whatever it did before: nobody here has it (REQ-RESUME-12).
    pub(crate) fn suspend(&mut self) {
        self.turn = TurnState::Suspended;
    }

    pub(crate) fn question(&self, kind: QuestionKind) -> QuestionState {
        self.questions[kind as usize]
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.turn == TurnState::Settled
    }

    /// The questions that wait for a human, in the order of the tables.
    pub(crate) fn open(&self) -> impl Iterator<Item = QuestionKind> + '_ {
        let all = QuestionKind::ALL.into_iter();
        all.filter(|kind| self.question(*kind) == QuestionState::Open)
    }

    /// Whether a question still stands that outlives its turn.
    pub(crate) fn outlived(&self) -> bool {
        QuestionKind::ALL.into_iter().any(|kind| {
            kind.row().outlives_turn
                && self.question(kind) != QUESTION_MACHINES[kind as usize].initial
        })
    }

    /// Whether a signal only adds an item, while all questions rest.
    pub(crate) fn is_quiet(&self, signal: Signal) -> bool {
        let resting = QUESTION_MACHINES.iter().zip(&self.questions);
        TURN.is_quiet(self.turn, signal)
            && resting.fold(true, |all, (machine, state)| {
                all && *state == machine.initial
            })
    }

    /// Steps on a frame or on what happened here: through the machines of the questions, then the
    /// turn's. What settles the turn is told to the questions in the same step (REQ-TURN-27).
    pub(crate) fn step(&mut self, signal: Signal, facts: &Facts) -> Vec<Step> {
        let mut steps = Vec::new();
        let over = self.is_settled();
        for kind in QuestionKind::ALL {
            if !over || kind.row().outlives_turn {
                self.ask(kind, signal, facts, &mut steps);
            }
        }
        let (next, effects) = TURN.step(self.turn, signal, facts);
        self.turn = next;
        if !over && self.is_settled() {
            self.settle(facts, &mut steps);
        }
        steps.extend(effects.iter().map(|effect| Step {
            effect: *effect,
            question: None,
        }));
        steps
    }

    /// Steps one question on the caller's answer.
    pub(crate) fn answer(&mut self, kind: QuestionKind) -> Vec<Step> {
        let mut steps = Vec::new();
        self.ask(kind, Signal::Answer, &Facts::default(), &mut steps);
        steps
    }

    /// The turn was refused before it began.
    pub(crate) fn refuse(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        self.turn = TurnState::Settled;
        self.settle(&Facts::default(), &mut steps);
        steps
    }

    /// The server accepted the turn before this client began it (REQ-VERB-15).
    pub(crate) fn accept(&mut self) {
        let facts = Facts {
            status: Some(202),
            ..Facts::default()
        };
        self.step(Signal::ImmediateResponse, &facts);
    }

    fn settle(&mut self, facts: &Facts, steps: &mut Vec<Step>) {
        for kind in QuestionKind::ALL {
            self.ask(kind, Signal::Settle, facts, steps);
        }
    }

    fn ask(&mut self, kind: QuestionKind, signal: Signal, facts: &Facts, steps: &mut Vec<Step>) {
        let (machine, state) = (
            QUESTION_MACHINES[kind as usize],
            &mut self.questions[kind as usize],
        );
        let (next, effects) = machine.step(*state, signal, facts);
        *state = next;
        steps.extend(effects.iter().map(|effect| Step {
            effect: *effect,
            question: Some(kind),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, QuestionKind, QuestionState, Signal, State, TurnEffect, TurnState};

    #[test]
    fn req_turn_27_what_settles_the_turn_shuts_its_questions_in_the_same_step() {
        let mut state = State::new();
        state.step(Signal::WriteConfirmationRequired, &Facts::default());
        assert_eq!(
            state.open().collect::<Vec<_>>(),
            [QuestionKind::Confirmation]
        );
        let steps = state.step(Signal::Cancelled, &Facts::default());
        assert_eq!(state.turn(), TurnState::Settled);
        assert_eq!(
            state.question(QuestionKind::Confirmation),
            QuestionState::None
        );
        let shut = steps.iter().position(|it| it.effect == TurnEffect::Shut);
        let settle = steps
            .iter()
            .position(|it| matches!(it.effect, TurnEffect::Settle(..)));
        assert!(shut.is_some() && shut < settle, "{steps:?}");
    }

    #[test]
    fn req_otp_03_a_code_may_be_asked_for_after_the_turn() {
        let mut state = State::new();
        state.step(Signal::OtpVerificationRequired, &Facts::default());
        state.step(Signal::EventualResponse, &Facts::default());
        assert!(state.is_settled() && state.outlived());
        state.step(Signal::Send, &Facts::default());
        assert!(!state.outlived());
    }
}
