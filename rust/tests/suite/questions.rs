//! Questions to a human and the verbs that answer them.

use std::time::Duration;

use serde_json::json;
use smooth_operator::{Error, ErrorKind, QuestionKind, action};

use crate::peer::{Link, SESSION, client, soon, virtual_client};

type Tcp = tokio::net::TcpStream;

async fn confirmation(link: &mut Link<Tcp>, id: &str) {
    link.ask(
        id,
        "write_confirmation_required",
        json!({"toolId": "t", "actionDescription": "d", "confirmationId": "c-1"}),
    )
    .await;
}

async fn otp(link: &mut Link<Tcp>, id: &str) {
    link.ask(
        id,
        "otp_sent",
        json!({"channel": "email", "maskedDestination": "a***"}),
    )
    .await;
}

async fn form(link: &mut Link<Tcp>, id: &str) {
    link.ask(
        id,
        "interaction_required",
        json!({"interactionId": "i-1", "kind": "brand_new", "spec": {"x": 1}, "reason": "r"}),
    )
    .await;
}

#[tokio::test]
async fn req_verb_02_verbs_carry_the_ids_of_turn_and_question() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    confirmation(&mut link, &id).await;
    link.fence(&client).await;
    let question = turn.question(None).expect("a question");
    assert_eq!(
        (question.kind, question.event.event_type().as_str()),
        (QuestionKind::Confirmation, "write_confirmation_required")
    );
    let confirm = turn.confirm(false);
    let expected = json!({"action": "confirm_tool_action", "requestId": id, "sessionId": SESSION, "approved": false, "confirmationId": "c-1"});
    assert_eq!(link.action().await, expected);
    link.acknowledge(&id).await;
    soon(confirm).await.expect("taken");
    form(&mut link, &id).await;
    link.fence(&client).await;
    let submit = turn.submit(&json!({"name": "Ada"}));
    let expected = json!({"action": "submit_interaction", "requestId": id, "sessionId": SESSION, "interactionId": "i-1", "kind": "brand_new", "values": {"name": "Ada"}});
    assert_eq!(link.action().await, expected);
    link.acknowledge(&id).await;
    assert!(soon(submit).await.expect("taken").accepted);
    assert!(turn.question(None).is_none());
}

#[tokio::test]
async fn req_verb_05_a_second_answer_is_refused_and_so_is_one_to_nothing() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    let nothing = soon(turn.confirm(true)).await.expect_err("nothing is open");
    assert_eq!(
        (nothing.kind(), nothing.code()),
        (ErrorKind::Conflict, None)
    );
    assert!(nothing.is_no_pending_question());
    confirmation(&mut link, &id).await;
    link.fence(&client).await;
    let first = turn.confirm(true);
    let second = soon(turn.confirm(false)).await.expect_err("answered");
    assert_eq!(second.kind(), ErrorKind::AlreadyAnswered);
    assert_eq!(link.action().await["approved"], true);
    link.acknowledge(&id).await;
    soon(first).await.expect("taken");
    let wrong = soon(turn.decline(QuestionKind::Confirmation))
        .await
        .expect_err("misuse");
    assert_eq!(wrong.kind(), ErrorKind::InvalidArgument);
    let no_object = soon(turn.submit(&7)).await.expect_err("misuse");
    assert_eq!(no_object.kind(), ErrorKind::InvalidArgument);
    link.fence(&client).await;
}

#[tokio::test]
async fn req_verb_07_dropping_a_verb_ends_the_wait_alone() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    confirmation(&mut link, &id).await;
    link.fence(&client).await;
    drop(turn.confirm(true));
    assert_eq!(link.action().await["action"], "confirm_tool_action");
    link.acknowledge(&id).await;
    link.fence(&client).await;
    assert_eq!(
        soon(turn.confirm(true)).await.expect_err("answered").kind(),
        ErrorKind::AlreadyAnswered
    );
    link.finish(&id, "done").await;
    soon(turn.result()).await.expect("completed");
}

#[tokio::test]
async fn req_verb_08_the_clients_own_verbs_reach_the_live_turn_or_call() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    confirmation(&mut link, &id).await;
    link.fence(&client).await;
    let confirm = client.confirm_tool_action(action::ConfirmToolAction::new(SESSION, &id, true));
    assert_eq!(link.action().await["confirmationId"], "c-1");
    link.acknowledge(&id).await;
    soon(confirm).await.expect("taken");
    link.finish(&id, "done").await;
    soon(turn.result()).await.expect("completed");
    let late = client.confirm_tool_action(action::ConfirmToolAction::new(
        SESSION,
        "req-elsewhere",
        true,
    ));
    link.action().await;
    link.error("req-elsewhere", "NO_PENDING_CONFIRMATION").await;
    assert!(
        soon(late)
            .await
            .expect_err("nothing waits")
            .is_no_pending_question()
    );
    let cancel = client.cancel(
        action::Cancel::new()
            .request_id("req-elsewhere")
            .session_id(SESSION),
    );
    assert_eq!(link.action().await["action"], "cancel");
    soon(cancel).await.expect("written");
}

