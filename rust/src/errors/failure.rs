//! What each variant of an error carries, as the table `outcomes` has it: what it always has is no
//! `Option`.

use std::time::Duration;

use super::QuestionKind;
use super::facts::Known;
use crate::wire::events::Event;
use crate::wire::json::Json;

/// The code of a link that ended without a close frame.
const ABNORMAL: u16 = 1006;

/// A failure: what it always has is no `Option`.
macro_rules! failure {
    ($(#[$doc:meta])* $name:ident { $($fact:ident $($kind:ident)?),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub(super) Known);

        impl $name {
            $(fact!($fact $($kind)?);)*
        }
    };
}

/// One accessor.
macro_rules! fact {
    (status handshake) => {
        /// HTTP status of the answer to the handshake.
        pub fn status(&self) -> Option<i64> {
            self.0.status
        }
    };
    (retry_after) => {
        /// How long the server asks to be left alone.
        pub fn retry_after(&self) -> Option<Duration> {
            self.0.retry_after
        }
    };
    (body) => {
        /// What the handshake was answered with, the first 4,096 bytes of it.
        pub fn body(&self) -> Option<&str> {
            self.0.body.as_deref()
        }
    };
    (answer_id) => {
        /// The server's own id of the refused handshake, from its `x-request-id`.
        pub fn answer_id(&self) -> Option<&str> {
            self.0.answer_id.as_deref()
        }
    };
    (close_code) => {
        /// The close code, where a close frame was the cause.
        pub fn close_code(&self) -> Option<u16> {
            self.0.close_code
        }
    };
    (close_reason) => {
        /// The reason in the server's close frame. Like the server's own words it is no part of the error's
        /// text: what is in it is not known.
        pub fn close_reason(&self) -> Option<&str> {
            self.0.close_reason.as_deref()
        }
    };
    (partial_text) => {
        /// What had been streamed when the turn failed.
        pub fn partial_text(&self) -> Option<&str> {
            self.0.partial_text.as_deref()
        }
    };
    (request_id) => {
        /// The requestId of the action.
        pub fn request_id(&self) -> Option<&str> {
            self.0.request_id.as_deref()
        }
    };
    (session_id) => {
        /// The session of the action.
        pub fn session_id(&self) -> Option<&str> {
            self.0.session_id.as_deref()
        }
    };
    (close_code always) => {
        /// The close code of the link: 1005 without a code in the close frame, 1006 without a close frame.
        pub fn close_code(&self) -> u16 {
            self.0.close_code.unwrap_or(ABNORMAL)
        }
    };
    (sent) => {
        /// Whether the message may have reached the server.
        pub fn sent(&self) -> bool {
            self.0.sent.unwrap_or(true)
        }
    };
    (question) => {
        /// The question that was open when the turn failed.
        pub fn question(&self) -> Option<QuestionKind> {
            self.0.question
        }
    };
    (question always) => {
        /// The question whose handler failed.
        pub fn question(&self) -> QuestionKind {
            self.0.question.unwrap_or(QuestionKind::Confirmation)
        }
    };
    (request_id always) => {
        /// The requestId of the action.
        pub fn request_id(&self) -> &str {
            self.0.request_id.as_deref().unwrap_or_default()
        }
    };
    (session_id always) => {
        /// The session of the action.
        pub fn session_id(&self) -> &str {
            self.0.session_id.as_deref().unwrap_or_default()
        }
    };
    (close_code interrupted) => {
        /// The close code of the link: 1005 without a code in the close frame, 1006 without a close
        /// frame; none when the server said on a later link that the turn does not go on.
        pub fn close_code(&self) -> Option<u16> {
            self.0.close_code
        }
    };
    (state) => {
        /// What the server said of a turn that does not go on: `gone`, `moved`, `never`, or a word
        /// of tomorrow (REQ-RESUME-04).
        pub fn state(&self) -> Option<&str> {
            self.0.state.as_deref()
        }
    };
    (code) => {
        /// The server's code.
        pub fn code(&self) -> Option<&str> {
            self.0.code.as_deref()
        }
    };
    (server_message) => {
        /// The server's own words. They are no part of the error's text: what is in them is not known.
        pub fn server_message(&self) -> Option<&str> {
            self.0.server_message.as_deref()
        }
    };
    (status) => {
        /// Status of the answer, where it was 400 or above.
        pub fn status(&self) -> Option<i64> {
            self.0.status
        }
    };
    (details) => {
        /// What the server's error carried under `details`.
        pub fn details(&self) -> Option<&Json> {
            self.0.details.as_ref()
        }
    };
    (event) => {
        /// The event that carried the error.
        pub fn event(&self) -> Option<&Event> {
            self.0.event.as_ref()
        }
    };
    (wire_type) => {
        /// The wire's word for the type of the frame.
        pub fn wire_type(&self) -> Option<&str> {
            match &self.0.event {
                Some(Event::Unknown(unread)) => Some(unread.wire_type()),
                _ => None,
            }
        }
    };
    (pointer) => {
        /// JSON Pointer of the fault.
        pub fn pointer(&self) -> Option<&str> {
            self.0.pointer.as_deref()
        }
    };
    (event unexpected) => {
        /// The event that was not the expected one.
        pub fn event(&self) -> Option<&Event> {
            self.0.event.as_ref()
        }
    };
    (limit) => {
        /// The limit in bytes that it was over.
        pub fn limit(&self) -> u64 {
            self.0.limit.unwrap_or_default()
        }
    };
    (size) => {
        /// Size of the message in bytes, where it is known.
        pub fn size(&self) -> Option<u64> {
            self.0.size
        }
    };
    (message) => {
        /// What was wrong, and with which argument.
        pub fn message(&self) -> &str {
            &self.0.message
        }
    };
}

failure! {
    /// No link came about, or the server refused the credentials: [`Error::ConnectFailed`](super::Error::ConnectFailed),
    /// [`Error::Authentication`](super::Error::Authentication).
    Connect {
        status handshake, retry_after, body, answer_id, close_code, close_reason, partial_text,
        request_id, session_id,
    }
}

failure! {
    /// The link ended while a call waited.
    ConnectionLost { close_code always, close_reason, request_id, session_id }
}

failure! {
    /// The link ended in mid-turn.
    TurnInterrupted {
        sent, partial_text, question, close_code interrupted, close_reason, state, code, request_id always,
        session_id always,
    }
}

failure! {
    /// The client was closed while the action was in flight.
    ClientClosed { partial_text, request_id, session_id }
}

failure! {
    /// A call or verb was not answered in time.
    RequestTimeout { request_id always, session_id }
}

failure! {
    /// The turn took too long.
    TurnTimeout { partial_text, question, request_id always, session_id always }
}

failure! {
    /// The server reported an error: the payload of every variant that stands for one of its codes.
    /// [`Error::NoPendingQuestion`](super::Error::NoPendingQuestion) and
    /// [`Error::Unsupported`](super::Error::Unsupported) have no code where they are made here.
    Protocol {
        code, server_message, status, retry_after, details, event, partial_text, request_id,
        session_id,
    }
}

failure! {
    /// A frame that had to be understood was broken.
    InvalidFrame { wire_type, pointer, event, partial_text, request_id, session_id }
}

failure! {
    /// Another event than the expected one answered, or a page cursor repeated.
    UnexpectedEvent { event unexpected, request_id, session_id }
}

failure! {
    /// A message was over the limit.
    MessageTooLarge { limit, size, close_code, partial_text, request_id, session_id }
}

failure! {
    /// An iterator was left unread for too long.
    SlowConsumer { request_id always, session_id }
}

failure! {
    /// The handler of a question failed; what it failed with is the source.
    HandlerFailed { question always, partial_text, request_id always, session_id always }
}

failure! {
    /// Too many actions wait for a link.
    QueueFull { request_id always, session_id }
}

failure! {
    /// Only the ids of the action are known: nothing was sent.
    Ids { request_id, session_id }
}

failure! {
    /// An argument was refused.
    Argument { message }
}
