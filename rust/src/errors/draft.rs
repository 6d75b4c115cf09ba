//! Errors in the making: their facts are put together, then their text is the table's.

use std::sync::Arc;
use std::time::Duration;

use super::facts::{Facts, Known};
use super::{Error, QuestionKind};
use crate::wire::codes::error_text;
use crate::wire::errors::{Leaf, code_row};
use crate::wire::events::{self, Event};
use crate::wire::json::Field;

/// A code as it may stand in a text: whatever a server sends under that name is not trusted.
pub(super) fn shown(code: &str) -> &str {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if code.len() <= 64 && code.chars().all(plain) {
        code
    } else {
        "unlisted code"
    }
}

/// A duration as a frame has it; one that has passed already is none at all.
fn milliseconds(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or_default())
}

/// The text of an error as the table has it, its places filled (REQ-ERR-07).
fn text_of(leaf: Leaf, facts: &Facts) -> String {
    let number = |number: Option<i64>| number.map(|it| it.to_string());
    error_text(&format!("{leaf:?}"), |name| match name {
        "host" => Some(facts.place.as_deref().unwrap_or("the server").to_owned()),
        "code" => facts.code.as_deref().map(|code| shown(code).to_owned()),
        "close" => facts.close_code.map(|code| code.to_string()),
        "status" => number(facts.status),
        "request_id" => facts.request_id.clone(),
        "session_id" => facts.session_id.clone(),
        "limit" => facts.limit.map(|limit| limit.to_string()),
        "reason" => facts.reason.clone(),
        _ => None,
    })
}

/// An error in the making.
#[derive(Default)]
pub(crate) struct Draft(pub(super) Facts);

impl Draft {
    /// An error of the link or of a frame, with the reason that is known.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(Facts {
            reason: Some(reason.into()),
            ..Facts::default()
        })
    }

    /// What a server's error event says (REQ-ERR-02, REQ-ERR-03).
    pub(super) fn told(event: &events::Error) -> Self {
        Self(Facts {
            retryable: Some(code_row(event.code()).retryable),
            code: Some(event.code().to_owned()),
            server_message: Some(event.message().to_owned()),
            retry_after: event.retry_after_ms().map(milliseconds),
            details: match event.details() {
                Field::Value(details) => Some(details.clone()),
                Field::Absent | Field::Null => None,
            },
            event: Some(Event::Error(event.clone())),
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
        self.0.status = status.map(i64::from);
        self.0.retry_after = retry_after;
        self.0.body = body;
        self.0.answer_id = request_id;
        self
    }

    pub(crate) fn status(mut self, status: i64) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn size(mut self, size: Option<u64>, limit: u64) -> Self {
        self.0.size = size;
        self.0.limit = Some(limit);
        self
    }

    pub(crate) fn pointer(mut self, pointer: &str) -> Self {
        self.0.pointer = Some(pointer.to_owned());
        self.0.reason = self.0.pointer.clone();
        self
    }

    /// What the server said of a turn that does not go on: its word, and its code.
    pub(crate) fn said(mut self, state: Option<&str>, code: Option<&str>) -> Self {
        self.0.state = state.map(str::to_owned);
        self.0.code = code.map(str::to_owned);
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

    /// The newest number that the turn had taken (REQ-RESUME-12).
    pub(crate) fn last_seq(mut self, seq: i64) -> Self {
        self.0.last_seq = seq;
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
        Error::of(leaf, Known::of(self.0))
    }
}
