//! Verbs: a human's answers to the questions of a turn, and `cancel` (REQ-VERB-01 to 09).

use std::sync::Arc;

use tokio::sync::oneshot;

use super::entry::Entry;
use super::questions::Asked;
use crate::clock::Timer;
use crate::errors::{Draft, Error, QuestionKind};
use crate::requests::{Cause, Desk, Tick};
use crate::wire::actions::{Action, ConfirmToolAction, SubmitInteraction, VerifyOtp};
use crate::wire::enums::OtpInvalidReason;
use crate::wire::errors::Leaf;
use crate::wire::events::Event;
use crate::wire::json::JsonObject;
use crate::wire::machine::{Effect, Signal, Verb, step};
use crate::wire::types::FieldError;

/// What became of a one-time code (REQ-OTP-01).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtpCheck {
    /// Whether the code was right.
    pub verified: bool,
    /// Whether this acknowledges a decline; then nothing else is said.
    pub declined: bool,
    /// Tries that are left, of a wrong code.
    pub attempts_remaining: Option<i64>,
    /// Why the code was refused.
    pub error: Option<OtpInvalidReason>,
    /// Text for a human.
    pub message: String,
}

/// What became of submitted values (REQ-FORM-01).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Submission {
    /// Whether the values were taken.
    pub accepted: bool,
    /// What is wrong with them, field by field.
    pub errors: Vec<FieldError>,
    /// Text for a human.
    pub message: Option<String>,
}

/// The answer of a server to a verb: the event, or nothing where the turn's end answered.
pub(crate) type Reply = Result<Option<Event>, Error>;

/// A verb that waits for its answer.
pub(crate) struct Outstanding {
    pub(crate) number: u64,
    pub(crate) verb: Verb,
    pub(crate) done: oneshot::Sender<Reply>,
    pub(crate) unheard: Arc<dyn Fn(&Error) + Send + Sync>,
    pub(crate) _timer: Option<Timer>,
}

impl Outstanding {
    pub(crate) fn finish(self, reply: Reply) {
        if let Err(Err(error)) = self.done.send(reply) {
            (self.unheard)(&error); // nobody waits: REQ-TURN-16
        }
    }
}

/// What a caller answers.
pub(crate) enum Ask {
    Confirm {
        approved: bool,
        confirmation_id: Option<String>,
    },
    VerifyOtp {
        code: String,
    },
    DeclineOtp,
    Submit {
        values: JsonObject,
    },
    Decline,
}

impl Ask {
    /// Declines a code; refused before anything else where the server does not list `otp_park`
    /// (REQ-OTP-05).
    pub(crate) fn decline_otp(offered: bool, request: &str, session: &str) -> Result<Self, Error> {
        if offered {
            return Ok(Self::DeclineOtp);
        }
        let refused = Draft::default().end(Leaf::Unsupported);
        Err(refused.with(|it| it.request(request).session(session)))
    }

    /// The question that this answers.
    pub(crate) fn question(&self) -> QuestionKind {
        match self {
            Self::Confirm { .. } => QuestionKind::Confirmation,
            Self::VerifyOtp { .. } | Self::DeclineOtp => QuestionKind::Otp,
            Self::Submit { .. } | Self::Decline => QuestionKind::Interaction,
        }
    }

    pub(crate) fn verb(&self) -> Verb {
        match self {
            Self::Confirm { .. } => Verb::Confirm,
            Self::VerifyOtp { .. } => Verb::VerifyOtp,
            Self::DeclineOtp => Verb::DeclineOtp,
            Self::Submit { .. } => Verb::Submit,
            Self::Decline => Verb::Decline,
        }
    }

    fn frame(self, asked: &Asked, request: &str, session: &str) -> (&'static str, String) {
        match self {
            Self::Confirm {
                approved,
                confirmation_id,
            } => {
                let mut action = ConfirmToolAction::new(session, request, approved);
                action.confirmation_id = confirmation_id.or(asked.echo.confirmation_id.clone());
                (ConfirmToolAction::NAME, action.to_json())
            }
            Self::VerifyOtp { code } => (
                VerifyOtp::NAME,
                VerifyOtp::new(session, request).code(code).to_json(),
            ),
            Self::DeclineOtp => (
                VerifyOtp::NAME,
                VerifyOtp::new(session, request).declined(true).to_json(),
            ),
            Self::Submit { values } => (
                SubmitInteraction::NAME,
                interaction(asked, request, session)
                    .values(values)
                    .to_json(),
            ),
            Self::Decline => (
                SubmitInteraction::NAME,
                interaction(asked, request, session)
                    .declined(true)
                    .to_json(),
            ),
        }
    }
}

