//! Functions of the application that answer questions in place of verbs, and what they are asked.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;

use crate::arguments::object_of;
use crate::wire::codes::CAPABILITIES;
use crate::wire::enums::{OtpChannel, OtpInvalidReason};
use crate::wire::events::{Event, OtpInvalid};
use crate::wire::json::JsonObject;
use crate::wire::steps::QuestionKind;
use crate::wire::types::FieldError;

/// A confirmation that a handler answers (REQ-ASK-02).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConfirmAsk {
    /// The turn that asks.
    pub request_id: String,
    /// The session of the turn.
    pub session_id: String,
    /// The tool that waits for the answer.
    pub tool_id: String,
    /// What it is about to do, for a human.
    pub action_description: String,
    /// The event that asked.
    pub event: Event,
}

/// A one-time code that a handler gives (REQ-ASK-02, REQ-ASK-03).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OtpAsk {
    /// The turn that asks.
    pub request_id: String,
    /// The session of the turn.
    pub session_id: String,
    /// The tool that needs the code, when the server said so.
    pub tool_id: Option<String>,
    /// What the code is needed for, for a human.
    pub action_description: Option<String>,
    /// The ways by which a code can travel.
    pub available_channels: Vec<OtpChannel>,
    /// The level of proof that is needed.
    pub auth_level: Option<String>,
    /// How the code travels; none when nothing said that it was sent.
    pub channel: Option<OtpChannel>,
    /// Where it was sent to, as far as it may be shown.
    pub masked_destination: Option<String>,
    /// Tries that are left after a wrong code; none with the first call.
    pub attempts_remaining: Option<i64>,
    /// Why the code before was not accepted.
    pub error: Option<OtpInvalidReason>,
    /// What the server says of the code before, for a human.
    pub message: Option<String>,
    /// The event that asked, or told where the code went.
    pub event: Event,
}

impl OtpAsk {
    /// What is known of a code: `event` asked for it or told where it went, `required` asked.
    pub(crate) fn new(
        request_id: String,
        session_id: String,
        event: Event,
        required: Option<&Event>,
    ) -> Self {
        let required = match required {
            Some(Event::OtpVerificationRequired(it)) => Some(it),
            _ => None,
        };
        let sent = match &event {
            Event::OtpSent(it) => Some(it),
            _ => None,
        };
        Self {
            request_id,
            session_id,
            tool_id: required.map(|it| it.tool_id().to_owned()),
            action_description: required.map(|it| it.action_description().to_owned()),
            available_channels: required
                .map(|it| it.available_channels().to_vec())
                .unwrap_or_default(),
            auth_level: required.map(|it| it.auth_level().to_owned()),
            channel: sent.map(|it| it.channel().clone()),
            masked_destination: sent.map(|it| it.masked_destination().to_owned()),
            attempts_remaining: None,
            error: None,
            message: None,
            event,
        }
    }

    /// The same, after a wrong code.
    pub(crate) fn again(mut self, wrong: &OtpInvalid) -> Self {
        self.attempts_remaining = Some(wrong.attempts_remaining());
        self.error = wrong.error().cloned();
        self.message = Some(wrong.message().to_owned());
        self
    }

    /// What a human may be shown: the server's words, or where the code went.
    pub fn prompt(&self) -> &str {
        let words = [
            &self.message,
            &self.action_description,
            &self.masked_destination,
        ];
        let mut words = words.into_iter().flatten().filter(|it| !it.is_empty());
        words.next().map_or("", String::as_str)
    }
}

/// An interaction that a handler answers (REQ-ASK-02, REQ-ASK-03).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InteractionAsk {
    /// The turn that asks.
    pub request_id: String,
    /// The session of the turn.
    pub session_id: String,
    /// The interaction.
    pub interaction_id: String,
    /// Its kind.
    pub kind: String,
    /// What is asked for, as the server wrote it.
    pub spec: JsonObject,
    /// Why, for a human.
    pub reason: Option<String>,
    /// What was wrong with the values before; empty with the first call.
    pub errors: Vec<FieldError>,
    /// What the server says of the values before, for a human.
    pub message: Option<String>,
    /// The event that asked.
    pub event: Event,
}

