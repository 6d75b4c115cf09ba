//! An observer that writes events of the crate `tracing`.

use ::tracing::{debug, info, warn};

use super::Observer;
use crate::errors::{Error, QuestionKind};

/// Writes what happens to a client as events of the crate `tracing`, with the target
/// `smooth_operator`. Failures are told with their kind and text, which hold no secret (REQ-ERR-04).
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingObserver;

fn kind(error: &Error) -> &'static str {
    error.kind().as_str()
}

impl Observer for TracingObserver {
    fn attempt(&self, host: &str, error: Option<&Error>) {
        match error {
            None => info!(target: "smooth_operator", host, "link open"),
            Some(error) => {
                warn!(target: "smooth_operator", host, kind = kind(error), %error, "no link");
            }
        }
    }

    fn call(&self, action: &str, request_id: &str, error: Option<&Error>) {
        match error {
            None => debug!(target: "smooth_operator", action, request_id, "answered"),
            Some(error) => {
                let kind = kind(error);
                warn!(target: "smooth_operator", action, request_id, kind, %error, "call failed");
            }
        }
    }

    fn turn_started(&self, request_id: &str, session_id: &str) {
        info!(target: "smooth_operator", request_id, session_id, "turn started");
    }

    fn first_token(&self, request_id: &str) {
        debug!(target: "smooth_operator", request_id, "first token");
    }

    fn question(&self, request_id: &str, question: QuestionKind) {
        info!(target: "smooth_operator", request_id, %question, "a human is asked");
    }

    fn turn_settled(&self, request_id: &str, outcome: &str, error: Option<&Error>) {
        match error {
            None => info!(target: "smooth_operator", request_id, outcome, "turn settled"),
            Some(error) => {
                let kind = kind(error);
                warn!(target: "smooth_operator", request_id, outcome, kind, %error, "turn failed");
            }
        }
    }
}
