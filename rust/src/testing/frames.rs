//! The events that a server writes, each fact at all its places.

use serde_json::{Map, Value, json};

/// The codes of `spec/errors.yaml`, and whether one can end a turn.
const CODES: &[(&str, bool)] = &[
    ("VALIDATION_ERROR", true),
    ("UNSUPPORTED_ACTION", true),
    ("SESSION_NOT_FOUND", true),
    ("CONVERSATION_NOT_FOUND", true),
    ("SKILL_NOT_FOUND", true),
    ("AGENT_NOT_AUTHORIZED", true),
    ("ORIGIN_NOT_ALLOWED", true),
    ("AUTH_CONTEXT_INVALID", true),
    ("TURN_IN_PROGRESS", true),
    ("NO_PENDING_CONFIRMATION", false),
    ("NO_PENDING_INTERACTION", false),
    ("INTERACTION_MISMATCH", false),
    ("RATE_LIMITED", true),
    ("LLM_UNAVAILABLE", true),
    ("AGENT_ERROR", true),
    ("INTERNAL_ERROR", true),
    ("STORAGE_ERROR", true),
    ("OTP_SEND_FAILED", false),
];

/// Whether a code can end a turn; none for one that is no code.
pub(super) fn ends_turn(code: &str) -> Option<bool> {
    CODES.iter().find(|row| row.0 == code).map(|row| row.1)
}

/// Panics for a close code that no peer may send.
#[track_caller]
pub(super) fn check_close(code: u16) {
    let sent = matches!(code, 1000..=1003 | 1005..=1009 | 1011..=1014 | 3000..=4999);
    assert!(sent, "no peer may end a link with the close code {code}");
}

fn with_id(mut frame: Value, id: Option<&str>) -> Value {
    if let Some(id) = id {
        frame["requestId"] = id.into();
    }
    frame
}

pub(super) fn immediate(id: Option<&str>, now: u64, status: u16, data: Value) -> Value {
    let frame =
        json!({"type": "immediate_response", "status": status, "data": data, "timestamp": now});
    with_id(frame, id)
}

pub(super) fn pong(id: Option<&str>, now: u64) -> Value {
    let frame = json!({"type": "pong", "data": {"timestamp": now}, "timestamp": now});
    with_id(frame, id)
}

pub(super) fn piece(kind: &str, id: &str, now: u64, token: &str) -> Value {
    json!({
        "type": kind, "requestId": id, "token": token, "timestamp": now,
        "data": {"requestId": id, "token": token},
    })
}

pub(super) fn chunk(id: &str, now: u64, node: &str, raw: Option<&Value>) -> Value {
    let state = raw.map_or_else(|| json!({}), |raw| json!({"rawResponse": raw}));
    json!({
        "type": "stream_chunk", "requestId": id, "node": node, "timestamp": now,
        "data": {"requestId": id, "node": node, "state": state},
    })
}

/// An event whose facts lie under `data.data`.
pub(super) fn nested(kind: &str, id: &str, now: u64, details: Value) -> Value {
    json!({
        "type": kind, "requestId": id, "timestamp": now, "data": {"requestId": id, "data": details},
    })
}

pub(super) fn error(
    id: Option<&str>,
    now: u64,
    code: &str,
    message: &str,
    terminal: Option<bool>,
) -> Value {
    let mut info = json!({"code": code, "message": message});
    if let Some(terminal) = terminal {
        info["terminal"] = terminal.into();
    }
    let mut frame =
        json!({"type": "error", "error": info, "timestamp": now, "data": {"error": info}});
    if let Some(id) = id {
        frame["data"]["requestId"] = id.into();
    }
    with_id(frame, id)
}

pub(super) fn cancelled(id: &str, now: u64) -> Value {
    json!({
        "type": "cancelled", "requestId": id, "status": 499, "timestamp": now,
        "data": {"requestId": id, "status": 499},
    })
}

pub(super) fn resumed(id: &str, now: u64, state: &str, last: usize) -> Value {
    nested(
        "turn_resumed",
        id,
        now,
        json!({"state": state, "lastSeq": last}),
    )
}

/// The answer in the form that real servers give it.
pub(super) fn answer(
    id: &str,
    now: u64,
    message_id: &str,
    text: &str,
    more: &super::facts::Finish,
) -> Value {
    let mut data = json!({
        "messageId": message_id,
        "needsEscalation": false,
        "response": {
            "responseParts": [text],
            "customerHappinessScore": 0.5,
            "needsSatisfactionScore": 0.5,
            "requestSummary": "",
            "resolutionStatus": "in_progress",
            "suggestedNextActions": more.suggestions,
        },
    });
    if let Some(usage) = &more.usage {
        data["usage"] = Value::Object(usage.clone());
    }
    if !more.citations.is_empty() {
        data["citations"] = Value::Array(more.citations.clone());
    }
    json!({
        "type": "eventual_response", "requestId": id, "status": 200, "timestamp": now,
        "data": {"requestId": id, "status": 200, "data": data},
    })
}

/// A member of an action that is text.
pub(super) fn text<'a>(frame: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    frame.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::ends_turn;

    #[test]
    fn the_codes_are_those_of_the_specification() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/errors.yaml");
        let table = std::fs::read_to_string(path).expect("the specification");
        let mut rows = 0;
        for row in table
            .lines()
            .filter_map(|it| it.strip_prefix("  - {code: "))
        {
            let Some((code, rest)) = row.split_once(',').filter(|it| it.0.contains('_')) else {
                continue;
            };
            let never = rest.contains("terminal: never");
            assert_eq!(ends_turn(code), Some(!never), "{code}");
            rows += 1;
        }
        assert_eq!(rows, super::CODES.len());
    }
}
