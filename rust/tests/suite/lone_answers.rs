//! An answer whose turn lives elsewhere, and which a server may make a turn of (REQ-VERB-15).

use serde_json::json;
use smooth_operator::{SmoothAgentClient, TurnState, action};

use crate::peer::{Link, SESSION, client, soon};

fn confirm(client: &SmoothAgentClient) -> action::ConfirmToolAction {
    assert!(client.turn("far").is_none());
    action::ConfirmToolAction::new(SESSION, "far", true)
}

async fn accept(link: &mut Link<tokio::net::TcpStream>, status: i64) {
    link.action().await;
    link.tell(json!({
        "type": "immediate_response", "requestId": "far", "status": status, "data": {},
    }))
    .await;
}

async fn token(link: &mut Link<tokio::net::TcpStream>, text: &str) {
    link.tell(json!({
        "type": "stream_token", "requestId": "far", "token": text,
        "data": {"requestId": "far", "token": text},
    }))
    .await;
}

#[tokio::test]
async fn req_verb_15_a_lone_confirm_that_is_accepted_becomes_a_turn() {
    let (client, mut link) = client().await;
    let answer = client.confirm_tool_action(confirm(&client));
    accept(&mut link, 202).await;
    let turn = soon(answer).await.expect("accepted").expect("a turn");
    assert_eq!(
        (turn.request_id(), turn.session_id(), turn.state()),
        ("far", SESSION, TurnState::Running)
    );
    assert!(client.turn("far").is_some());
    token(&mut link, "a").await;
    token(&mut link, "b").await;
    link.tell(json!({
        "type": "eventual_response", "requestId": "far", "status": 200,
        "data": {"requestId": "far", "status": 200, "data": {"messageId": "m", "response": null}},
    }))
    .await;
    assert_eq!(soon(turn.result()).await.expect("a result").text, "ab");
    assert!(client.turn("far").is_none());
}

#[tokio::test]
async fn req_verb_15_a_lone_submit_that_is_accepted_hands_out_its_turn() {
    let (client, mut link) = client().await;
    let answer = client.submit_interaction(action::SubmitInteraction::new(SESSION, "far", "i-1"));
    accept(&mut link, 202).await;
    let result = soon(answer).await.expect("accepted");
    assert!(result.accepted);
    assert_eq!(result.turn.expect("a turn").request_id(), "far");
}

#[tokio::test]
async fn req_verb_15_only_the_first_frame_of_the_id_begins_a_turn() {
    let (client, mut link) = client().await;
    let answer = client.confirm_tool_action(confirm(&client));
    token(&mut link, "somebody else's").await;
    accept(&mut link, 202).await;
    link.fence(&client).await;
    assert!(client.turn("far").is_none());
    link.tell(json!({
        "type": "immediate_response", "requestId": "far", "status": 200, "data": {},
    }))
    .await;
    assert!(soon(answer).await.expect("answered").is_none());
}

#[tokio::test]
async fn req_verb_15_a_lone_answer_with_another_status_is_a_call() {
    let (client, mut link) = client().await;
    let answer = client.submit_interaction(action::SubmitInteraction::new(SESSION, "far", "i-1"));
    accept(&mut link, 200).await;
    let result = soon(answer).await.expect("answered");
    assert!(result.accepted && result.turn.is_none());
}
