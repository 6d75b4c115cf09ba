//! Errors by kind. Every one says what happened, whether to try again, and which ids to quote.

mod draft;
mod facts;
pub mod failure;

use std::fmt;

pub(crate) use self::draft::Draft;
use self::facts::{Facts, Known};
use self::failure::{
    Argument, ClientClosed, Connect, ConnectionLost, HandlerFailed, Ids, InvalidFrame,
    MessageTooLarge, Protocol, QueueFull, RequestTimeout, SlowConsumer, TurnInterrupted,
    TurnTimeout, UnexpectedEvent,
};
pub use crate::wire::errors::ErrorKind;
use crate::wire::errors::{Leaf, code_row};
use crate::wire::events;
pub use crate::wire::steps::QuestionKind;

/// Why an action failed. Match on the variant, or on [`Error::kind`] for a whole family. What is
/// known beside kind and text is in the payload of the variant. Cheap to clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The link could not be opened.
    ConnectFailed(Connect),
    /// The server refused the credentials: HTTP 401 or close code 4401.
    Authentication(Connect),
    /// The link ended while a call waited; the close code says how.
    ConnectionLost(ConnectionLost),
    /// The link ended in mid-turn; the message is not sent again.
    TurnInterrupted(TurnInterrupted),
    /// A call was made while the client was idle or closed; nothing was sent.
    NotConnected(Ids),
    /// Too many attempts in a row found no link; the error of the last one is the source.
    ReconnectExhausted(Ids),
    /// The client was closed while the action was in flight.
    ClientClosed(ClientClosed),
    /// Too many actions wait for a link already; nothing was sent.
    QueueFull(QueueFull),
    /// No answer to a call or verb came in time.
    RequestTimeout(RequestTimeout),
    /// The turn was silent, ran or waited for a human for too long; it was cancelled.
    TurnTimeout(TurnTimeout),
    /// The server reported an error that has no variant of its own.
    Protocol(Protocol),
    /// The server did not accept the frame or one of its fields.
    Validation(Protocol),
    /// What the action named does not exist for this caller.
    NotFound(Protocol),
    /// The session is unknown or belongs to somebody else.
    SessionNotFound(Protocol),
    /// The caller may not do this.
    PermissionDenied(Protocol),
    /// Something else stands in the way.
    Conflict(Protocol),
    /// Another turn of the session still runs.
    TurnInProgress(Protocol),
    /// No question of this kind is open.
    NoPendingQuestion(Protocol),
    /// Too many actions; the payload may say how long to wait.
    RateLimited(Protocol),
    /// The server failed.
    ServerFault(Protocol),
    /// The server cannot do this.
    Unsupported(Protocol),
    /// A frame that had to be understood was broken; the pointer says where.
    InvalidFrame(InvalidFrame),
    /// Another event than the expected one answered, or a page cursor repeated.
    UnexpectedEvent(UnexpectedEvent),
    /// A message was over the limit.
    MessageTooLarge(MessageTooLarge),
    /// An iterator fell too far behind, and ended alone (REQ-TURN-15).
    SlowConsumer(SlowConsumer),
    /// The handler of a question failed, gave no answer or took too long: nothing was approved, and
    /// the turn was stopped. What the handler failed with is the source.
    Handler(HandlerFailed),
    /// The question was answered before; nothing was sent.
    AlreadyAnswered(Ids),
    /// An argument was refused; nothing was sent (REQ-ERR-05).
    InvalidArgument(Argument),
}

impl Error {
    /// The stable word for the family of the error, the same in every language (REQ-ERR-01).
    pub fn kind(&self) -> ErrorKind {
        self.leaf().map_or(ErrorKind::InvalidArgument, Leaf::kind)
    }

