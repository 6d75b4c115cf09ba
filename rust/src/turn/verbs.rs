//! Verbs: a human's answers to the questions of a turn, and `cancel` (REQ-VERB-01 to 09).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::oneshot;

use super::driver::Driver;
use super::handle::TurnHandle;
use super::questions::Asked;
use crate::clock::Timer;
use crate::errors::{Draft, Error};
use crate::requests::{Cause, InFlight as _, Sender, Tick, too_large};
use crate::wire::arguments::argument_fault;
use crate::wire::enums::OtpInvalidReason;
use crate::wire::errors::Leaf;
use crate::wire::events::Event;
use crate::wire::json::{Json, JsonObject};
use crate::wire::options::OUTBOUND_BYTES;
use crate::wire::steps::{Refusal, Signal, TurnEffect, Verb};
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
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SubmitResult {
    /// Whether the values were taken.
    pub accepted: bool,
    /// What is wrong with them, field by field.
    pub errors: Vec<FieldError>,
    /// Text for a human.
    pub message: Option<String>,
    /// The turn that began with the answer, when this client did not follow the one that asked and
    /// the server goes on with it (REQ-VERB-15).
    pub turn: Option<TurnHandle>,
}

/// The answer of a server to a verb: the event, or nothing where the turn's end answered.
pub(crate) type Reply = Result<Option<Event>, Error>;

/// A verb that waits for its answer.
pub(crate) struct Outstanding {
    pub(crate) number: u64,
    pub(crate) verb: Verb,
    pub(crate) done: oneshot::Sender<Reply>,
    pub(crate) unheard: Arc<dyn Fn(&Error) + Send + Sync>,
    pub(crate) timer: Option<Timer>,
    /// The frame of an answer, where it waits for its turn or may have to be written once more.
    pub(crate) frame: Option<Answer>,
    pub(crate) written: bool,
    /// Whether the frame may be lost (REQ-RESUME-07).
    pub(crate) unsure: bool,
    /// Whether a handler gave the answer, and nobody waits for what becomes of it.
    pub(crate) by_handler: bool,
}

/// The frame of an answer.
#[derive(Clone)]
pub(crate) struct Answer {
    action: &'static str,
    text: String,
    /// Whether the server knows the frame again, by an id of its question.
    pub(crate) named: bool,
}

impl Answer {
    /// Queues the frame.
    pub(crate) fn write(&self, id: &str, sender: &mut Sender<'_>) {
        sender.send(self.action, id, self.text.clone());
    }
}

impl Outstanding {
    pub(crate) fn finish(self, reply: Reply) {
        if let Err(Err(error)) = self.done.send(reply) {
            (self.unheard)(&error); // nobody waits: REQ-TURN-16
        }
    }
}

/// What a caller answers: a verb of the tables, and the members of its action that the caller
/// writes.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) verb: Verb,
    members: BTreeMap<&'static str, Json>,
}

impl Ask {
    pub(crate) fn new(verb: Verb) -> Self {
        Self {
            verb,
            members: BTreeMap::new(),
        }
    }

    fn with<T: Serialize + ?Sized>(mut self, name: &'static str, value: &T) -> Self {
        if let Ok(value) = Json::from_serialize(value) {
            self.members.insert(name, value);
        }
        self
    }

    pub(crate) fn confirm(approved: bool, confirmation_id: Option<&str>) -> Self {
        let ask = Self::new(Verb::Confirm).with("approved", &approved);
        match confirmation_id {
            Some(id) => ask.with("confirmationId", id),
            None => ask,
        }
    }

    pub(crate) fn verify_otp(code: &str) -> Self {
        Self::new(Verb::VerifyOtp).with("code", code)
    }

    pub(crate) fn submit(values: &JsonObject) -> Self {
        Self::new(Verb::Submit).with("values", values)
    }

    /// Declines a question; refused before anything else where the server does not list what the
    /// verb needs (REQ-OTP-05).
    pub(crate) fn decline(
        verb: Verb,
        offers: impl Fn(&str) -> bool,
        about: impl FnOnce(Error) -> Error,
    ) -> Result<Self, Error> {
        if verb.row().needs.is_none_or(offers) {
            return Ok(Self::new(verb));
        }
        Err(about(Draft::default().end(Leaf::Unsupported)))
    }

    /// What the schema does not allow of what the caller wrote (REQ-CALL-12). Members that are
    /// filled in later are not the caller's: a null stands for them, of which nothing is asked.
    pub(crate) fn fault(&self) -> Option<Error> {
        let row = self.verb.row();
        let mut written = self.members.clone();
        for name in row.echo.iter().chain(&["requestId", "sessionId"]) {
            written
                .entry(name)
                .or_insert_with(|| serde_json::Value::Null.into());
        }
        let text = serde_json::to_string(&written).unwrap_or_default();
        argument_fault(row.action, &text).map(Error::argument)
    }

    /// The action of the answer, with what the question wants back.
    fn frame(mut self, asked: &Asked, request: &str, session: &str) -> Answer {
        let row = self.verb.row();
        for name in row.echo {
            if let (Some(fact), false) = (asked.fact(name), self.members.contains_key(name)) {
                self = self.with(name, fact);
            }
        }
        let echoed = |it: &&str| it.ends_with("Id") && self.members.contains_key(*it);
        let named = row.echo.iter().any(echoed);
        if row.declines {
            self = self.with("declined", &true);
        }
        self = self.with("action", row.action);
        self = self.with("requestId", request).with("sessionId", session);
        let text = serde_json::to_string(&self.members).unwrap_or_default();
        Answer {
            action: row.action,
            text,
            named,
        }
    }
}

