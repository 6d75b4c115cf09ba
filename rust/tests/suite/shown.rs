//! What `{:?}` and `{}` show of public values: something to read, and no secret.

use serde_json::json;
use smooth_operator::{
    ConnectionState, Outcome, QuestionKind, SmoothAgentClient, TurnState, types,
};

use crate::peer::{client, soon};

#[tokio::test]
async fn req_log_01_what_is_shown_of_a_turn_can_be_read() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    link.fence(&client).await;
    let shown = format!("{turn:?} {:?} {:?}", turn.handle(), turn.events());
    assert!(shown.contains(&id) && shown.contains("Running"), "{shown}");
    link.ask(
        &id,
        "write_confirmation_required",
        json!({"toolId": "t", "actionDescription": "d"}),
    )
    .await;
    link.fence(&client).await;
    let asked = format!(
        "{:?}",
        turn.question(QuestionKind::Confirmation).expect("asked")
    );
    assert!(asked.contains("Confirmation") && asked.contains("write_confirmation_required"));
    link.finish(&id, "done").await;
    let result = format!("{:?}", soon(turn.result()).await.expect("a result"));
    assert!(
        result.contains("done") && result.contains("Completed"),
        "{result}"
    );
}

#[test]
fn req_log_01_words_are_those_of_the_specification() {
    assert_eq!(
        format!(
            "{} {} {} {}",
            ConnectionState::Open,
            TurnState::Running,
            Outcome::Cancelled,
            QuestionKind::Otp
        ),
        "open running cancelled otp"
    );
}

#[test]
fn req_log_01_no_secret_is_shown_of_what_a_caller_gives() {
    let client = SmoothAgentClient::new("ws://127.0.0.1:1/ws?token=hidden-1").expect("options");
    let proof = types::AuthContext::new("u", "hidden-2", 1);
    let start = client
        .start_conversation("agent")
        .auth_context(proof.clone());
    let shown = format!("{client:?} {start:?} {proof:?} {:?}", client.ping());
    assert!(
        shown.contains("127.0.0.1") && shown.contains("agent"),
        "{shown}"
    );
    assert!(!shown.contains("hidden"), "{shown}");
}
