//! Frames that no turn owns, broken frames and frames that end the link.

use serde_json::json;
use smooth_operator::{ConnectionState, Error, ErrorKind, Event};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::peer::{Heard, Peer, client, soon};

#[tokio::test]
async fn req_wire_12_what_nobody_owns_goes_to_the_listeners() {
    let (client, mut link) = client().await;
    let pushed = Heard::default();
    let seen = pushed.clone();
    client.on_event(move |event| seen.push(event.event_type().as_str()));
    let (_turn, _) = link.turn(&client).await;
    link.error("req-foreign", "INTERNAL_ERROR").await;
    link.tell(json!({"type": "brand_new"})).await;
    link.tell(json!({"type": "keepalive", "data": {"requestId": "req-foreign"}}))
        .await;
    link.fence(&client).await;
    assert_eq!(pushed.count(2).await, ["error", "unknown"]);
}

#[tokio::test]
async fn req_wire_03_a_broken_body_is_an_unknown_event_or_the_end_of_the_turn() {
    let (client, mut link) = client().await;
    let (mut turn, id) = link.turn(&client).await;
    link.tell(json!({"type": "stream_token", "data": {"requestId": id, "token": 1}}))
        .await;
    let Some(Ok(Event::Unknown(event))) = soon(turn.next()).await else {
        panic!("an unknown event was due")
    };
    let problem = event.problem().expect("a problem");
    assert_eq!(
        (event.wire_type(), problem.kind, problem.pointer.as_str()),
        ("stream_token", "type", "/data/token")
    );
    link.tell(json!({"type": "eventual_response", "requestId": id, "data": {"requestId": id, "status": 200}})).await;
    let error = soon(turn.next())
        .await
        .expect("raised")
        .expect_err("broken");
    let Error::InvalidFrame(broken) = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        (broken.wire_type(), broken.pointer()),
        (Some("eventual_response"), Some("/data/data"))
    );
}

#[tokio::test]
async fn req_wire_04_ten_malformed_frames_in_a_row_close_the_link() {
    let (client, mut link) = client().await;
    let bad = || Message::text("NaN");
    for _ in 0..9 {
        link.send(bad()).await;
    }
    link.tell(json!({"type": "brand_new"})).await; // a type starts the count anew
    for number in 0..10 {
        link.send(if number % 2 == 0 {
            bad()
        } else {
            Message::binary(vec![1])
        })
        .await;
    }
    assert_eq!(link.closed().await, 4400);
    soon(async {
        while client.state() != ConnectionState::Closed {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn req_wire_10_text_that_is_not_utf_8_closes_with_1007() {
    let (client, mut link) = client().await;
    let (turn, _) = link.turn(&client).await;
    let frame = Frame::message(vec![b'{', 0xff, b'}'], OpCode::Data(Data::Text), true);
    link.send(Message::Frame(frame)).await;
    assert_eq!(link.closed().await, 1007);
    let error = soon(turn.result()).await.expect_err("lost");
    assert_eq!(
        (error.kind(), error.close_code()),
        (ErrorKind::TurnInterrupted, Some(1007))
    );
}

#[tokio::test]
async fn req_wire_11_a_message_over_the_limit_closes_with_1009() {
    let peer = Peer::start().await;
    let (client, mut link) = peer
        .connected(peer.builder().max_message_bytes(1_000))
        .await;
    let (turn, id) = link.turn(&client).await;
    link.token(&id, &"x".repeat(200_000)).await;
    assert_eq!(link.closed().await, 1009);
    let error = soon(turn.result()).await.expect_err("too large");
    let Error::MessageTooLarge(large) = error else {
        panic!("{error:?}");
    };
    assert_eq!(large.limit(), 1_000);
    assert!(large.size().expect("the size") > 200_000);
}

#[tokio::test]
async fn req_conn_14_pings_are_answered_and_none_are_sent() {
    let (client, mut link) = client().await;
    link.send(Message::Ping("abc".into())).await;
    link.fence(&client).await; // `read` skips the pong; a ping of the client would panic the server's state
}