    /// Whether the same action may succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        let told = self.known().retryable;
        told.unwrap_or_else(|| self.kind().retryable())
    }

    /// The requestId of the action that failed.
    pub fn request_id(&self) -> Option<&str> {
        self.known().request_id.as_deref()
    }

    /// The session of the action that failed.
    pub fn session_id(&self) -> Option<&str> {
        self.known().session_id.as_deref()
    }

    /// The server's code.
    pub fn code(&self) -> Option<&str> {
        self.known().code.as_deref()
    }

    /// The close code of the link, where a close was the cause.
    pub fn close_code(&self) -> Option<u16> {
        self.known().close_code
    }

    /// What had been streamed, where a turn failed.
    pub fn partial_text(&self) -> Option<&str> {
        self.known().partial_text.as_deref()
    }

    /// What the server reported, whichever of its variants this is; none for errors of the link, of
    /// frames and of this client.
    pub fn protocol(&self) -> Option<&Protocol> {
        match self {
            Self::Protocol(it)
            | Self::Validation(it)
            | Self::NotFound(it)
            | Self::SessionNotFound(it)
            | Self::PermissionDenied(it)
            | Self::Conflict(it)
            | Self::TurnInProgress(it)
            | Self::NoPendingQuestion(it)
            | Self::RateLimited(it)
            | Self::ServerFault(it)
            | Self::Unsupported(it) => Some(it),
            _ => None,
        }
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

    /// For a token provider that has no credentials to give, and will have none: the attempt fails
    /// with this error, and no other one is made (REQ-CONN-28, REQ-CONN-30).
    ///
    /// ```
    /// use smooth_operator::{Error, ErrorKind};
    ///
    /// let error = Error::authentication("signed out");
    /// assert_eq!(error.kind(), ErrorKind::Authentication);
    /// ```
    pub fn authentication(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Draft::default().source(cause).end(Leaf::Authentication)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::InvalidArgument(Argument(Known::of(Facts {
            message: message.into(),
            ..Facts::default()
        })))
    }

    /// The error of a server's error event (REQ-ERR-02, REQ-ERR-03).
    pub(crate) fn of_event(event: &events::Error) -> Self {
        Draft::told(event).end(code_row(event.code()).leaf)
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

    /// The newest number that the turn had taken.
    pub(crate) fn last_seq(&self) -> i64 {
        self.known().last_seq
    }

    /// The same error with more said about it.
    pub(crate) fn with(&self, tell: impl FnOnce(Draft) -> Draft) -> Self {
        let draft = tell(Draft(Facts::clone(self.known())));
        match self.leaf() {
            Some(leaf) => draft.end(leaf),
            None => Self::InvalidArgument(Argument(Known::of(draft.0))),
        }
    }

    /// The base of a family is never raised itself.
    fn of(leaf: Leaf, known: Known) -> Self {
        match leaf {
            Leaf::ConnectFailed => Self::ConnectFailed(Connect(known)),
            Leaf::Authentication => Self::Authentication(Connect(known)),
            Leaf::Connection | Leaf::ConnectionLost => Self::ConnectionLost(ConnectionLost(known)),
            Leaf::TurnInterrupted => Self::TurnInterrupted(TurnInterrupted(known)),
            Leaf::NotConnected => Self::NotConnected(Ids(known)),
            Leaf::ReconnectExhausted => Self::ReconnectExhausted(Ids(known)),
            Leaf::ClientClosed => Self::ClientClosed(ClientClosed(known)),
            Leaf::QueueFull => Self::QueueFull(QueueFull(known)),
            Leaf::Timeout | Leaf::RequestTimeout => Self::RequestTimeout(RequestTimeout(known)),
            Leaf::TurnTimeout => Self::TurnTimeout(TurnTimeout(known)),
            Leaf::Protocol => Self::Protocol(Protocol(known)),
            Leaf::Validation => Self::Validation(Protocol(known)),
            Leaf::NotFound => Self::NotFound(Protocol(known)),
            Leaf::SessionNotFound => Self::SessionNotFound(Protocol(known)),
            Leaf::PermissionDenied => Self::PermissionDenied(Protocol(known)),
            Leaf::Conflict => Self::Conflict(Protocol(known)),
            Leaf::TurnInProgress => Self::TurnInProgress(Protocol(known)),
            Leaf::NoPendingQuestion => Self::NoPendingQuestion(Protocol(known)),
            Leaf::RateLimited => Self::RateLimited(Protocol(known)),
            Leaf::ServerFault => Self::ServerFault(Protocol(known)),
            Leaf::Unsupported => Self::Unsupported(Protocol(known)),
            Leaf::Wire | Leaf::InvalidFrame => Self::InvalidFrame(InvalidFrame(known)),
            Leaf::UnexpectedEvent => Self::UnexpectedEvent(UnexpectedEvent(known)),
            Leaf::MessageTooLarge => Self::MessageTooLarge(MessageTooLarge(known)),
            Leaf::SlowConsumer => Self::SlowConsumer(SlowConsumer(known)),
            Leaf::Handler => Self::Handler(HandlerFailed(known)),
            Leaf::AlreadyAnswered => Self::AlreadyAnswered(Ids(known)),
        }
    }

    /// None for an argument error, which no table knows.
    fn leaf(&self) -> Option<Leaf> {
        Some(match self {
            Self::ConnectFailed(_) => Leaf::ConnectFailed,
            Self::Authentication(_) => Leaf::Authentication,
            Self::ConnectionLost(_) => Leaf::ConnectionLost,
            Self::TurnInterrupted(_) => Leaf::TurnInterrupted,
            Self::NotConnected(_) => Leaf::NotConnected,
            Self::ReconnectExhausted(_) => Leaf::ReconnectExhausted,
            Self::ClientClosed(_) => Leaf::ClientClosed,
            Self::QueueFull(_) => Leaf::QueueFull,
            Self::RequestTimeout(_) => Leaf::RequestTimeout,
            Self::TurnTimeout(_) => Leaf::TurnTimeout,
            Self::Protocol(_) => Leaf::Protocol,
            Self::Validation(_) => Leaf::Validation,
            Self::NotFound(_) => Leaf::NotFound,
            Self::SessionNotFound(_) => Leaf::SessionNotFound,
            Self::PermissionDenied(_) => Leaf::PermissionDenied,
            Self::Conflict(_) => Leaf::Conflict,
            Self::TurnInProgress(_) => Leaf::TurnInProgress,
            Self::NoPendingQuestion(_) => Leaf::NoPendingQuestion,
            Self::RateLimited(_) => Leaf::RateLimited,
            Self::ServerFault(_) => Leaf::ServerFault,
            Self::Unsupported(_) => Leaf::Unsupported,
            Self::InvalidFrame(_) => Leaf::InvalidFrame,
            Self::UnexpectedEvent(_) => Leaf::UnexpectedEvent,
            Self::MessageTooLarge(_) => Leaf::MessageTooLarge,
            Self::SlowConsumer(_) => Leaf::SlowConsumer,
            Self::Handler(_) => Leaf::Handler,
            Self::AlreadyAnswered(_) => Leaf::AlreadyAnswered,
            Self::InvalidArgument(_) => return None,
        })
    }

    fn known(&self) -> &Known {
        match self {
            Self::ConnectFailed(Connect(it)) | Self::Authentication(Connect(it)) => it,
            Self::ConnectionLost(ConnectionLost(it)) => it,
            Self::TurnInterrupted(TurnInterrupted(it)) => it,
            Self::NotConnected(Ids(it))
            | Self::ReconnectExhausted(Ids(it))
            | Self::AlreadyAnswered(Ids(it)) => it,
            Self::Handler(HandlerFailed(it)) => it,
            Self::QueueFull(QueueFull(it)) => it,
            Self::ClientClosed(ClientClosed(it)) => it,
            Self::RequestTimeout(RequestTimeout(it)) => it,
            Self::TurnTimeout(TurnTimeout(it)) => it,
            Self::Protocol(Protocol(it))
            | Self::Validation(Protocol(it))
            | Self::NotFound(Protocol(it))
            | Self::SessionNotFound(Protocol(it))
            | Self::PermissionDenied(Protocol(it))
            | Self::Conflict(Protocol(it))
            | Self::TurnInProgress(Protocol(it))
            | Self::NoPendingQuestion(Protocol(it))
            | Self::RateLimited(Protocol(it))
            | Self::ServerFault(Protocol(it))
            | Self::Unsupported(Protocol(it)) => it,
            Self::InvalidFrame(InvalidFrame(it)) => it,
            Self::UnexpectedEvent(UnexpectedEvent(it)) => it,
            Self::MessageTooLarge(MessageTooLarge(it)) => it,
            Self::SlowConsumer(SlowConsumer(it)) => it,
            Self::InvalidArgument(Argument(it)) => it,
        }
    }
}

impl fmt::Display for Error {
    /// What happened, to whom, what to do; never a token, URL query, code, address or text of a
    /// message (REQ-ERR-04).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.known().message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.known().source.as_deref();
        source.map(|it| it as &(dyn std::error::Error + 'static))
    }
}