/// What a handler is asked.
pub(crate) enum Asking {
    Confirm(ConfirmAsk),
    Otp(Box<OtpAsk>),
    Interaction(Box<InteractionAsk>),
}

/// What a handler gave: an answer, or none where it declines and that is not told.
pub(crate) enum Given {
    Confirmed(bool),
    Code(String),
    Values(JsonObject),
    Declined,
    /// The code is declined, where the server takes that (REQ-OTP-05).
    NoCode,
}

/// Why a handler gave no answer: what it failed with, and the name of that type.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
    pub(crate) named: &'static str,
}

impl Failed {
    pub(crate) fn of<E: Into<Box<dyn std::error::Error + Send + Sync>>>(error: E) -> Self {
        Self {
            source: error.into(),
            named: std::any::type_name::<E>(),
        }
    }
}

/// The call of a handler.
pub(crate) type Calling = Pin<Box<dyn Future<Output = Result<Given, Failed>> + Send>>;
type Handler<A> = Arc<dyn Fn(A) -> Calling + Send + Sync>;

/// What answers the questions of turns in place of verbs (REQ-ASK-01).
///
/// Give it to a client ([`ClientBuilder::handlers`](crate::ClientBuilder::handlers)), a conversation
/// or a message; for each kind of question the nearest one counts. Each call is a task of its own,
/// one of a turn at a time. When the answer can no longer count, its future is dropped. A handler
/// that gives an error, panics, or takes longer than
/// [`handler_timeout`](crate::ClientBuilder::handler_timeout) never approves: the turn fails with
/// [`Error::Handler`](crate::Error::Handler), whose source is what the handler gave (REQ-ASK-07).
///
/// ```
/// use smooth_operator::{Error, Handlers};
///
/// let handlers = Handlers::new()
///     .confirm(|ask| async move { Ok::<_, Error>(ask.tool_id == "look_up") })
///     .otp(|_| async { Ok::<_, Error>(Some("123456".to_owned())) });
/// ```
#[derive(Clone, Default)]
pub struct Handlers {
    confirm: Option<Handler<ConfirmAsk>>,
    otp: Option<Handler<OtpAsk>>,
    interaction: BTreeMap<String, Handler<InteractionAsk>>,
}

