//! What is known of one error, whatever its variant.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::QuestionKind;
use super::draft::shown;
use crate::wire::events::Event;
use crate::wire::json::Json;

pub(super) type Source = Arc<dyn std::error::Error + Send + Sync>;

/// All facts that an error can have. Which of them a variant shows is said by its payload.
#[derive(Clone, Default)]
pub(super) struct Facts {
    /// What an argument error says; the text of the others is the table's.
    pub(super) message: String,
    /// The peer: host and port.
    pub(super) place: Option<Arc<str>>,
    /// What the system or the frame says, for the places of the table's text.
    pub(super) reason: Option<String>,
    pub(super) retryable: Option<bool>,
    pub(super) code: Option<String>,
    /// What the server said of a turn that does not go on.
    pub(super) state: Option<String>,
    pub(super) server_message: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) session_id: Option<String>,
    pub(super) status: Option<i64>,
    pub(super) retry_after: Option<Duration>,
    /// What the server's error carried under `details`.
    pub(super) details: Option<Json>,
    /// What a refused handshake was answered with.
    pub(super) body: Option<String>,
    /// The server's own id of a refused handshake.
    pub(super) answer_id: Option<String>,
    /// Bytes of a message that was too large, and how many would have done.
    pub(super) size: Option<u64>,
    pub(super) limit: Option<u64>,
    pub(super) close_code: Option<u16>,
    pub(super) close_reason: Option<String>,
    pub(super) pointer: Option<String>,
    pub(super) event: Option<Event>,
    pub(super) partial_text: Option<String>,
    pub(super) question: Option<QuestionKind>,
    pub(super) sent: Option<bool>,
    /// The newest number that an interrupted turn had taken.
    pub(super) last_seq: i64,
    pub(super) source: Option<Source>,
}

/// The facts of one error, shared by its clones.
#[derive(Clone)]
pub(super) struct Known(Arc<Facts>);

impl Known {
    pub(super) fn of(facts: Facts) -> Self {
        Self(Arc::new(facts))
    }
}

impl std::ops::Deref for Known {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl fmt::Debug for Known {
    /// Without the texts of server and message, and without the cause (REQ-ERR-04).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known")
            .field("message", &self.message)
            .field("code", &self.code.as_deref().map(shown))
            .field("request_id", &self.request_id)
            .field("session_id", &self.session_id)
            .field("close_code", &self.close_code)
            .finish_non_exhaustive()
    }
}
