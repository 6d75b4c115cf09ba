//! Calls: ids, answers, limits, and waits that are given up.

use std::time::Duration;

use serde_json::json;
use smooth_operator::types::{FileAttachment, ImageAttachment};
use smooth_operator::{Error, ErrorKind, Field, action};

use crate::peer::{Peer, SESSION, client, soon, virtual_client};

#[tokio::test]
async fn req_call_01_an_id_that_is_in_flight_is_refused_and_nothing_is_sent() {
    let (client, mut link) = client().await;
    let (_turn, id) = link.turn(&client).await;
    let refused = client.send_message(action::SendMessage::new(SESSION, "again").request_id(&id));
    let error = refused.started().expect_err("in flight");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let call = client.get_session(action::GetSession::new(SESSION).request_id(&id));
    assert_eq!(
        soon(call).await.expect_err("in flight").kind(),
        ErrorKind::InvalidArgument
    );
    link.fence(&client).await;
}

#[tokio::test]
async fn req_call_02_a_call_has_a_limit_and_late_answers_disturb_nobody() {
    let (client, clock, mut link) = virtual_client().await;
    let events = crate::peer::Heard::default();
    let seen = events.clone();
    client.on_event(move |event| seen.push(event.raw().to_owned()));
    let call = client.get_session(action::GetSession::new(SESSION));
    let id = link.action().await["requestId"].clone();
    clock.advance(Duration::from_secs(30)).await;
    assert_eq!(
        soon(call).await.expect_err("late").kind(),
        ErrorKind::RequestTimeout
    );
    link.tell(json!({"type": "immediate_response", "requestId": id, "status": 200, "data": {}}))
        .await;
    link.fence(&client).await;
    assert!(events.all().is_empty());
    assert_eq!(clock.timers(), 0);
}

#[tokio::test]
async fn req_call_03_the_first_known_event_decides() {
    let (client, mut link) = client().await;
    let answers = [
        (
            json!({"type": "immediate_response", "status": 422, "data": {}}),
            ErrorKind::Protocol,
        ),
        (json!({"type": "pong"}), ErrorKind::UnexpectedEvent),
        (
            json!({"type": "error", "data": {"error": {"code": "SESSION_NOT_FOUND", "message": "m"}}}),
            ErrorKind::NotFound,
        ),
        (
            json!({"type": "immediate_response", "data": 7}),
            ErrorKind::InvalidFrame,
        ),
        (
            json!({"type": "immediate_response", "status": 200, "data": {}}),
            ErrorKind::InvalidFrame,
        ),
    ];
    for (mut answer, kind) in answers {
        let call = client.get_session(action::GetSession::new(SESSION));
        answer["requestId"] = link.action().await["requestId"].clone();
        link.tell(json!({"type": "keepalive", "requestId": answer["requestId"], "data": {"requestId": "x"}})).await;
        link.tell(json!({"type": "brand_new", "requestId": answer["requestId"]}))
            .await;
        link.tell(answer).await;
        assert_eq!(soon(call).await.expect_err("failed").kind(), kind);
    }
}

#[tokio::test]
async fn req_call_04_what_is_not_set_is_absent() {
    let (client, mut link) = client().await;
    let call = client.list_conversations(action::ListConversations::new());
    assert_eq!(
        link.action().await,
        json!({"action": "list_conversations", "requestId": "req-0"})
    );
    link.tell(json!({"type": "immediate_response", "requestId": "req-0", "data": {"conversations": [], "nextCursor": null, "later": 1}})).await;
    let page = soon(call).await.expect("a page");
    assert_eq!((page.next_cursor, page.has_more), (Field::Null, None));
    assert_eq!(page.extra["later"].get(), "1");
}

#[tokio::test]
async fn req_call_06_a_pong_without_a_time_invents_none() {
    let (client, clock, mut link) = virtual_client().await;
    let ping = client.ping();
    let action = link.action().await;
    clock.advance(Duration::from_millis(7)).await;
    link.tell(json!({"type": "pong", "requestId": action["requestId"]}))
        .await;
    let pong = soon(ping).await.expect("a pong");
    assert_eq!(
        (pong.server_time, pong.round_trip),
        (None, Duration::from_millis(7))
    );
}

#[tokio::test]
async fn req_call_09_dropping_a_call_ends_the_wait_and_takes_back_a_frame_that_waits_for_the_link()
{
    let peer = Peer::start().await;
    let client = peer.builder().lazy(true).build().expect("good options");
    drop(client.ping());
    let kept = client.ping();
    let mut link = peer.accept().await;
    assert_eq!(link.action().await["requestId"], "req-1");
    drop(kept);
    link.fence(&client).await;
}

