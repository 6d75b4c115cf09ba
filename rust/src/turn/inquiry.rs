//! What the server does with a turn that failed here, as `recover()` asks it (REQ-RESUME-12).

use std::sync::Arc;

use super::cell::Cell;
use super::driver::Driver;
use super::owner::Books;
use super::resuming::Resuming;
use super::state::State;
use crate::errors::Error;
use crate::options::Options;
use crate::requests::{
    Arrived, Asking, Heard, InFlight as _, Inquired, Listener, NewInquiry, Pending, Told,
};
use crate::wire::actions::{Action as _, ResumeTurn};
use crate::wire::enums::ResumeState;
use crate::wire::errors::code_row;
use crate::wire::events::{Event, EventType};
use crate::wire::steps::{Facts, Signal, TurnEffect};

/// What the server does with a turn.
pub(crate) enum Fate {
    /// It has ended, or nobody can tell: the history decides.
    Over,
    /// The message never arrived.
    Never,
    /// The time is over.
    Unknown,
}

/// The turn that is asked for.
#[derive(Clone)]
pub(crate) struct Subject {
    /// What this client knows of it, where it has it.
    pub(crate) cell: Option<Arc<Cell>>,
    /// Its id when it began.
    pub(crate) id: String,
    pub(crate) session_id: String,
    /// The newest number that it has taken, where nothing else is known of it.
    pub(crate) last: i64,
}

impl Subject {
    /// Its id now.
    pub(super) fn id(&self) -> &str {
        self.cell.as_ref().map_or(&*self.id, |it| it.id(&self.id))
    }

    fn last(&self) -> i64 {
        self.cell.as_ref().map_or(self.last, |it| it.last_seq())
    }

    /// What the event says that answers the question.
    fn fate(&self, answer: &Event) -> Fate {
        let never = |it: &Event| matches!(it, Event::TurnResumed(told) if *told.state() == ResumeState::Never);
        match never(answer) && self.last() == 0 {
            true => Fate::Never,
            false => Fate::Over,
        }
    }
}

/// Who is asked, or waited for.
enum Asked {
    /// A turn that this client has.
    Turn(Arc<Cell>),
    /// A turn that has its outcome here, and is live beyond that.
    Over,
    /// What is in flight under the id of the turn.
    Call(Told, Option<Asking<Driver>>),
}

impl Books {
    /// Asks what the server does with a turn, and waits until that has ended; none where the session
    /// does not replay. The frame is queued when this returns.
    pub(super) fn fate_of(self: &Arc<Self>, of: Subject) -> Option<Pending<Result<Fate, Error>>> {
        if !self.replays(&of.session_id) {
            return None;
        }
        let late = self.alarm(self.options.limits.resume);
        let (books, asked) = (Arc::clone(self), self.ask_for(&of));
        Some(Pending::new(async move {
            tokio::select! { biased;
                fate = books.follow_up(of, asked) => fate,
                () = late => Ok(Fate::Unknown),
            }
        }))
    }

    async fn follow_up(
        self: Arc<Self>,
        of: Subject,
        mut asked: Result<Asked, Error>,
    ) -> Result<Fate, Error> {
        loop {
            match asked? {
                Asked::Over => return Ok(Fate::Over),
                Asked::Turn(cell) => {
                    cell.over().await;
                    return Ok(Fate::Over);
                }
                Asked::Call(told, _asking) => {
                    if let Ok(answer) = told.await {
                        return answer.map(|event| of.fate(&event));
                    }
                }
            }
            asked = self.ask_for(&of);
        }
    }

    fn ask_for(self: &Arc<Self>, of: &Subject) -> Result<Asked, Error> {
        let look = |turn: &Driver| turn.is_open().then(|| Arc::clone(&turn.cell));
        let new = || {
            let action = ResumeTurn::new(&of.session_id, of.id(), of.last());
            NewInquiry {
                action: ResumeTurn::NAME,
                session_id: of.session_id.clone(),
                text: action.to_json(),
                listener: Box::new(Inquiry::new(of.last(), &self.options)),
            }
        };
        Ok(match self.inquire(of.id(), look, new)? {
            Inquired::Turn(Some(cell)) => Asked::Turn(cell),
            Inquired::Turn(None) => Asked::Over,
            Inquired::Call(told) => Asked::Call(told, None),
            Inquired::Asked(told, asking) => Asked::Call(told, Some(asking)),
        })
    }
}

/// A turn that nobody sees: its machine says what the answers of the server mean.
struct Inquiry {
    turn: State,
    resuming: Resuming,
}

impl Inquiry {
    fn new(last: i64, options: &Options) -> Self {
        let mut resuming = Resuming::new(true, false, options.limits.resume, &options.seeking);
        resuming.took(last);
        let mut turn = State::new();
        turn.suspend();
        Self { turn, resuming }
    }

    /// What a frame is to the machine.
    fn signal(&self, arrived: &Arrived<'_>) -> Signal {
        let signal = match arrived.event_type() {
            EventType::TurnResumed if arrived.broken.is_some() => return Signal::Broken,
            EventType::TurnResumed | EventType::Keepalive => return arrived.turn_signal(),
            _ => arrived.turn_signal(),
        };
        if !self.turn.is_suspended() {
            signal
        } else if signal == Signal::Error && arrived.seq().is_none() {
            Signal::ResumeRefused
        } else {
            Signal::Repeated
        }
    }
}

impl Listener for Inquiry {
    fn heard(&mut self, arrived: &Arrived<'_>, draw: &dyn Fn() -> f64) -> Heard {
        let signal = self.signal(arrived);
        let said = self.resuming.state_of(arrived);
        let mut facts = Facts {
            turn: Some(self.turn.turn()),
            resume_state: said,
            unseen: Some(false),
            cancelling: Some(false),
            ..arrived.facts()
        };
        if signal == Signal::ResumeRefused {
            facts.error_retryable = facts.code.map(|code| code_row(code).retryable);
        }
        let steps = self.turn.step(signal, &facts);
        if said == Some(ResumeState::Settled.as_str()) || self.turn.is_settled() {
            Heard::Answer
        } else if steps
            .iter()
            .any(|it| matches!(it.effect, TurnEffect::Schedule(_)))
        {
            Heard::Later(self.resuming.wait(Some(arrived), draw()))
        } else {
            Heard::Nothing
        }
    }

    fn asked_again(&mut self) {
        self.turn.suspend();
    }
}
