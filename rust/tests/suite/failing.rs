//! Attempts and calls that fail: at once, with their cause, in the words of the table.

use std::error::Error as _;

use serde_json::json;
use smooth_operator::testing::VirtualClock;
use smooth_operator::{Error, ErrorKind, Json, JsonObject, SmoothAgentClient, TokenIn, action};
use tokio_tungstenite::tungstenite::Message;

use crate::connecting::{answered_by, request};
use crate::peer::{Peer, SESSION, client, soon};

/// Every text of an error and of what caused it.
fn texts(error: &Error) -> Vec<String> {
    let mut found = vec![error.to_string(), format!("{error:?}")];
    let mut cause = error.source();
    while let Some(one) = cause {
        found.push(format!("{one} {one:?}"));
        cause = one.source();
    }
    found
}

#[tokio::test]
async fn req_conn_21_a_failure_that_is_known_ends_the_attempt_at_once() {
    // The clock stands still: no limit can end the attempt.
    let client = SmoothAgentClient::builder("ws://127.0.0.1:1/ws?key=hidden-1")
        .token("hidden-2")
        .header("x-key", "hidden-3")
        .clock(VirtualClock::new())
        .build()
        .expect("good options");
    let error = soon(client.connect()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    let texts = texts(&error);
    assert!(texts.len() > 2, "there is a cause: {texts:?}");
    assert!(!texts.iter().any(|it| it.contains("hidden")), "{texts:?}");
}

#[tokio::test]
async fn req_conn_21_a_provider_that_panics_ends_the_attempt_at_once() {
    let peer = Peer::start().await;
    let builder = peer.builder().clock(VirtualClock::new());
    let builder = builder.token_provider(|_| async {
        assert!(std::env::args().count() == 0, "a fault of the provider");
        Ok::<_, String>(String::new())
    });
    let client = builder.build().expect("good options");
    let error = soon(client.connect()).await.expect_err("broken off");
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    assert_eq!(client.state().as_str(), "idle");
}

#[tokio::test]
async fn req_conn_23_the_table_says_which_refusals_may_be_tried_again() {
    for (status, retryable) in [
        ("503 Unavailable", true),
        ("429 Too Many", true),
        ("408 Timeout", true),
        ("403 Forbidden", false),
        ("302 Found", false),
        ("501 Never", false),
    ] {
        let error = answered_by(status).await;
        assert_eq!(error.is_retryable(), retryable, "{status}");
    }
}

#[tokio::test]
async fn req_conn_23_an_attempt_without_an_answer_may_be_tried_again() {
    let peer = Peer::start().await;
    let client = peer.builder().build().expect("good options");
    let serve = async { drop(request(&mut peer.tcp().await).await) };
    let (error, ()) = tokio::join!(client.connect(), serve);
    assert!(error.expect_err("no answer").is_retryable());
}

#[tokio::test]
async fn req_conn_28_a_token_that_no_header_may_hold_is_an_argument_error() {
    let peer = Peer::start().await;
    let builder = peer.builder().token_in(TokenIn::Header);
    let builder =
        builder.token_provider(|_| async { Ok::<_, String>("hidden\r\nx: 1".to_owned()) });
    let client = builder.build().expect("good options");
    let error = soon(client.connect()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(!error.to_string().contains("hidden"), "{error}");
}

#[tokio::test]
async fn req_conn_28_a_provider_may_raise_the_clients_own_authentication_error() {
    let own = answered_by("401 Unauthorized").await;
    let peer = Peer::start().await;
    let builder = peer.builder().token_provider(move |_| {
        let own = own.clone();
        async move { Err::<String, _>(own) }
    });
    let client = builder.build().expect("good options");
    let error = soon(client.connect()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Authentication);
}

#[tokio::test]
async fn req_call_11_json_with_half_of_a_pair_is_refused_and_nothing_is_sent() {
    let (client, mut link) = client().await;
    let half: JsonObject = serde_json::from_str(r#"{"a":"\ud83d"}"#).expect("JSON");
    let action = action::CreateConversationSession::new("a").metadata(half.clone());
    let call = soon(client.create_conversation_session(action)).await;
    let call = call.expect_err("refused").kind();
    let values = action::SubmitInteraction::new(SESSION, "far", "i").values(half.clone());
    let answer = soon(client.submit_interaction(values)).await;
    let answer = answer.expect_err("refused").kind();
    let (turn, id) = link.turn(&client).await;
    let question = json!({"interactionId": "i", "kind": "new", "spec": {}, "reason": "r"});
    link.ask(&id, "interaction_required", question).await;
    link.fence(&client).await;
    let live = soon(turn.submit(&half)).await.expect_err("refused").kind();
    assert_eq!([call, answer, live], [ErrorKind::InvalidArgument; 3]);
    let whole: Json = serde_json::from_str(r#"{"a":"\ud83d\ude00 \\ud83d"}"#).expect("JSON");
    let sent = turn.submit(&whole);
    assert_eq!(link.action().await["action"], "submit_interaction");
    drop(sent);
}

#[tokio::test]
async fn req_wire_16_pings_and_pongs_that_nobody_asked_for_cost_no_queue() {
    let (client, mut link) = client().await;
    let mut flood = Vec::new();
    for _ in 0..20_000 {
        flood.extend_from_slice(b"\x8a\x03abc\x89\x03abc");
    }
    link.raw(&flood).await;
    link.fence(&client).await;
    link.send(Message::text("{\"type\":\"keepalive\"}")).await;
    link.fence(&client).await;
}

#[tokio::test]
async fn req_err_07_the_text_of_an_error_is_the_tables_with_its_places_filled() {
    let client = SmoothAgentClient::new("ws://127.0.0.1:1/ws").expect("good options");
    let refused = soon(client.connect()).await.expect_err("refused");
    let text = refused.to_string();
    assert!(
        text.starts_with("Could not connect to 127.0.0.1:1: "),
        "{text}"
    );
    let waiting = soon(client.ping()).await.expect_err("not connected");
    let text = waiting.to_string();
    assert!(
        !text.contains(['[', '{']) && text.contains("connect"),
        "{text}"
    );
    let status = answered_by("403 Forbidden").await.to_string();
    assert!(status.contains("(HTTP 403)"), "{status}");
}

#[tokio::test]
async fn req_err_08_the_chain_of_causes_is_the_languages_own() {
    let client = SmoothAgentClient::new("ws://127.0.0.1:1/ws").expect("good options");
    let error = soon(client.connect()).await.expect_err("refused");
    let cause = error
        .source()
        .and_then(|it| it.downcast_ref::<std::io::Error>());
    let kind = cause.map(std::io::Error::kind);
    assert_eq!(kind, Some(std::io::ErrorKind::ConnectionRefused));
}
