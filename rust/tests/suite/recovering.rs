//! What a client knows afterwards: the fate of a message, what it counted, how long a turn took.

use std::time::Duration;

use serde_json::{Value, json};
use smooth_operator::{Error, ErrorKind, Recovery, SmoothAgentClient};
use tokio::net::TcpStream;

use crate::peer::{Link, Peer, SESSION, soon, virtual_client};

/// A turn that was interrupted, and the link that was found after it.
async fn interrupted(peer: &Peer) -> (SmoothAgentClient, Error, Link<TcpStream>) {
    let builder = peer.builder().random(|| 0.0);
    let (client, mut link) = peer.connected(builder).await;
    let (turn, _) = link.turn(&client).await;
    drop(link);
    let error = soon(turn.result()).await.expect_err("cut");
    (client, error, peer.accept().await)
}

async fn page(link: &mut Link<TcpStream>, messages: Value) {
    let asked = link.action().await;
    assert_eq!(asked["action"], "get_conversation_messages");
    let data = json!({"hasMore": false, "messages": messages});
    let id = &asked["requestId"];
    link.tell(json!({"type": "immediate_response", "requestId": id, "status": 200, "data": data}))
        .await;
}

#[tokio::test]
async fn req_turn_30_the_error_of_an_interrupted_turn_is_enough_to_ask_with() {
    let peer = Peer::start().await;
    let (client, error, mut link) = interrupted(&peer).await;
    let opening = client.resume_session(SESSION);
    let serve = async {
        let id = link.action().await["requestId"].clone();
        let data = json!({"sessionId": SESSION, "conversationId": "c"});
        link.tell(json!({"type": "immediate_response", "requestId": id, "data": data}))
            .await;
    };
    let (chat, ()) = tokio::join!(async move { opening.await }, serve);
    let chat = chat.expect("resumed");
    let turn = error.request_id().expect("an id");
    let stored = json!([
        {"id": "m-2", "direction": "outbound", "content": {"text": "done"}, "createdAt": "t", "requestId": turn},
        {"id": "m-1", "direction": "inbound", "content": {"text": "hello"}, "createdAt": "t", "requestId": turn, "turn": "completed"},
    ]);
    let (found, ()) = tokio::join!(chat.recover(&error), page(&mut link, stored));
    let found = found.expect("read");
    assert_eq!(found.as_str(), "answered");
    assert_eq!(found.message().expect("the answer").id, "m-2");
    let (found, ()) = tokio::join!(chat.recover(&error), page(&mut link, json!([])));
    assert_eq!(
        found.expect("read"),
        Recovery::Unknown,
        "the server does not tell"
    );
    let other = SmoothAgentClient::new("no URL").expect_err("refused");
    let refused = soon(chat.recover(&other)).await;
    assert_eq!(
        refused.expect_err("no turn").kind(),
        ErrorKind::InvalidArgument
    );
}

#[tokio::test]
async fn req_log_03_a_result_says_how_long_it_took_by_the_injected_clock() {
    let (client, clock, mut link) = virtual_client().await;
    clock.advance(Duration::from_secs(1)).await;
    let (turn, id) = link.turn(&client).await;
    clock.advance(Duration::from_millis(100)).await;
    for word in ["a", "b", "c"] {
        link.token(&id, word).await;
    }
    link.fence(&client).await;
    assert_eq!(client.counters().open_turns, 1);
    clock.advance(Duration::from_millis(50)).await;
    link.finish(&id, "abc").await;
    let result = soon(turn.result()).await.expect("done");
    assert_eq!(result.duration, Duration::from_millis(150));
    assert_eq!(result.time_to_first_token, Some(Duration::from_millis(100)));
    let (silent, id) = link.turn(&client).await;
    link.finish(&id, "").await;
    let result = soon(silent.result()).await.expect("done");
    assert_eq!(result.time_to_first_token, None);
    let counted = client.counters();
    assert_eq!((counted.connects, counted.reconnects), (1, 0));
    assert_eq!((counted.frames_out, counted.frames_in), (3, 8));
    assert_eq!((counted.open_turns, counted.dropped_frames), (0, 0));
}