#[tokio::test]
async fn req_call_10_a_message_over_one_mebibyte_is_refused_before_anything_is_sent() {
    let (client, mut link) = client().await;
    let large = ImageAttachment::new("x".repeat(1024 * 1024));
    let turn = client.send_message(action::SendMessage::new(SESSION, "look").images([large]));
    let error = soon(turn.result()).await.expect_err("too large");
    let Error::MessageTooLarge(large) = error else {
        panic!("{error:?}");
    };
    assert_eq!(large.limit(), 1024 * 1024);
    let create = action::CreateConversationSession::new("x".repeat(1024 * 1024));
    let call = client.create_conversation_session(create);
    assert_eq!(
        soon(call).await.expect_err("too large").kind(),
        ErrorKind::MessageTooLarge
    );
    link.fence(&client).await;
}

#[tokio::test]
async fn req_call_03_an_action_with_one_answer_is_called_by_its_type_alone() {
    let (client, mut link) = client().await;
    let call = client.call(action::RenameConversation::new(SESSION, "new"));
    assert_eq!(link.action().await["requestId"], "req-0");
    link.tell(json!({"type": "immediate_response", "requestId": "req-0", "status": 200, "data": {"conversationId": SESSION, "title": "New"}})).await;
    assert_eq!(soon(call).await.expect("the answer").title, "New");
    // The answer may be the event itself, and the id may be the caller's own.
    let call = client.call(action::Ping::new().request_id("mine"));
    assert_eq!(link.action().await["requestId"], "mine");
    link.tell(json!({"type": "pong", "requestId": "mine", "timestamp": 7}))
        .await;
    assert_eq!(soon(call).await.expect("a pong").timestamp(), Some(7));
    let call = client.call(action::GetSession::new(SESSION));
    let id = link.action().await["requestId"].clone();
    let error = json!({"code": "SESSION_NOT_FOUND", "message": "m"});
    link.tell(json!({"type": "error", "requestId": id, "data": {"error": error}}))
        .await;
    assert_eq!(
        soon(call).await.expect_err("an error").kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn req_call_07_a_call_that_creates_a_session_says_what_the_client_supports() {
    let peer = Peer::start().await;
    let (client, mut link) = peer
        .connected(peer.builder().supports(["identity_form"]))
        .await;
    let create = action::CreateConversationSession::new(SESSION).supports(["x", "otp_park"]);
    let _call = client.call(create);
    assert_eq!(
        link.action().await["supports"],
        json!([
            "identity_form",
            "otp_park",
            "replay",
            "spec_1_1",
            "spec_1_2",
            "x"
        ])
    );
}

#[tokio::test]
async fn req_call_12_what_the_schema_does_not_allow_is_refused_where_it_is_written() {
    let (client, mut link) = client().await;
    let send = |text: &str| action::SendMessage::new(SESSION, text);
    let file = FileAttachment::new("", "https://example.com/f");
    let turns = [
        (send(""), "SendMessage.message is missing"),
        (
            send(&"\u{1f600}".repeat(10_001)),
            "SendMessage.message must be at most 10000 characters",
        ),
        (
            action::SendMessage::new("", "s3cret"),
            "SendMessage.session_id is missing",
        ),
        (
            send("s3cret").skill("s3cret words"),
            "SendMessage.skill must match ^[A-Za-z0-9_-]{1,128}$",
        ),
        (
            send("s3cret").files([file]),
            "FileAttachment.name is missing",
        ),
    ];
    for (message, text) in turns {
        let error = client.send_message(message).started().expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.to_string(), text);
    }
    let pages = action::GetConversationMessages::new(SESSION).limit(101);
    let error = soon(client.get_conversation_messages(pages)).await;
    let error = error.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let confirm = action::ConfirmToolAction::new(SESSION, "", true);
    let error = soon(client.confirm_tool_action(confirm)).await;
    let error = error.expect_err("refused");
    assert_eq!(error.to_string(), "ConfirmToolAction.request_id is missing");
    let ping = client.ping();
    let sent = link.action().await;
    assert_eq!(sent["action"], "ping");
    assert_eq!(sent["requestId"], "req-0", "no id was drawn");
    drop(ping);
    // At the bounds all is well.
    let (_turn, sent) = (
        client.send_message(send(&"\u{1f600}".repeat(10_000)).skill("a_b-9")),
        link.action().await,
    );
    assert_eq!(sent["action"], "send_message");
}
