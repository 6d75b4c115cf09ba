//! Errors by kind. Every one says what happened, whether to try again, and which ids to quote.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::wire::codes::error_text;
pub use crate::wire::errors::ErrorKind;
use crate::wire::errors::{Code, Leaf, code_row};
use crate::wire::events::{self, Event};
use crate::wire::json::{Field, Json};
pub use crate::wire::steps::QuestionKind;

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// What is known of an error. Cheap to clone.
#[derive(Clone)]
pub struct Failure(Arc<Facts>);

#[derive(Clone, Default)]
struct Facts {
    /// What an argument error says; the text of the others is the table's.
    message: String,
    /// The peer: host and port.
    place: Option<Arc<str>>,
    /// What the system or the frame says, for the places of the table's text.
    reason: Option<String>,
    retryable: Option<bool>,
    code: Option<String>,
    server_message: Option<String>,
    request_id: Option<String>,
    session_id: Option<String>,
    details: Details,
    close_code: Option<u16>,
    close_reason: Option<String>,
    pointer: Option<String>,
    event: Option<Event>,
    partial_text: Option<String>,
    question: Option<QuestionKind>,
    sent: Option<bool>,
    source: Option<Source>,
}

/// Facts beside the ids.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Details {
    /// HTTP status of a refused handshake, or the status of an answer of 400 and above.
    pub status: Option<i64>,
    /// Milliseconds after which the server wants to be asked again.
    pub retry_after_ms: Option<i64>,
    /// What the server's error carried under `details`.
    pub raw: Option<Json>,
    /// What a refused handshake was answered with, the first 4,096 bytes of it.
    pub body: Option<String>,
    /// The server's own id of a refused handshake, from `x-request-id`.
    pub request_id: Option<String>,
    /// Size in bytes of a message that was too large, where it is known.
    pub size: Option<u64>,
    /// The limit in bytes that it was over.
    pub limit: Option<u64>,
}

impl Failure {
    /// What happened; never a token, URL query, code, address or message text (REQ-ERR-04).
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The server's code.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The server's own words. They are not part of the error's text: what is in them is not known.
    pub fn server_message(&self) -> Option<&str> {
        self.0.server_message.as_deref()
    }

    /// The requestId of the action that failed.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The session of the action that failed.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }

    /// Facts beside the ids.
    pub fn details(&self) -> &Details {
        &self.0.details
    }

    /// The close code of the link, when that was the cause: 1005 without a code in the close
    /// frame, 1006 without a close frame.
    pub fn close_code(&self) -> Option<u16> {
        self.0.close_code
    }

    /// The reason in the server's close frame; none when it gave none. Like the server's own words
    /// it is no part of the error's text.
    pub fn close_reason(&self) -> Option<&str> {
        self.0.close_reason.as_deref()
    }

    /// JSON Pointer of the fault, of an [`Error::InvalidFrame`].
    pub fn pointer(&self) -> Option<&str> {
        self.0.pointer.as_deref()
    }

    /// The event that was not the expected one, or the one that carried the error.
    pub fn event(&self) -> Option<&Event> {
        self.0.event.as_ref()
    }

    /// What had been streamed when the turn failed.
    pub fn partial_text(&self) -> Option<&str> {
        self.0.partial_text.as_deref()
    }

    /// The question that was open when the turn failed.
    pub fn question(&self) -> Option<QuestionKind> {
        self.0.question
    }

