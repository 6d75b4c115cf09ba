//! What the client shows, in the words of PROTOCOL.md.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use smooth_operator::{
    Conversation, Counters, Error, ErrorKind, Event, Json, OtpCheck, Pong, Recovery, SubmitResult,
    TurnResult, failure,
};

/// A line of output, or a part of one.
pub type Body = BTreeMap<String, Json>;

pub fn show<T: serde::Serialize + ?Sized>(value: &T) -> Json {
    Json::from_serialize(value).unwrap_or_else(|_| Value::Null.into())
}

/// Members of a JSON object; those that are null are left out.
pub fn body(tree: Value) -> Body {
    let members = tree.as_object().cloned().unwrap_or_default();
    members
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, it)| (name, it.into()))
        .collect()
}

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Value::Null.into())
}

/// What every error may know, and what the payload of its variant adds.
pub fn error_body(error: &Error) -> Body {
    let kind = error.kind();
    let mut shown = body(json!({"kind": kind.as_str(), "text": error.to_string()}));
    if kind == ErrorKind::InvalidArgument {
        return shown;
    }
    shown.extend(body(json!({
        "retryable": error.is_retryable(),
        "code": error.code(),
        "requestId": error.request_id(),
        "sessionId": error.session_id(),
        "closeCode": error.close_code(),
        "partialText": error.partial_text().filter(|it| !it.is_empty()),
    })));
    let (facts, details) = carried(error);
    shown.extend(body(facts));
    let details = body(details);
    if !details.is_empty() {
        shown.insert("details".to_owned(), show(&details));
    }
    shown
}

pub fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// What only some variants know: beside the ids, and under `details`.
fn carried(error: &Error) -> (Value, Value) {
    match error {
        Error::ConnectFailed(it) | Error::Authentication(it) => (
            json!({
                "closeReason": it.close_reason(),
                "status": it.status(),
                "retryAfterMs": it.retry_after().map(milliseconds),
            }),
            json!({"body": it.body(), "requestId": it.answer_id()}),
        ),
        Error::ConnectionLost(it) => (json!({"closeReason": it.close_reason()}), Value::Null),
        Error::TurnInterrupted(it) => (
            json!({
                "closeReason": it.close_reason(),
                "question": it.question().map(|it| it.as_str()),
                "sent": it.sent(),
                "state": it.state(),
            }),
            Value::Null,
        ),
        Error::TurnTimeout(it) => (
            json!({"question": it.question().map(|it| it.as_str())}),
            Value::Null,
        ),
        Error::Handler(it) => (json!({"question": it.question().as_str()}), Value::Null),
        Error::InvalidFrame(it) => (json!({"at": it.pointer()}), Value::Null),
        Error::MessageTooLarge(it) => {
            (Value::Null, json!({"size": it.size(), "limit": it.limit()}))
        }
        _ => error.protocol().map_or_else(Default::default, reported),
    }
}

fn reported(error: &failure::Protocol) -> (Value, Value) {
    (
        json!({
            "serverMessage": error.server_message().filter(|it| !it.is_empty()),
            "status": error.status(),
            "retryAfterMs": error.retry_after().map(milliseconds),
        }),
        json!({"raw": error.details().map(Json::to_value)}),
    )
}

pub fn native_cancelled() -> Body {
    body(json!({"kind": "native_cancelled"}))
}

pub fn item_body(event: &Event) -> Body {
    if let Event::Unknown(unread) = event {
        let problem = unread
            .problem()
            .map(|it| json!({"kind": it.kind, "pointer": it.pointer}));
        let mut shown = body(
            json!({"type": "unknown", "unknown": true, "wireType": unread.wire_type(), "problem": problem}),
        );
        shown.insert("raw".to_owned(), parsed(unread.raw()));
        return shown;
    }
    let mut flat: Body = event.facts().parse().unwrap_or_default();
    if let Event::StreamChunk(chunk) = event {
        if let Some(call) = chunk.tool_call() {
            let shown = body(
                json!({"name": call.name, "arguments": call.arguments.to_value(), "callId": call.call_id}),
            );
            flat.insert("toolCall".to_owned(), show(&shown));
        }
        if let Some(result) = chunk.tool_result() {
            flat.insert("toolResult".to_owned(), show(&result));
        }
    }
    let merged = match event {
        Event::StreamToken(token) => Some(token.merged()).filter(|count| *count > 1),
        _ => None,
    };
    let mut shown = body(json!({"type": event.event_type().as_str(), "merged": merged}));
    shown.insert("data".to_owned(), parsed(event.to_json()));
    shown.insert("flat".to_owned(), show(&flat));
    shown
}

pub fn result_body(result: &TurnResult) -> Body {
    body(json!({
        "outcome": result.outcome.as_str(),
        "confirmed": result.confirmed,
        "text": result.text,
        "messageId": result.message_id,
        "citations": result.citations.as_ref().filter(|it| !it.is_empty()),
        "usage": result.usage,
    }))
}

pub fn ping_body(ping: Pong) -> Json {
    show(&body(json!({
        "serverTime": ping.server_time,
        "roundTripMs": ping.round_trip.as_secs_f64() * 1000.0,
    })))
}

pub fn otp_body(check: OtpCheck) -> Json {
    if check.declined {
        return show(&());
    }
    show(&body(json!({
        "verified": check.verified,
        "attemptsRemaining": check.attempts_remaining,
        "error": check.error,
        "message": check.message,
    })))
}

pub fn submission_body(submission: SubmitResult) -> Json {
    let errors = Some(submission.errors).filter(|it| !it.is_empty());
    show(&body(
        json!({"accepted": submission.accepted, "errors": errors, "message": submission.message}),
    ))
}

pub fn conversation_body(chat: &Conversation) -> Json {
    show(&json!({"sessionId": chat.session_id(), "conversationId": chat.conversation_id()}))
}

pub fn recovery_body(recovery: &Recovery) -> Json {
    let mut shown = body(json!({"status": recovery.as_str()}));
    if let Some(message) = recovery.message() {
        shown.insert("message".to_owned(), show(message));
    }
    show(&shown)
}

pub fn counters_body(counted: &Counters) -> Json {
    show(&json!({
        "connects": counted.connects, "reconnects": counted.reconnects,
        "framesIn": counted.frames_in, "framesOut": counted.frames_out,
        "droppedFrames": counted.dropped_frames, "openTurns": counted.open_turns,
        "resumedTurns": counted.resumed_turns,
    }))
}