#[tokio::test]
async fn req_otp_01_a_wrong_code_is_no_error() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    otp(&mut link, &id).await;
    link.fence(&client).await;
    let check = turn.verify_otp("012345");
    assert_eq!(link.action().await["code"], "012345");
    link.ask(
        &id,
        "otp_invalid",
        json!({"error": "INVALID_CODE", "attemptsRemaining": 2, "message": "no"}),
    )
    .await;
    let check = soon(check).await.expect("an answer");
    assert_eq!(
        (
            check.verified,
            check.attempts_remaining,
            check.message.as_str()
        ),
        (false, Some(2), "no")
    );
    assert_eq!(check.error.expect("a reason").as_str(), "INVALID_CODE");
    let check = turn.verify_otp("123456");
    link.action().await;
    link.ask(&id, "otp_verified", json!({"message": "yes"}))
        .await;
    assert!(soon(check).await.expect("an answer").verified);
}

#[tokio::test]
async fn req_otp_03_the_otp_question_alone_outlives_its_turn() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    otp(&mut link, &id).await;
    link.finish(&id, "a code is on its way").await;
    soon(turn.result()).await.expect("completed");
    let check = turn.verify_otp("123456");
    assert_eq!(link.action().await["requestId"], id);
    link.ask(&id, "otp_verified", json!({"message": "yes"}))
        .await;
    assert!(soon(check).await.expect("an answer").verified);
    assert_eq!(
        soon(turn.verify_otp("1")).await.expect_err("closed").kind(),
        ErrorKind::Conflict
    );
}

#[tokio::test]
async fn req_otp_05_a_code_is_declined_only_where_the_server_can() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    otp(&mut link, &id).await;
    link.fence(&client).await;
    let error = soon(turn.decline(QuestionKind::Otp))
        .await
        .expect_err("not offered");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    link.fence(&client).await;
}

#[tokio::test]
async fn req_otp_06_a_code_is_in_no_error() {
    let (client, clock, mut link) = virtual_client().await;
    let (turn, id) = link.turn(&client).await;
    otp(&mut link, &id).await;
    link.fence(&client).await;
    let check = turn.verify_otp("987654");
    link.action().await;
    clock.advance(Duration::from_secs(30)).await;
    let error = soon(check).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::RequestTimeout);
    assert!(!format!("{error} {error:?}").contains("987654"));
    link.finish(&id, "").await;
}

#[tokio::test]
async fn req_form_01_field_errors_are_given_back_and_the_question_is_open_again() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    form(&mut link, &id).await;
    link.fence(&client).await;
    let submit = turn.submit(&json!({"name": ""}));
    link.action().await;
    let errors = json!([{"field": "name", "message": "needed"}]);
    link.ask(
        &id,
        "interaction_invalid",
        json!({"interactionId": "i-1", "kind": "brand_new", "errors": errors, "message": "no"}),
    )
    .await;
    let answer = soon(submit).await.expect("an answer");
    assert_eq!(
        (answer.accepted, answer.errors[0].field.as_str()),
        (false, "name")
    );
    let decline = turn.decline(QuestionKind::Interaction);
    assert_eq!(link.action().await["declined"], true);
    link.acknowledge(&id).await;
    soon(decline).await.expect("taken");
}

#[tokio::test]
async fn req_turn_13_a_question_has_its_own_time_and_the_idle_clock_stands_still() {
    let (client, clock, mut link) = virtual_client().await;
    let (turn, id) = link.turn(&client).await;
    let question = json!({"toolId": "t", "actionDescription": "d", "expiresAt": 300_000});
    link.tell(json!({"type": "write_confirmation_required", "requestId": id, "timestamp": 100_000, "data": {"requestId": id, "data": question}})).await;
    link.fence(&client).await;
    clock.advance(Duration::from_millis(209_999)).await;
    assert_eq!(turn.state().as_str(), "running");
    clock.advance(Duration::from_millis(1)).await;
    assert_eq!(link.action().await["action"], "cancel");
    let error = soon(turn.result()).await.expect_err("nobody answered");
    let Error::TurnTimeout(late) = error else {
        panic!("{error:?}");
    };
    assert_eq!(late.question(), Some(QuestionKind::Confirmation));
}