    /// Of an [`Error::TurnInterrupted`]: whether the message may have reached the server.
    pub fn sent(&self) -> Option<bool> {
        self.0.sent
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("message", &self.0.message)
            .field("code", &self.0.code)
            .field("request_id", &self.0.request_id)
            .field("session_id", &self.0.session_id)
            .field("close_code", &self.0.close_code)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}

macro_rules! errors {
    ($($(#[$doc:meta])+ $leaf:ident),* $(,)?) => {
        /// Why an action failed. Match on the variant, or on [`Error::kind`] for a whole family.
        #[derive(Debug, Clone, thiserror::Error)]
        #[non_exhaustive]
        pub enum Error {
            $($(#[$doc])+ #[error(transparent)] $leaf(Failure),)*
            /// An argument was refused; nothing was sent (REQ-ERR-05).
            #[error(transparent)]
            InvalidArgument(Failure),
        }

        impl Error {
            fn of(leaf: Leaf, failure: Failure) -> Self {
                match leaf {
                    $(Leaf::$leaf => Self::$leaf(failure),)*
                    Leaf::Connection => Self::ConnectionLost(failure),
                    Leaf::Timeout => Self::RequestTimeout(failure),
                    Leaf::Wire => Self::InvalidFrame(failure),
                }
            }

            fn leaf(&self) -> Option<Leaf> {
                match self {
                    $(Self::$leaf(_) => Some(Leaf::$leaf),)*
                    Self::InvalidArgument(_) => None,
                }
            }

            /// What is known of the error.
            pub fn failure(&self) -> &Failure {
                match self {
                    $(Self::$leaf(failure) => failure,)*
                    Self::InvalidArgument(failure) => failure,
                }
            }
        }
    };
}

errors! {
    /// The link could not be opened; an HTTP status is in the details.
    ConnectFailed,
    /// The server refused the credentials: HTTP 401 or close code 4401.
    Authentication,
    /// The link ended while a call waited; the close code says how.
    ConnectionLost,
    /// The link ended in mid-turn; the message is not sent again.
    TurnInterrupted,
    /// A call was made while the client was idle or closed; nothing was sent.
    NotConnected,
    /// Reserved for the reconnecting client.
    ReconnectExhausted,
    /// The client was closed while the action was in flight.
    ClientClosed,
    /// Reserved for the reconnecting client.
    QueueFull,
    /// No answer to a call or verb came in time.
    RequestTimeout,
    /// The turn was silent, ran or waited for a human for too long; it was cancelled.
    TurnTimeout,
    /// The server reported an error that has no variant of its own.
    Protocol,
    /// The server did not accept the frame or one of its fields.
    Validation,
    /// What the action named does not exist for this caller.
    NotFound,
    /// The session is unknown or belongs to somebody else.
    SessionNotFound,
    /// The caller may not do this.
    PermissionDenied,
    /// Something else stands in the way.
    Conflict,
    /// Another turn of the session still runs.
    TurnInProgress,
    /// No question of this kind is open.
    NoPendingQuestion,
    /// Too many actions; the details may say how long to wait.
    RateLimited,
    /// The server failed.
    ServerFault,
    /// The server cannot do this.
    Unsupported,
    /// A frame that had to be understood was broken; the pointer says where.
    InvalidFrame,
    /// Another event than the expected one answered, or a page cursor repeated.
    UnexpectedEvent,
    /// A message was over the limit; size and limit are in the details.
    MessageTooLarge,
    /// Reserved.
    SlowConsumer,
    /// Reserved.
    Handler,
    /// The question was answered before; nothing was sent.
    AlreadyAnswered,
}

impl Error {
    /// The stable word for the family of the error, the same in every language (REQ-ERR-01).
    pub fn kind(&self) -> ErrorKind {
        self.leaf().map_or(ErrorKind::InvalidArgument, Leaf::kind)
    }

    /// Whether the same action may succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        self.failure()
            .0
            .retryable
            .unwrap_or_else(|| self.kind().retryable())
    }

    /// The server's code.
    pub fn code(&self) -> Option<&str> {
        self.failure().code()
    }

    /// The requestId of the action that failed.
    pub fn request_id(&self) -> Option<&str> {
        self.failure().request_id()
    }

    /// Whether another turn of the session still runs.
    pub fn is_turn_in_progress(&self) -> bool {
        matches!(self, Self::TurnInProgress(_))
    }

    /// Whether the session is unknown.
    pub fn is_session_not_found(&self) -> bool {
        matches!(self, Self::SessionNotFound(_))
    }

    /// Whether no question of the kind was open, here or at the server.
    pub fn is_no_pending_question(&self) -> bool {
        matches!(self, Self::NoPendingQuestion(_))
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::InvalidArgument(Failure(Arc::new(Facts {
            message: message.into(),
            ..Facts::default()
        })))
    }

    /// The error of a server's error event (REQ-ERR-02, REQ-ERR-03).
    pub(crate) fn of_event(event: &events::Error) -> Self {
        let row: &Code = code_row(event.code());
        let mut draft = Draft::default();
        draft.0.retryable = Some(row.retryable);
        draft.0.code = Some(event.code().to_owned());
        draft.0.server_message = Some(event.message().to_owned());
        draft.0.details.retry_after_ms = event.retry_after_ms();
        draft.0.details.raw = match event.details() {
            Field::Value(raw) => Some(raw.clone()),
            Field::Absent | Field::Null => None,
        };
        draft.0.event = Some(Event::Error(event.clone()));
        draft.end(row.leaf)
    }

    /// The same error with what its kind says of the turn that failed: the question that was open,
    /// and whether the message may have left.
    pub(crate) fn with_turn(&self, question: Option<QuestionKind>, sent: bool) -> Self {
        match self {
            Self::TurnInterrupted(_) => self.with(|it| it.question(question).sent(sent)),
            Self::TurnTimeout(_) => self.with(|it| it.question(question)),
            _ => self.clone(),
        }
    }

    /// The same error with more said about it.
    pub(crate) fn with(&self, tell: impl FnOnce(Draft) -> Draft) -> Self {
        let draft = tell(Draft(self.failure().0.as_ref().clone()));
        match self.leaf() {
            Some(leaf) => draft.end(leaf),
            None => Self::InvalidArgument(Failure(Arc::new(draft.0))),
        }
    }
}

/// A code as it may stand in a text: whatever a server sends under that name is not trusted.
fn shown(code: &str) -> &str {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if code.len() <= 64 && code.chars().all(plain) {
        code
    } else {
        "unlisted code"
    }
}

/// The text of an error as the table has it, its places filled (REQ-ERR-07).
fn text_of(leaf: Leaf, facts: &Facts) -> String {
    let number = |number: Option<i64>| number.map(|it| it.to_string());
    error_text(&format!("{leaf:?}"), |name| match name {
        "host" => Some(facts.place.as_deref().unwrap_or("the server").to_owned()),
        "code" => facts.code.as_deref().map(|code| shown(code).to_owned()),
        "close" => facts.close_code.map(|code| code.to_string()),
        "status" => number(facts.details.status),
        "request_id" => facts.request_id.clone(),
        "session_id" => facts.session_id.clone(),
        "limit" => facts.details.limit.map(|limit| limit.to_string()),
        "reason" => facts.reason.clone(),
        _ => None,
    })
}

/// An error in the making.
#[derive(Default)]
pub(crate) struct Draft(Facts);

impl Draft {
    /// An error of the link or of a frame, with the reason that is known.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(Facts {
            reason: Some(reason.into()),
            ..Facts::default()
        })
    }

    /// Names the peer where it is not named yet.
    pub(crate) fn place(mut self, place: &Arc<str>) -> Self {
        self.0.place.get_or_insert_with(|| Arc::clone(place));
        self
    }

    pub(crate) fn request(mut self, id: &str) -> Self {
        self.0.request_id = Some(id.to_owned());
        self
    }

    pub(crate) fn session(mut self, id: &str) -> Self {
        self.0.session_id = Some(id.to_owned());
        self
    }

    /// Names the session, where there is one.
    pub(crate) fn session_of(self, id: &Option<String>) -> Self {
        match id {
            Some(id) => self.session(id),
            None => self,
        }
    }

    pub(crate) fn close_code(mut self, code: Option<u16>) -> Self {
        self.0.close_code = code;
        self
    }

    pub(crate) fn close_reason(mut self, reason: Option<&str>) -> Self {
        self.0.close_reason = reason.filter(|it| !it.is_empty()).map(str::to_owned);
        self
    }

    /// A refused attempt, and whether another one may succeed.
    pub(crate) fn refused(reason: String, retryable: Option<bool>) -> Self {
        let mut draft = Self::new(reason);
        draft.0.retryable = retryable;
        draft
    }

    /// What the answer to a handshake said.
    pub(crate) fn answer(
        mut self,
        status: Option<u16>,
        retry_after: Option<Duration>,
        body: Option<String>,
        request_id: Option<String>,
    ) -> Self {
        let milliseconds = |wait: Duration| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        self.0.details.status = status.map(i64::from);
        self.0.details.retry_after_ms = retry_after.map(milliseconds);
        self.0.details.body = body;
        self.0.details.request_id = request_id;
        self
    }

    pub(crate) fn status(mut self, status: i64) -> Self {
        self.0.details.status = Some(status);
        self
    }

    pub(crate) fn size(mut self, size: Option<u64>, limit: u64) -> Self {
        self.0.details.size = size;
        self.0.details.limit = Some(limit);
        self
    }

    pub(crate) fn pointer(mut self, pointer: &str) -> Self {
        self.0.pointer = Some(pointer.to_owned());
        self.0.reason = self.0.pointer.clone();
        self
    }

    pub(crate) fn event(mut self, event: Event) -> Self {
        self.0.event = Some(event);
        self
    }

    pub(crate) fn partial(mut self, text: &str) -> Self {
        self.0.partial_text = Some(text.to_owned());
        self
    }

    pub(crate) fn question(mut self, question: Option<QuestionKind>) -> Self {
        self.0.question = question;
        self
    }

    pub(crate) fn sent(mut self, sent: bool) -> Self {
        self.0.sent = Some(sent);
        self
    }

    pub(crate) fn source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn cause(self, source: Option<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        match source {
            Some(source) => self.source(source),
            None => self,
        }
    }

    pub(crate) fn end(mut self, leaf: Leaf) -> Error {
        self.0.message = text_of(leaf, &self.0);
        Error::of(leaf, Failure(Arc::new(self.0)))
    }
}
