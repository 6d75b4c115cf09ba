//! Log records. A client is silent until a logger is given (REQ-LOG-01).

use std::sync::Arc;

/// How much a record matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Frames by type, id and size.
    Debug,
    /// Changes of the link's state.
    Info,
    /// Something failed that nobody awaits, or a frame was dropped.
    Warning,
    /// The user of the program must act.
    Error,
}

/// One record.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogRecord {
    /// How much it matters.
    pub level: Level,
    /// What happened. Never a token, URL query, header or one-time code.
    pub message: String,
    /// The action that it is about.
    pub request_id: Option<String>,
    /// The frame, only with the option `log_payloads`.
    pub payload: Option<String>,
}

impl LogRecord {
    pub(crate) fn new(level: Level, message: impl Into<String>) -> Self {
        Self {
            level,
            message: message.into(),
            request_id: None,
            payload: None,
        }
    }

    pub(crate) fn about(mut self, request_id: Option<&str>) -> Self {
        self.request_id = request_id.map(str::to_owned);
        self
    }
}

/// Takes the records of a client, one at a time, on its dispatcher.
pub(crate) type Logger = Arc<dyn Fn(&LogRecord) + Send + Sync>;

/// A frame without what the specification calls secret: one-time codes, signatures.
pub(crate) fn redacted(secrets: &[(&str, &str)], word: &str, text: &str) -> String {
    let Ok(mut tree) = serde_json::from_str::<serde_json::Value>(text) else {
        return String::from("(not JSON)");
    };
    for (_, pointer) in secrets.iter().filter(|(known, _)| *known == word) {
        if let Some(secret) = tree.pointer_mut(pointer) {
            *secret = serde_json::Value::from("…");
        }
    }
    tree.to_string()
}

#[cfg(test)]
mod tests {
    use super::redacted;
    use crate::wire::actions::ACTION_SECRETS;

    #[test]
    fn req_otp_06_codes_are_struck_out_of_logged_payloads() {
        let text = r#"{"action":"verify_otp","code":"123456"}"#;
        assert_eq!(
            redacted(ACTION_SECRETS, "verify_otp", text),
            r#"{"action":"verify_otp","code":"…"}"#
        );
    }

    #[test]
    fn req_log_01_signatures_are_struck_out_of_logged_payloads() {
        let text = redacted(
            ACTION_SECRETS,
            "create_conversation_session",
            r#"{"action":"create_conversation_session","authContext":{"signature":"s","userId":"u"}}"#,
        );
        assert!(!text.contains("\"s\""), "{text}");
    }
}
