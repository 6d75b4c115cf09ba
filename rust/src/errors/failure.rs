//! What each variant of an error carries, as the table `outcomes` has it: what it always has is no
//! `Option`.

use std::time::Duration;

use super::QuestionKind;
use super::facts::Known;
use crate::wire::events::Event;
use crate::wire::json::Json;

/// The code of a link that ended without a close frame.
const ABNORMAL: u16 = 1006;

/// No link came about, or the server refused the credentials: [`Error::ConnectFailed`](super::Error::ConnectFailed),
/// [`Error::Authentication`](super::Error::Authentication).
#[derive(Debug, Clone)]
pub struct Connect(pub(super) Known);

impl Connect {
    /// HTTP status of the answer to the handshake.
    pub fn status(&self) -> Option<i64> {
        self.0.status
    }

    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the handshake was answered with, the first 4,096 bytes of it.
    pub fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// The server's own id of the refused handshake, from its `x-request-id`.
    pub fn answer_id(&self) -> Option<&str> {
        self.0.answer_id.as_deref()
    }

    /// The close code, where a close frame was the cause.
    pub fn close_code(&self) -> Option<u16> {
        self.0.close_code
    }

    /// The reason in the server's close frame. Like the server's own words it is no part of the error's
    /// text: what is in it is not known.
    pub fn close_reason(&self) -> Option<&str> {
        self.0.close_reason.as_deref()
    }

    /// What had been streamed when the turn failed.
    pub fn partial_text(&self) -> Option<&str> {
        self.0.partial_text.as_deref()
    }

    /// The requestId of the action.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// The link ended while a call waited.
#[derive(Debug, Clone)]
pub struct ConnectionLost(pub(super) Known);

impl ConnectionLost {
    /// The close code of the link: 1005 without a code in the close frame, 1006 without a close frame.
    pub fn close_code(&self) -> u16 {
        self.0.close_code.unwrap_or(ABNORMAL)
    }

    /// The reason in the server's close frame. Like the server's own words it is no part of the error's
    /// text: what is in it is not known.
    pub fn close_reason(&self) -> Option<&str> {
        self.0.close_reason.as_deref()
    }

    /// The requestId of the action.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// The link ended in mid-turn.
#[derive(Debug, Clone)]
pub struct TurnInterrupted(pub(super) Known);

impl TurnInterrupted {
    /// Whether the message may have reached the server.
    pub fn sent(&self) -> bool {
        self.0.sent.unwrap_or(true)
    }

    /// What had been streamed when the turn failed.
    pub fn partial_text(&self) -> Option<&str> {
        self.0.partial_text.as_deref()
    }

    /// The question that was open when the turn failed.
    pub fn question(&self) -> Option<QuestionKind> {
        self.0.question
    }

    /// The close code of the link: 1005 without a code in the close frame, 1006 without a close
    /// frame; none when the server said on a later link that the turn does not go on.
    pub fn close_code(&self) -> Option<u16> {
        self.0.close_code
    }

    /// The reason in the server's close frame. Like the server's own words it is no part of the error's
    /// text: what is in it is not known.
    pub fn close_reason(&self) -> Option<&str> {
        self.0.close_reason.as_deref()
    }

    /// What the server said of a turn that does not go on: `gone`, `moved`, `never`, or a word of
    /// tomorrow (REQ-RESUME-04).
    pub fn state(&self) -> Option<&str> {
        self.0.state.as_deref()
    }

    /// The code with which the server refused to let the turn go on (REQ-RESUME-05).
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The requestId of the action.
    pub fn request_id(&self) -> &str {
        self.0.request_id.as_deref().unwrap_or_default()
    }

    /// The session of the action.
    pub fn session_id(&self) -> &str {
        self.0.session_id.as_deref().unwrap_or_default()
    }
}

/// The client was closed while the action was in flight.
#[derive(Debug, Clone)]
pub struct ClientClosed(pub(super) Known);

impl ClientClosed {
    /// What had been streamed when the turn failed.
    pub fn partial_text(&self) -> Option<&str> {
        self.0.partial_text.as_deref()
    }

