//! Hooks for spans, counters and logs.

#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "tracing")]
pub use self::tracing::TracingObserver;
use crate::errors::{Error, QuestionKind};

/// What an application may watch of a client; every method does nothing by default.
///
/// Methods run on the client's dispatcher, in order, beside its listeners, and should not block. One
/// that panics disturbs nothing. No text of a message, no code and no token is ever given to one.
#[allow(unused_variables)]
pub trait Observer: Send + Sync + 'static {
    /// An attempt to open a link to a host and port ended; without an error it is open.
    fn attempt(&self, host: &str, error: Option<&Error>) {}

    /// A call has its answer, or failed.
    fn call(&self, action: &str, request_id: &str, error: Option<&Error>) {}

    /// A message was queued, and its turn began.
    fn turn_started(&self, request_id: &str, session_id: &str) {}

    /// The first piece of a turn's text came.
    fn first_token(&self, request_id: &str) {}

    /// A turn asks a human.
    fn question(&self, request_id: &str, kind: QuestionKind) {}

    /// A turn has its outcome: `completed`, `cancelled`, or `failed` with its error.
    fn turn_settled(&self, request_id: &str, outcome: &str, error: Option<&Error>) {}
}

/// Something that an observer is told.
pub(crate) enum Seen {
    Attempt(String, Option<Error>),
    Call(&'static str, String, Option<Error>),
    TurnStarted(String, String),
    FirstToken(String),
    Question(String, QuestionKind),
    TurnSettled(String, &'static str, Option<Error>),
}

impl Seen {
    pub(crate) fn tell(&self, observer: &dyn Observer) {
        match self {
            Self::Attempt(host, error) => observer.attempt(host, error.as_ref()),
            Self::Call(action, id, error) => observer.call(action, id, error.as_ref()),
            Self::TurnStarted(id, session) => observer.turn_started(id, session),
            Self::FirstToken(id) => observer.first_token(id),
            Self::Question(id, kind) => observer.question(id, *kind),
            Self::TurnSettled(id, outcome, error) => {
                observer.turn_settled(id, outcome, error.as_ref());
            }
        }
    }
}
