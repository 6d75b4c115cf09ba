//! The commands that need no handle, and the listeners of a client.

use std::collections::HashMap;

use serde_json::{Value, json};
use smooth_operator::action::{self, Action};
use smooth_operator::{DecodeError, Direction, SmoothAgentClient, decode};

use crate::bodies::{Body, body, item_body, milliseconds, show};
use crate::commands::{Refused, Reply, bad, read, word};
use crate::output::{event, set_canary};

const FEATURES: [&str; 17] = [
    "virtual_clock",
    "conversation",
    "paging",
    "text_stream",
    "tee",
    "hold",
    "leave",
    "abort",
    "tls",
    "headers",
    "tap",
    "census",
    "reconnect",
    "replay",
    "handlers",
    "policy",
    "codec",
];

pub fn listen(client: &SmoothAgentClient, name: &str, tap: bool) {
    let on = name.to_owned();
    client.on_state(move |change| {
        let mut shown = body(json!({
            "from": change.previous.as_str(), "to": change.current.as_str(), "reason": change.reason, "code": change.code,
            "cause": change.error.map(|it| it.kind().as_str()), "attempt": change.attempt,
            "retryInMs": change.retry_in.map(milliseconds),
        }));
        if change.missed {
            shown.insert("missed".to_owned(), show(&true));
        }
        event("state", json!({"on": on}), shown);
    });
    let on = name.to_owned();
    client.on_event(move |pushed| event("pushed", json!({"on": on}), item_body(&pushed)));
    if tap {
        let on = name.to_owned();
        client.on_frame(move |note| {
            let direction = if note.direction == Direction::In { "in" } else { "out" };
            event("frame", json!({"on": on, "direction": direction, "type": note.wire_type, "requestId": note.request_id}), Body::new());
        });
    }
}

pub fn hello(c: &Value) -> Reply {
    let canary = c["canary"].as_str().unwrap_or_default();
    if !["", "drop-3rd-item", "alter-text", "drop-error-code"].contains(&canary) {
        return Err(bad("unknown canary"));
    }
    set_canary(canary);
    let features: HashMap<&str, Value> = FEATURES
        .into_iter()
        .map(|word| (word, json!(true)))
        .collect();
    Ok(body(json!({
        "protocol": 2, "nonce": c["nonce"], "name": "smooth-operator", "version": "0.1.0", "language": "rust",
        "runtime": "tokio", "spec": ["1.1"], "clientsMax": 8, "features": features,
    })))
}

pub fn decoded(text: &str) -> Body {
    match decode(text) {
        Ok(event) => item_body(&event),
        Err(DecodeError::Broken(event)) => {
            let problem = event.problem().map(
                |it| json!({"type": event.wire_type(), "kind": it.kind, "pointer": it.pointer}),
            );
            body(json!({"problem": problem}))
        }
        Err(_) => body(json!({"malformed": true})),
    }
}

pub fn checked(text: &str) -> Body {
    match decode(text) {
        Ok(_) => body(json!({"valid": true})),
        Err(DecodeError::Broken(event)) => {
            body(json!({"valid": false, "pointer": event.problem().map(|it| it.pointer.clone())}))
        }
        Err(_) => body(json!({"valid": false, "pointer": ""})),
    }
}

pub fn encoded(c: &Value) -> Reply {
    let args = &c["args"];
    let text = match word(c, "op")? {
        "create_conversation_session" => read::<action::CreateConversationSession>(args)?.to_json(),
        "send_message" => read::<action::SendMessage>(args)?.to_json(),
        "get_session" => read::<action::GetSession>(args)?.to_json(),
        "get_conversation_messages" => read::<action::GetConversationMessages>(args)?.to_json(),
        "list_conversations" => read::<action::ListConversations>(args)?.to_json(),
        "rename_conversation" => read::<action::RenameConversation>(args)?.to_json(),
        "confirm_tool_action" => read::<action::ConfirmToolAction>(args)?.to_json(),
        "verify_otp" => read::<action::VerifyOtp>(args)?.to_json(),
        "submit_interaction" => read::<action::SubmitInteraction>(args)?.to_json(),
        "cancel" => read::<action::Cancel>(args)?.to_json(),
        "ping" => read::<action::Ping>(args)?.to_json(),
        other => return Err(Refused("unknown-op", other.to_owned())),
    };
    Ok(body(json!({"text": text})))
}
