//! Starting and resuming.

use serde_json::json;
use smooth_operator::{ErrorKind, SendOptions, types};

use crate::peer::{Link, SESSION, client, soon};

async fn created(link: &mut Link<tokio::net::TcpStream>) -> serde_json::Value {
    let action = link.action().await;
    let data = json!({
        "sessionId": SESSION, "conversationId": "c-1", "agentName": "Aria", "userParticipantId": "u",
        "agentParticipantId": "a", "capabilities": ["otp_park"],
    });
    link.tell(json!({"type": "immediate_response", "requestId": action["requestId"], "status": 200, "data": data})).await;
    action
}

#[tokio::test]
async fn req_call_07_supports_is_the_sorted_union() {
    let peer = crate::peer::Peer::start().await;
    let (client, mut link) = peer
        .connected(peer.builder().supports(["choice_chips", "otp_park"]))
        .await;
    let opening = client
        .start_conversation("agent")
        .user_name("Ada")
        .supports(["a_word", "choice_chips"]);
    let (chat, action) = tokio::join!(async move { opening.await }, created(&mut link));
    assert_eq!(
        action["supports"],
        json!([
            "a_word",
            "choice_chips",
            "otp_park",
            "replay",
            "spec_1_1",
            "spec_1_2"
        ])
    );
    assert_eq!(
        (&action["agentId"], &action["userName"]),
        (&json!("agent"), &json!("Ada"))
    );
    let chat = chat.expect("opened");
    assert_eq!(
        (chat.session_id(), chat.conversation_id()),
        (SESSION, "c-1")
    );
    assert_eq!(
        (chat.agent_name(), chat.capabilities()),
        (Some("Aria"), &["otp_park".to_owned()][..])
    );
}

#[tokio::test]
async fn req_call_08_resuming_creates_a_session_or_keeps_a_known_one() {
    let (client, mut link) = client().await;
    let resumed = client.resume_conversation("c-1", "agent");
    let (chat, action) = tokio::join!(async move { resumed.await }, created(&mut link));
    chat.expect("resumed");
    assert_eq!(action["conversationId"], "c-1");
    let known = client.resume_session(SESSION);
    let serve = async {
        let action = link.action().await;
        assert_eq!(
            (&action["action"], &action["sessionId"]),
            (&json!("get_session"), &json!(SESSION))
        );
        let data = json!({"sessionId": SESSION, "conversationId": "c-2"});
        link.tell(
            json!({"type": "immediate_response", "requestId": action["requestId"], "data": data}),
        )
        .await;
    };
    let (chat, ()) = tokio::join!(async move { known.await }, serve);
    assert_eq!(chat.expect("kept").conversation_id(), "c-2");
}

#[tokio::test]
async fn req_call_08_an_unknown_session_is_an_error() {
    let (client, mut link) = client().await;
    let known = client.resume_session(SESSION);
    let serve = async {
        let id = link.action().await["requestId"]
            .as_str()
            .expect("an id")
            .to_owned();
        link.error(&id, "SESSION_NOT_FOUND").await;
    };
    let (chat, ()) = tokio::join!(async move { known.await }, serve);
    let error = chat.expect_err("unknown");
    assert!(error.is_session_not_found());
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn req_turn_01_a_conversation_sends_the_optional_fields_that_are_set() {
    let (client, mut link) = client().await;
    let opening = client.start_conversation("agent");
    let (chat, _) = tokio::join!(async move { opening.await }, created(&mut link));
    let chat = chat.expect("opened");
    let image = types::ImageAttachment::new("https://example.org/a.png");
    let draft = SendOptions::new("look")
        .stream(false)
        .model("m")
        .skill("s")
        .images([image])
        .request_id("mine");
    let asked = chat.ask(draft);
    let expected = json!({
        "action": "send_message", "requestId": "mine", "sessionId": SESSION, "message": "look", "stream": false,
        "model": "m", "skill": "s", "images": [{"url": "https://example.org/a.png"}],
    });
    assert_eq!(link.action().await, expected);
    link.finish("mine", "seen").await;
    assert_eq!(soon(asked).await.expect("answered").text, "seen");
}