impl Handlers {
    /// Answers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers confirmations: true approves, false denies.
    pub fn confirm<F, T, E>(mut self, handler: F) -> Self
    where
        F: Fn(ConfirmAsk) -> T + Send + Sync + 'static,
        T: Future<Output = Result<bool, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.confirm = Some(Arc::new(move |ask| {
            let called = handler(ask);
            Box::pin(async move {
                let approved = called.await.map_err(Failed::of)?;
                Ok(Given::Confirmed(approved))
            })
        }));
        self
    }

    /// Gives one-time codes, as typed; none declines (REQ-ASK-04).
    pub fn otp<F, T, E>(mut self, handler: F) -> Self
    where
        F: Fn(OtpAsk) -> T + Send + Sync + 'static,
        T: Future<Output = Result<Option<String>, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.otp = Some(Arc::new(move |ask| {
            let called = handler(ask);
            Box::pin(async move {
                let code = called.await.map_err(Failed::of)?;
                Ok(code.map_or(Given::NoCode, Given::Code))
            })
        }));
        self
    }

    /// Answers interactions of a kind, with anything that serializes to a JSON object; none
    /// declines. Handlers of a client and of a conversation are told to the server as capability
    /// words, where the kind has one (REQ-CALL-07).
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use smooth_operator::{Error, Handlers};
    ///
    /// let handlers = Handlers::new().interaction("identity_intake", |_| async {
    ///     Ok::<_, Error>(Some(BTreeMap::from([("name", "Ada")])))
    /// });
    /// ```
    pub fn interaction<F, T, V, E>(mut self, kind: impl Into<String>, handler: F) -> Self
    where
        F: Fn(InteractionAsk) -> T + Send + Sync + 'static,
        T: Future<Output = Result<Option<V>, E>> + Send + 'static,
        V: Serialize,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let handler: Handler<InteractionAsk> = Arc::new(move |ask| {
            let called = handler(ask);
            Box::pin(async move {
                let values = called.await.map_err(Failed::of)?;
                Ok(match values {
                    Some(values) => Given::Values(object_of(&values).map_err(Failed::of)?),
                    None => Given::Declined,
                })
            })
        });
        self.interaction.insert(kind.into(), handler);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.confirm.is_none() && self.otp.is_none() && self.interaction.is_empty()
    }

    /// Whether codes are given.
    pub(crate) fn gives_codes(&self) -> bool {
        self.otp.is_some()
    }

    /// Whether a capability word stands for one of them (REQ-CALL-07).
    pub(crate) fn implies(&self, word: &str) -> bool {
        let kind = word.strip_prefix("handler ");
        kind.is_some_and(|kind| self.interaction.contains_key(kind))
    }

    /// The capability words that they stand for.
    pub(crate) fn words(&self) -> impl Iterator<Item = String> + '_ {
        let ours = |it: &&crate::wire::codes::Capability| {
            it.implied_by.iter().any(|word| self.implies(word))
        };
        CAPABILITIES
            .iter()
            .filter(ours)
            .map(|it| it.word.to_owned())
    }

    /// Whether there is one for what an event asks.
    pub(crate) fn answers(&self, kind: QuestionKind, event: &Event) -> bool {
        match (kind, event) {
            (QuestionKind::Confirmation, _) => self.confirm.is_some(),
            (QuestionKind::Otp, _) => self.otp.is_some(),
            (QuestionKind::Interaction, Event::InteractionRequired(asked)) => {
                self.interaction.contains_key(asked.kind())
            }
            _ => false, // a question of tomorrow has no handler
        }
    }

    /// The call of the handler that a question has.
    pub(crate) fn call(&self, asking: Asking) -> Option<Calling> {
        Some(match asking {
            Asking::Confirm(ask) => calling(self.confirm.clone()?, ask),
            Asking::Otp(ask) => calling(self.otp.clone()?, *ask),
            Asking::Interaction(ask) => calling(self.interaction.get(&ask.kind)?.clone(), *ask),
        })
    }
}

/// The function is called with the first poll, where it holds nothing up and may panic.
fn calling<A: Send + 'static>(handler: Handler<A>, ask: A) -> Calling {
    Box::pin(async move { handler(ask).await })
}

/// What counts of two levels: the nearer one, kind by kind (REQ-ASK-01).
pub(crate) fn merged(far: &Arc<Handlers>, near: Option<&Arc<Handlers>>) -> Arc<Handlers> {
    let Some(near) = near.filter(|it| !it.is_empty()) else {
        return Arc::clone(far);
    };
    if far.is_empty() {
        return Arc::clone(near);
    }
    let mut both = Handlers::clone(near);
    both.confirm = both.confirm.or_else(|| far.confirm.clone());
    both.otp = both.otp.or_else(|| far.otp.clone());
    for (kind, handler) in &far.interaction {
        let known = both.interaction.entry(kind.clone());
        known.or_insert_with(|| Arc::clone(handler));
    }
    Arc::new(both)
}

/// The kind of question that an event asks, or shows more of.
pub(crate) fn question_of(event: &Event) -> Option<QuestionKind> {
    match event {
        Event::WriteConfirmationRequired(_) => Some(QuestionKind::Confirmation),
        Event::OtpVerificationRequired(_) | Event::OtpSent(_) => Some(QuestionKind::Otp),
        Event::InteractionRequired(_) => Some(QuestionKind::Interaction),
        _ => None,
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("confirm", &self.confirm.is_some())
            .field("otp", &self.otp.is_some())
            .field("interaction", &self.interaction.keys())
            .finish()
    }
}