fn interaction(asked: &Asked, request: &str, session: &str) -> SubmitInteraction {
    let (id, kind) = asked.echo.interaction.clone().unwrap_or_default();
    SubmitInteraction::new(session, request, id).kind(kind)
}

/// Where the answer to a verb arrives, and what to do when nobody hears of its failure.
pub(crate) struct Waiter {
    pub(crate) done: oneshot::Sender<Reply>,
    pub(crate) unheard: Arc<dyn Fn(&Error) + Send + Sync>,
}

impl Entry {
    /// Answers an open question: its frame is queued before this returns (REQ-VERB-02).
    pub(crate) fn answer(&mut self, ask: Ask, waiter: Waiter, desk: &mut dyn Desk) {
        match self.try_answer(ask, desk) {
            Ok(verb) => self.await_verb(verb, waiter, desk),
            Err(error) => {
                let refused = error.with(|it| it.request(&self.key.id).session(&self.session_id));
                let _ = waiter.done.send(Err(refused));
            }
        }
    }

    fn try_answer(&mut self, ask: Ask, desk: &mut dyn Desk) -> Result<Verb, Error> {
        let (verb, kind) = (ask.verb(), ask.question());
        let asked = &self.asked[kind as usize];
        let moved = step(kind.machine(), asked.state, Signal::Answer, |_| false);
        let (state, effects) = moved.ok_or_else(|| refused(Effect::RefuseNoPendingQuestion))?;
        for effect in effects {
            if matches!(
                effect,
                Effect::RefuseAlreadyAnswered | Effect::RefuseNoPendingQuestion
            ) {
                return Err(refused(*effect));
            }
        }
        let (name, text) = ask.frame(asked, &self.key.id, &self.session_id);
        if text.len() > crate::options::MAX_OUTBOUND_BYTES {
            return Err(too_large(text.len()));
        }
        desk.send(name, Some(&self.key.id), text);
        self.asked[kind as usize].state = state;
        self.answered(kind, desk);
        Ok(verb)
    }

    fn await_verb(&mut self, verb: Verb, waiter: Waiter, desk: &dyn Desk) {
        self.verbs_drawn += 1;
        let number = self.verbs_drawn;
        let limit = desk.limits().request;
        let timed = verb != Verb::Cancel && !limit.is_zero();
        self.verbs.push(Outstanding {
            number,
            verb,
            done: waiter.done,
            unheard: waiter.unheard,
            _timer: timed.then(|| desk.arm(limit, &self.key, Tick::Verb(number))),
        });
    }

    /// Stops the turn with at most one `cancel`; the reply comes when it has settled.
    pub(crate) fn stop(&mut self, waiter: Waiter, desk: &mut dyn Desk) {
        if !self.is_live() {
            let _ = waiter.done.send(Ok(None));
            return;
        }
        self.await_verb(Verb::Cancel, waiter, desk);
        self.on_local(Signal::Cancel, &Cause::default(), desk);
    }
}

/// The error of an answer that is refused here.
pub(crate) fn refused(effect: Effect) -> Error {
    if effect == Effect::RefuseAlreadyAnswered {
        Draft::default().end(Leaf::AlreadyAnswered)
    } else {
        Draft::default().end(Leaf::NoPendingQuestion)
    }
}

/// The error of a message that is too large to be sent.
pub(crate) fn too_large(size: usize) -> Error {
    let limit = crate::options::MAX_OUTBOUND_BYTES as u64;
    Draft::default()
        .size(Some(size as u64), limit)
        .end(Leaf::MessageTooLarge)
}

/// Reads the answer to a code.
pub(crate) fn otp_check(event: Option<&Event>) -> OtpCheck {
    let mut check = OtpCheck {
        verified: false,
        declined: false,
        attempts_remaining: None,
        error: None,
        message: String::new(),
    };
    match event {
        Some(Event::OtpVerified(event)) => {
            check.verified = true;
            event.message().clone_into(&mut check.message);
        }
        Some(Event::OtpInvalid(event)) => {
            check.attempts_remaining = Some(event.attempts_remaining());
            check.error = event.error().cloned();
            event.message().clone_into(&mut check.message);
        }
        _ => check.declined = true,
    }
    check
}

/// Reads the answer to submitted values.
pub(crate) fn submission(event: Option<&Event>) -> Submission {
    match event {
        Some(Event::InteractionInvalid(event)) => Submission {
            accepted: false,
            errors: event.errors().to_vec(),
            message: Some(event.message().to_owned()),
        },
        _ => Submission {
            accepted: true,
            errors: Vec::new(),
            message: None,
        },
    }
}
