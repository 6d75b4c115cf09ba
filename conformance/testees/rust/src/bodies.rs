//! What the client shows, in the words of PROTOCOL.md.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use smooth_operator::{
    Conversation, Error, ErrorKind, Event, Json, OtpCheck, Pong, SubmitResult, TurnResult,
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

pub fn error_body(error: &Error) -> Body {
    let (failure, kind) = (error.failure(), error.kind());
    if kind == ErrorKind::InvalidArgument {
        return body(json!({"kind": kind.as_str(), "text": error.to_string()}));
    }
    let known = failure.details();
    let details = body(json!({
        "body": known.body,
        "requestId": known.request_id,
        "raw": known.raw.as_ref().map(Json::to_value),
        "size": known.size,
        "limit": known.limit,
    }));
    body(json!({
        "kind": kind.as_str(),
        "text": error.to_string(),
        "retryable": error.is_retryable(),
        "code": failure.code(),
        "requestId": failure.request_id(),
        "sessionId": failure.session_id(),
        "closeCode": failure.close_code(),
        "closeReason": failure.close_reason(),
        "serverMessage": failure.server_message().filter(|it| !it.is_empty()),
        "partialText": failure.partial_text().filter(|it| !it.is_empty()),
        "question": failure.question().map(|it| it.as_str()),
        "sent": failure.sent(),
        "status": known.status,
        "retryAfterMs": known.retry_after_ms,
        "at": failure.pointer(),
        "details": (!details.is_empty()).then_some(details),
    }))
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