/// Where the answer to a verb arrives, and what to do when nobody hears of its failure.
pub(crate) struct Waiter {
    pub(crate) done: oneshot::Sender<Reply>,
    pub(crate) unheard: Arc<dyn Fn(&Error) + Send + Sync>,
    /// Whether it is the answer of a handler.
    pub(crate) by_handler: bool,
}

impl Driver {
    /// Answers an open question: its frame is queued before this returns (REQ-VERB-02).
    pub(crate) fn answer(&mut self, ask: Ask, waiter: Waiter, sender: &mut Sender<'_>) {
        let verb = ask.verb;
        match self.try_answer(ask, sender) {
            Ok(answer) => {
                self.await_verb(verb, Some(answer), waiter, sender);
                self.run(sender);
            }
            Err(error) => {
                let _ = waiter.done.send(Err(self.about(error)));
            }
        }
    }

    /// Answers an open question in the place of a caller.
    pub(super) fn give(
        &mut self,
        ask: Ask,
        waiter: Waiter,
        sender: &mut Sender<'_>,
    ) -> Result<(), Error> {
        let verb = ask.verb;
        let answer = self.try_answer(ask, sender)?;
        self.await_verb(verb, Some(answer), waiter, sender);
        Ok(())
    }

    fn try_answer(&mut self, ask: Ask, sender: &Sender<'_>) -> Result<Answer, Error> {
        let Some(kind) = ask.verb.row().question else {
            return Err(refused(Refusal::NoPendingQuestion));
        };
        let asked = &self.asked[kind as usize];
        let answer = ask.frame(asked, &self.key.id, &self.session_id);
        if answer.text.len() > OUTBOUND_BYTES {
            return Err(too_large(answer.text.len()));
        }
        for step in self.state.answer(kind) {
            if let TurnEffect::Refuse(why) = step.effect {
                return Err(refused(why));
            }
        }
        self.answered(kind, sender);
        Ok(answer)
    }

    /// A verb waits for its answer; its frame is written, unless the turn waits to be taken up.
    fn await_verb(
        &mut self,
        verb: Verb,
        answer: Option<Answer>,
        waiter: Waiter,
        sender: &mut Sender<'_>,
    ) {
        self.verbs_drawn += 1;
        let number = self.verbs_drawn;
        let written = !self.is_suspended();
        if let (Some(answer), true) = (&answer, written) {
            answer.write(&self.key.id, sender);
        }
        let frame = answer.filter(|it| !written || (it.named && self.resuming.replays));
        self.verbs.push(Outstanding {
            number,
            verb,
            done: waiter.done,
            unheard: waiter.unheard,
            timer: None,
            frame,
            written,
            unsure: false,
            by_handler: waiter.by_handler,
        });
        if written {
            self.time_verbs(sender);
        }
    }

    /// Starts the time of every answer whose time stands still.
    pub(super) fn time_verbs(&mut self, sender: &Sender<'_>) {
        let limit = sender.limits().request;
        for verb in &mut self.verbs {
            let timed = verb.verb.row().question.is_some() && !limit.is_zero();
            if timed && verb.timer.is_none() {
                verb.timer = Some(sender.arm(limit, &self.key, Tick::Verb(verb.number)));
            }
        }
    }

    /// Stops the turn with at most one `cancel`; the reply comes when it has settled.
    pub(crate) fn stop(&mut self, waiter: Waiter, sender: &mut Sender<'_>) {
        if !self.is_open() {
            let _ = waiter.done.send(Ok(None));
            return;
        }
        self.await_verb(Verb::Cancel, None, waiter, sender);
        self.halt(sender);
    }

    /// Stops the turn; one whose result is held back has it as its outcome.
    pub(super) fn halt(&mut self, sender: &mut Sender<'_>) {
        if self.is_held() {
            self.stop_handlers();
            self.release_held(sender);
        } else {
            self.on_local(Signal::Cancel, &Cause::default(), sender);
        }
    }
}

/// The error of an answer that is refused here.
pub(crate) fn refused(why: Refusal) -> Error {
    Draft::default().end(match why {
        Refusal::AlreadyAnswered => Leaf::AlreadyAnswered,
        Refusal::NoPendingQuestion => Leaf::NoPendingQuestion,
    })
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
pub(crate) fn submit_result(event: Option<&Event>) -> SubmitResult {
    match event {
        Some(Event::InteractionInvalid(event)) => SubmitResult {
            accepted: false,
            errors: event.errors().to_vec(),
            message: Some(event.message().to_owned()),
            turn: None,
        },
        _ => SubmitResult {
            accepted: true,
            errors: Vec::new(),
            message: None,
            turn: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Ask, Verb};
    use crate::wire::json::JsonObject;

    #[test]
    fn req_call_12_an_answer_is_checked_without_what_is_filled_in_later() {
        let values = JsonObject::default();
        for whole in [
            Ask::confirm(true, None),
            Ask::verify_otp("123456"),
            Ask::submit(&values),
            Ask::new(Verb::Decline),
        ] {
            assert!(whole.fault().is_none(), "{whole:?}");
        }
        let fault = Ask::new(Verb::Confirm).fault().expect("no answer in it");
        assert_eq!(fault.to_string(), "ConfirmToolAction.approved is missing");
    }
}
