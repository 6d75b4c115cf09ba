//! Errors: kinds, facts, and what their texts never contain.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use quote::ToTokens as _;
use serde_json::json;
use smooth_operator::{ErrorKind, SmoothAgentClient, action};

use crate::failures::expanded;
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
        let told = error.protocol().expect("the server's");
        assert_eq!(told.retry_after(), Some(Duration::from_millis(250)));
        assert_eq!(told.details().expect("details").get(), r#"{"x":1}"#);
        assert_eq!(told.server_message(), Some("m"));
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
    let text = format!("{error} {error:?}");
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

/// The facts of a list in a row of the table, as members are called here.
fn facts(row: &str, list: &str) -> Vec<String> {
    let (_, rest) = row.split_once(&format!("{list}: [")).expect("a list");
    let (words, _) = rest.split_once(']').expect("its end");
    let words = words.split(',').map(str::trim).filter(|it| !it.is_empty());
    words
        .map(|word| {
            let snake = word.chars().flat_map(|it| {
                let low = it.to_ascii_lowercase();
                it.is_ascii_uppercase()
                    .then_some('_')
                    .into_iter()
                    .chain([low])
            });
            let snake: String = snake.collect();
            snake.trim_end_matches("_ms").to_owned() // a duration has its unit in its type
        })
        .collect()
}

/// The payload of the variants of a kind.
fn payload(kind: &str) -> String {
    match kind {
        "connect_failed" | "authentication" => "Connect".to_owned(),
        "not_connected" | "already_answered" | "reconnect_exhausted" => "Ids".to_owned(),
        _ => kind
            .split('_')
            .map(|word| word[..1].to_uppercase() + &word[1..])
            .collect(),
    }
}

/// What each payload shows: whether a fact is always there.
fn payloads() -> BTreeMap<(String, String), bool> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/errors/failure.rs");
    let source = std::fs::read_to_string(file).expect("the payloads");
    let mut found = BTreeMap::new();
    for item in expanded(&source).items {
        let syn::Item::Impl(of) = item else { continue };
        let name = of.self_ty.to_token_stream().to_string();
        for one in of.items {
            if let syn::ImplItem::Fn(it) = one {
                let given = it.sig.output.to_token_stream().to_string();
                let fact = it.sig.ident.to_string();
                found.insert((name.clone(), fact), !given.contains("Option"));
            }
        }
    }
    found
}

#[test]
fn req_err_01_payloads_have_the_facts_that_the_table_names() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/errors.yaml");
    let table = std::fs::read_to_string(table).expect("the table");
    let (_, rows) = table.split_once("\noutcomes:\n").expect("the outcomes");
    let rows: Vec<&str> = rows
        .lines()
        .take_while(|it| it.starts_with("  - {kind: "))
        .collect();
    assert!(rows.len() > 10, "{rows:?}");
    let shown = payloads();
    for row in rows {
        let (kind, _) = row["  - {kind: ".len()..].split_once(',').expect("a kind");
        let name = payload(kind);
        let fact = |it: &String| shown.get(&(name.clone(), it.clone())).copied();
        for one in facts(row, "always") {
            assert_eq!(fact(&one), Some(true), "{name}::{one} of {kind}");
        }
        for one in facts(row, "maybe") {
            assert_eq!(fact(&one), Some(false), "{name}::{one} of {kind}");
        }
    }
}
