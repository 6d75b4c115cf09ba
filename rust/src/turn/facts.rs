//! What a frame means to a turn: the values of the guards, all taken before any machine steps.

use crate::errors::QuestionKind;
use crate::requests::Arrived;
use crate::wire::errors::{Terminal, code_row};
use crate::wire::events::Event;
use crate::wire::machine::{ANSWERS, Guard, Signal, TurnState, Verb};

const INTERACTION_MISMATCH: &str = "INTERACTION_MISMATCH";

/// A verb of the turn that has no answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) number: u64,
    pub(crate) verb: Verb,
}

/// The meaning of one frame.
pub(crate) struct Facts {
    pub(crate) signal: Signal,
    status: Option<i64>,
    attempts_left: bool,
    tool_result: bool,
    code: Option<String>,
    /// The verb that the frame answers (REQ-VERB-03).
    pub(crate) answers: Option<Open>,
    verb_error: bool,
    terminal_error: bool,
}

impl Facts {
    /// Reads a frame against the state of the turn and its outstanding verbs, oldest first.
    pub(crate) fn of(arrived: &Arrived<'_>, turn: TurnState, open: &[Open]) -> Self {
        let error = match arrived.event {
            Event::Error(event) => Some(event),
            _ => None,
        };
        let mut facts = Self {
            signal: arrived.turn_signal(),
            status: arrived.status(),
            attempts_left: matches!(arrived.event, Event::OtpInvalid(e) if e.attempts_remaining() > 0),
            tool_result: matches!(arrived.event, Event::StreamChunk(e) if e.has_tool_result()),
            code: error.map(|event| event.code().to_owned()),
            answers: None,
            verb_error: false,
            terminal_error: false,
        };
        facts.answers = facts.find_answered(turn, open);
        if let Some(event) = error {
            let terminal = code_row(event.code()).terminal;
            let spared = terminal == Terminal::UnlessVerb && turn == TurnState::Running;
            facts.verb_error = facts.answers.is_some() && (spared || turn == TurnState::Settled);
            let ends = terminal != Terminal::Never && !(spared && facts.answers.is_some());
            facts.terminal_error = ends && event.terminal() != Some(false);
        }
        facts
    }

    fn find_answered(&self, turn: TurnState, open: &[Open]) -> Option<Open> {
        let entry = ANSWERS.iter().find(|entry| {
            entry.on == self.signal
                && entry.turn.is_none_or(|state| state == turn)
                && entry
                    .code
                    .is_none_or(|code| self.code.as_deref() == Some(code))
                && !entry.unless.is_some_and(|guard| self.plain(guard))
        })?;
        open.iter()
            .find(|one| entry.verbs.contains(&one.verb))
            .copied()
    }

    /// Guards that need the frame alone.
    fn plain(&self, guard: Guard) -> bool {
        match guard {
            Guard::Status202 => self.status == Some(202),
            Guard::StatusError => self.status.is_some_and(|status| status >= 400),
            Guard::AttemptsLeft => self.attempts_left,
            Guard::ToolResult => self.tool_result,
            Guard::Mismatch => self.code.as_deref() == Some(INTERACTION_MISMATCH),
            Guard::VerbError => self.verb_error,
            Guard::TerminalError => self.terminal_error,
            Guard::VerbOutstanding | Guard::NoPending | Guard::Expired | Guard::Unwritten => false,
        }
    }

    /// A guard of the turn machine.
    pub(crate) fn for_turn(&self, guard: Guard) -> bool {
        self.plain(guard)
    }

    /// A guard of the machine of one question, of which `expired` is known.
    pub(crate) fn for_question(&self, guard: Guard, kind: QuestionKind, expired: bool) -> bool {
        match guard {
            Guard::VerbOutstanding => self
                .answers
                .is_some_and(|open| QuestionKind::of(open.verb) == Some(kind)),
            Guard::NoPending => {
                kind.no_pending().is_some() && self.code.as_deref() == kind.no_pending()
            }
            Guard::Expired => expired,
            _ => self.plain(guard),
        }
    }
}