    /// The requestId of the action.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// A call or verb was not answered in time.
#[derive(Debug, Clone)]
pub struct RequestTimeout(pub(super) Known);

impl RequestTimeout {
    /// The requestId of the action.
    pub fn request_id(&self) -> &str {
        self.0.request_id.as_deref().unwrap_or_default()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// The turn took too long.
#[derive(Debug, Clone)]
pub struct TurnTimeout(pub(super) Known);

impl TurnTimeout {
    /// What had been streamed when the turn failed.
    pub fn partial_text(&self) -> Option<&str> {
        self.0.partial_text.as_deref()
    }

    /// The question that was open when the turn failed.
    pub fn question(&self) -> Option<QuestionKind> {
        self.0.question
    }

    /// The requestId of the action.
    pub fn request_id(&self) -> &str {
        self.0.request_id.as_deref().unwrap_or_default()
    }

    /// The session of the action.
    pub fn session_id(&self) -> &str {
        self.0.session_id.as_deref().unwrap_or_default()
    }
}

/// The server reported an error: the payload of every variant that stands for one of its codes.
/// [`Error::NoPendingQuestion`](super::Error::NoPendingQuestion) and
/// [`Error::Unsupported`](super::Error::Unsupported) have no code where they are made here.
#[derive(Debug, Clone)]
pub struct Protocol(pub(super) Known);

impl Protocol {
    /// The server's code.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The server's own words. They are no part of the error's text: what is in them is not known.
    pub fn server_message(&self) -> Option<&str> {
        self.0.server_message.as_deref()
    }

    /// Status of the answer, where it was 400 or above.
    pub fn status(&self) -> Option<i64> {
        self.0.status
    }

    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the server's error carried under `details`.
    pub fn details(&self) -> Option<&Json> {
        self.0.details.as_ref()
    }

    /// The event that carried the error.
    pub fn event(&self) -> Option<&Event> {
        self.0.event.as_ref()
    }

    /// What had been streamed when the turn failed.
    pub fn partial_text(&self) -> Option<&str> {
        self.0.partial_text.as_deref()
    }

    /// The requestId of the action.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// A frame that had to be understood was broken.
#[derive(Debug, Clone)]
pub struct InvalidFrame(pub(super) Known);

impl InvalidFrame {
    /// The wire's word for the type of the frame.
    pub fn wire_type(&self) -> Option<&str> {
        match &self.0.event {
            Some(Event::Unknown(unread)) => Some(unread.wire_type()),
            _ => None,
        }
    }

    /// JSON Pointer of the fault.
    pub fn pointer(&self) -> Option<&str> {
        self.0.pointer.as_deref()
    }

    /// The event that carried the error.
    pub fn event(&self) -> Option<&Event> {
        self.0.event.as_ref()
    }

    /// What had been streamed when the turn failed.
    pub fn partial_text(&self) -> Option<&str> {
        self.0.partial_text.as_deref()
    }

    /// The requestId of the action.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// Another event than the expected one answered, or a page cursor repeated.
#[derive(Debug, Clone)]
pub struct UnexpectedEvent(pub(super) Known);

impl UnexpectedEvent {
    /// The event that was not the expected one.
    pub fn event(&self) -> Option<&Event> {
        self.0.event.as_ref()
    }

    /// The requestId of the action.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// A message was over the limit.
#[derive(Debug, Clone)]
pub struct MessageTooLarge(pub(super) Known);

impl MessageTooLarge {
    /// The limit in bytes that it was over.
    pub fn limit(&self) -> u64 {
        self.0.limit.unwrap_or_default()
    }

    /// Size of the message in bytes, where it is known.
    pub fn size(&self) -> Option<u64> {
        self.0.size
    }

    /// The close code, where a close frame was the cause.
    pub fn close_code(&self) -> Option<u16> {
        self.0.close_code
    }

    /// What had been streamed when the turn failed.
    pub fn partial_text(&self) -> Option<&str> {
        self.0.partial_text.as_deref()
    }

    /// The requestId of the action.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// An iterator was left unread for too long.
#[derive(Debug, Clone)]
pub struct SlowConsumer(pub(super) Known);

impl SlowConsumer {
    /// The requestId of the action.
    pub fn request_id(&self) -> &str {
        self.0.request_id.as_deref().unwrap_or_default()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// Too many actions wait for a link.
#[derive(Debug, Clone)]
pub struct QueueFull(pub(super) Known);

impl QueueFull {
    /// The requestId of the action.
    pub fn request_id(&self) -> &str {
        self.0.request_id.as_deref().unwrap_or_default()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// Only the ids of the action are known: nothing was sent.
#[derive(Debug, Clone)]
pub struct Ids(pub(super) Known);

impl Ids {
    /// The requestId of the action.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The session of the action.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }
}

/// An argument was refused.
#[derive(Debug, Clone)]
pub struct Argument(pub(super) Known);

impl Argument {
    /// What was wrong, and with which argument.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}
