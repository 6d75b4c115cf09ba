//! Errors: kinds, facts, and what their texts never contain.

use serde_json::json;
use smooth_operator::{ErrorKind, SmoothAgentClient, action};

use crate::peer::{Peer, SESSION, client, soon};

#[tokio::test]
async fn req_err_02_codes_map_to_kinds_and_keep_their_facts() {
    let (client, mut link) = client().await;
    let table = [
        ("VALIDATION_ERROR", ErrorKind::InvalidRequest, false),
        ("AGENT_NOT_AUTHORIZED", ErrorKind::Permission, false),
        ("RATE_LIMITED", ErrorKind::RateLimited, true),
        ("LLM_UNAVAILABLE", ErrorKind::ServerError, false),
        ("STORAGE_ERROR", ErrorKind::ServerError, true),
        ("UNSUPPORTED_ACTION", ErrorKind::Unsupported, false),
        ("BRAND_NEW", ErrorKind::Protocol, false), // REQ-ERR-03
    ];
    for (code, kind, retryable) in table {
        let call = client.get_session(action::GetSession::new(SESSION));
        let id = link.action().await["requestId"].clone();
        let error = json!({"code": code, "message": "m", "retryAfterMs": 250});
        link.tell(json!({"type": "error", "requestId": id, "data": {"error": error, "details": {"x": 1}}})).await;
        let error = soon(call).await.expect_err("refused");
        assert_eq!(
            (error.kind(), error.code(), error.is_retryable()),
            (kind, Some(code), retryable)
        );
        assert_eq!(error.request_id(), id.as_str());
        assert_eq!(error.failure().details().retry_after_ms, Some(250));
        assert_eq!(
            error
                .failure()
                .details()
                .raw
                .as_ref()
                .expect("details")
                .get(),
            r#"{"x":1}"#
        );
        assert_eq!(error.failure().server_message(), Some("m"));
    }
}

#[test]
fn req_err_01_kinds_have_their_words_and_parents() {
    assert_eq!(ErrorKind::TurnInterrupted.as_str(), "turn_interrupted");
    assert_eq!(
        ErrorKind::TurnInterrupted.parent(),
        Some(ErrorKind::ConnectionLost)
    );
    assert_eq!(
        ErrorKind::ConnectionLost.parent(),
        Some(ErrorKind::Connection)
    );
    assert_eq!(ErrorKind::Connection.parent(), None);
}

#[tokio::test]
async fn req_err_04_texts_carry_nothing_that_was_said_or_secret() {
    let peer = Peer::start().await;
    let (client, mut link) = peer.connected(peer.builder().token("secret-token")).await;
    let turn = client.send_message(action::SendMessage::new(SESSION, "secret-message"));
    let id = link.action().await["requestId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let said = "for ada@example.org: secret-token secret-message";
    let error = json!({"code": "secret-code?x", "message": said});
    link.tell(json!({"type": "error", "requestId": id, "data": {"error": error, "details": said}}))
        .await;
    let error = soon(turn.result()).await.expect_err("failed");
    let text = format!("{error} {:?}", error.failure().message());
    assert!(!text.contains("secret") && !text.contains('@'), "{text}");
    let nobody = SmoothAgentClient::builder("ws://127.0.0.1:1/ws?key=secret")
        .token("secret")
        .build();
    let error = soon(nobody.expect("good options").connect())
        .await
        .expect_err("refused");
    let mut texts = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        texts.push_str(&inner.to_string());
        cause = inner.source();
    }
    assert!(!texts.contains("secret"), "{texts}");
}
