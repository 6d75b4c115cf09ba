//! The end of a link: by us, by the peer, by a cut.

use std::time::Duration;

use smooth_operator::{ConnectionState, Error, ErrorKind, QuestionKind, action};

use crate::peer::{Heard, Peer, SESSION, client, soon, virtual_client};

#[tokio::test]
async fn req_conn_05_close_may_be_called_any_number_of_times() {
    let (client, mut link) = client().await;
    let changes = Heard::default();
    let seen = changes.clone();
    client.on_state(move |change| seen.push((change.reason, change.code)));
    let (code, _, _) = tokio::join!(link.closed(), client.close(), client.close());
    assert_eq!(code, 1000);
    soon(client.close()).await;
    assert_eq!(changes.all(), [("close", Some(1000))]);
}

#[tokio::test]
async fn req_conn_05_close_does_not_wait_for_a_silent_peer_beyond_its_limit() {
    let (client, clock, _link) = virtual_client().await;
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close().await }
    });
    while client.state() != ConnectionState::Closed || clock.timers() == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(5)).await;
    soon(closing).await.expect("joined");
    assert_eq!(clock.timers(), 0);
}

#[tokio::test]
async fn req_conn_06_close_settles_everything_before_it_returns() {
    let (client, mut link) = client().await;
    let ping = client.ping();
    link.action().await;
    let (mut turn, _) = link.turn(&client).await;
    let (_, ()) = tokio::join!(link.closed(), client.close());
    assert_eq!(turn.state().as_str(), "settled");
    assert_eq!(
        soon(ping).await.expect_err("closed").kind(),
        ErrorKind::ClientClosed
    );
    let error = soon(turn.next())
        .await
        .expect("raised")
        .expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::ClientClosed);
}

#[tokio::test]
async fn req_conn_15_a_lost_link_fails_calls_and_turns_with_the_code() {
    let (client, mut link) = client().await;
    let ping = client.ping();
    link.action().await;
    let (turn, _) = link.turn(&client).await;
    link.close(1000).await;
    let lost = soon(ping).await.expect_err("lost");
    assert_eq!(
        (lost.kind(), lost.close_code()),
        (ErrorKind::ConnectionLost, Some(1000))
    );
    let cut = soon(turn.result()).await.expect_err("lost");
    assert_eq!(
        (cut.kind(), cut.close_code()),
        (ErrorKind::TurnInterrupted, Some(1000))
    );
    assert_eq!(client.state(), ConnectionState::Closed);
}

#[tokio::test]
async fn req_conn_15_a_cut_without_a_close_frame_is_1006() {
    let (client, mut link) = client().await;
    let (turn, _) = link.turn(&client).await;
    drop(link);
    let cut = soon(turn.result()).await.expect_err("lost");
    assert_eq!(
        (cut.kind(), cut.close_code()),
        (ErrorKind::TurnInterrupted, Some(1006))
    );
}

#[tokio::test]
async fn req_turn_20_an_interrupted_turn_says_what_was_there() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    link.token(&id, "half").await;
    link.ask(
        &id,
        "write_confirmation_required",
        serde_json::json!({"toolId": "t", "actionDescription": "d"}),
    )
    .await;
    link.close(1012).await;
    let error = soon(turn.result()).await.expect_err("lost");
    let Error::TurnInterrupted(cut) = error else {
        panic!("{error:?}");
    };
    assert!(cut.sent());
    assert_eq!(
        (cut.request_id(), cut.session_id(), cut.close_code()),
        (id.as_str(), SESSION, Some(1012))
    );
    assert_eq!(cut.partial_text(), Some("half"));
    assert_eq!(cut.question(), Some(QuestionKind::Confirmation));
}

#[tokio::test]
async fn req_conn_16_frames_leave_in_the_order_of_the_calls() {
    let (client, mut link) = client().await;
    let mut kept: Vec<Box<dyn std::any::Any>> = Vec::new();
    for number in 0..50 {
        if number % 2 == 0 {
            kept.push(Box::new(
                client.send_message(action::SendMessage::new(SESSION, "x")),
            ));
        } else {
            kept.push(Box::new(client.ping()));
        }
    }
    for number in 0..50 {
        assert_eq!(link.action().await["requestId"], format!("req-{number}"));
    }
    drop(client);
}

#[tokio::test]
async fn req_err_06_the_reason_of_the_close_frame_is_told_beside_the_text() {
    let (client, mut link) = client().await;
    let (turn, _) = link.turn(&client).await;
    link.close_saying(1001, "s3cret reason").await;
    let error = soon(turn.result()).await.expect_err("interrupted");
    let text = format!("{error} {error:?}");
    assert!(!text.contains("s3cret"), "{text}");
    let Error::TurnInterrupted(cut) = error else {
        panic!("{text}");
    };
    assert_eq!(
        (cut.close_code(), cut.close_reason()),
        (Some(1001), Some("s3cret reason"))
    );
}

#[tokio::test]
async fn req_conn_15_a_close_is_answered_with_the_code_that_it_had() {
    for code in [1001_u16, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        for reason in ["", "going"] {
            let (client, mut link) = client().await;
            let (turn, _) = link.turn(&client).await;
            let size = 2 + u8::try_from(reason.len()).expect("short");
            let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
            link.raw(&[&[0x88, size], &payload[..]].concat()).await;
            let Err(Error::TurnInterrupted(cut)) = soon(turn.result()).await else {
                panic!("{code}: the turn goes on");
            };
            let told = cut.close_reason().unwrap_or_default();
            assert_eq!((cut.close_code(), told), (Some(code), reason));
            assert_eq!(link.parting().await, payload, "{code} {reason}");
        }
    }
}

#[tokio::test]
async fn req_wire_15_a_close_frame_of_one_byte_is_a_violation() {
    let (client, mut link) = client().await;
    let (turn, _) = link.turn(&client).await;
    link.raw(&[0x88, 0x01, 0x03]).await;
    let error = soon(turn.result()).await.expect_err("interrupted");
    assert_eq!(error.close_code(), Some(1002), "{error:?}");
    assert_eq!(link.closed().await, 1002);
}

#[tokio::test]
async fn req_wire_15_a_close_code_that_no_peer_may_send_is_answered_by_1002() {
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        let (client, mut link) = client().await;
        let (turn, _) = link.turn(&client).await;
        let [high, low] = code.to_be_bytes();
        link.raw(&[0x88, 0x02, high, low]).await;
        let error = soon(turn.result()).await.expect_err("interrupted");
        let Error::TurnInterrupted(cut) = error else {
            panic!("{code}: {error:?}");
        };
        assert_eq!(
            (cut.close_code(), cut.close_reason()),
            (Some(1002), None),
            "{code}"
        );
        assert_eq!(link.closed().await, 1002, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn req_conn_27_a_listener_that_does_not_return_does_not_hold_close() {
    let peer = Peer::start().await;
    let limit = Duration::from_millis(200);
    let (client, mut link) = peer.connected(peer.builder().close_timeout(limit)).await;
    let (free, stuck) = std::sync::mpsc::channel::<()>();
    let stuck = std::sync::Mutex::new(stuck);
    client.on_state(move |_| {
        let _ = stuck.lock().expect("one listener").recv();
    });
    let closing = tokio::spawn(async move { client.close().await });
    assert_eq!(link.closed().await, 1000);
    soon(closing).await.expect("closed");
    drop(free);
}
