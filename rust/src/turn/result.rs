//! What a turn came to.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::wire::events::{Event, EventualResponse};
use crate::wire::steps;
use crate::wire::types::{Citation, Usage};

/// How a turn ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The agent answered.
    Completed,
    /// The turn was stopped.
    Cancelled,
}

impl Outcome {
    /// The word that is the same in every language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a turn came to (REQ-TURN-18). It does not change any more.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TurnResult {
    /// The answer; of a cancelled turn what had been streamed.
    pub text: String,
    /// How the turn ended.
    pub outcome: Outcome,
    /// Of a cancelled turn: whether the server said so.
    pub confirmed: Option<bool>,
    /// The turn.
    pub request_id: String,
    /// Its session.
    pub session_id: String,
    /// The stored message.
    pub message_id: Option<String>,
    /// Sources that the answer rests on.
    pub citations: Option<Vec<Citation>>,
    /// What the answer cost.
    pub usage: Option<Usage>,
    /// Whether a human agent should take over.
    pub needs_escalation: Option<bool>,
    /// Why a human agent should take over.
    pub escalation_reason: Option<String>,
    /// From `send` to the outcome, on the client's clock (REQ-LOG-03).
    pub duration: Duration,
    /// From `send` to the first streamed token, where there was one (REQ-LOG-03).
    pub time_to_first_token: Option<Duration>,
    /// The event that ended the turn; none when the turn ended here.
    pub event: Option<Event>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<steps::Outcome> for Outcome {
    /// A turn that failed has no result.
    fn from(outcome: steps::Outcome) -> Self {
        match outcome {
            steps::Outcome::Completed => Self::Completed,
            steps::Outcome::Cancelled | steps::Outcome::Failed => Self::Cancelled,
        }
    }
}

impl TurnResult {
    pub(crate) fn new(request_id: &str, session_id: &str, outcome: Outcome, text: String) -> Self {
        Self {
            text,
            outcome,
            confirmed: None,
            request_id: request_id.to_owned(),
            session_id: session_id.to_owned(),
            message_id: None,
            citations: None,
            usage: None,
            needs_escalation: None,
            escalation_reason: None,
            duration: Duration::ZERO,
            time_to_first_token: None,
            event: None,
        }
    }

    pub(crate) fn told_by(mut self, terminal: &Event) -> Self {
        if let Event::EventualResponse(event) = terminal {
            self.message_id = Some(event.message_id().to_owned());
            self.citations = event.citations().map(<[Citation]>::to_vec);
            self.usage = event.usage().cloned();
            self.needs_escalation = event.needs_escalation();
            self.escalation_reason = event.escalation_reason().map(str::to_owned);
        }
        self.event = Some(terminal.clone());
        self
    }
}

/// The text that a terminal event carries: `response` itself when it is a string, else its
/// `responseParts`; none where neither says anything (REQ-TURN-09).
pub(crate) fn final_text(terminal: &Event) -> Option<String> {
    match terminal {
        Event::EventualResponse(event) => answer_text(event),
        _ => None,
    }
}

fn answer_text(event: &EventualResponse) -> Option<String> {
    match event.response().to_value() {
        Value::String(text) => Some(text),
        Value::Object(mut response) => {
            let Some(Value::Array(parts)) = response.remove("responseParts") else {
                return None;
            };
            if parts.is_empty() {
                return None;
            }
            let texts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
            Some(texts.join("\n\n"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::final_text;
    use crate::wire::codec::decode;

    fn text(response: &str) -> Option<String> {
        let frame = format!(
            r#"{{"type":"eventual_response","requestId":"r","data":{{"requestId":"r","status":200,"data":{{"messageId":"m","response":{response}}}}}}}"#
        );
        final_text(&decode(&frame).expect("a good frame"))
    }

    #[test]
    fn req_turn_09_the_text_is_the_string_or_the_string_parts() {
        assert_eq!(text(r#""done""#).as_deref(), Some("done"));
        assert_eq!(text(r#""""#).as_deref(), Some(""));
        assert_eq!(
            text(r#"{"responseParts":["a",1,"b"]}"#).as_deref(),
            Some("a\n\nb")
        );
        for absent in [
            r#"{"responseParts":[]}"#,
            r#"{"responseParts":null}"#,
            "{}",
            "null",
            "[]",
            "7",
        ] {
            assert_eq!(text(absent), None, "{absent}");
        }
    }
}
