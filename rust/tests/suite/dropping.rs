//! Stopping a turn: by its verb, and by letting go of it.

use std::time::Duration;

use serde_json::json;
use smooth_operator::{ErrorKind, Event, Outcome, action};

use crate::peer::{Heard, Peer, SESSION, client, soon, virtual_client};

#[tokio::test]
async fn req_stop_01_cancel_writes_one_frame_and_ends_with_the_turn() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    link.token(&id, "par").await;
    let (one, two) = (turn.cancel(), turn.cancel());
    assert_eq!(
        link.action().await,
        json!({"action": "cancel", "requestId": id, "sessionId": SESSION})
    );
    link.tell(json!({"type": "cancelled", "requestId": id, "status": 499}))
        .await;
    soon(one).await;
    soon(two).await;
    let result = soon(turn.result()).await.expect("cancelled is no error");
    assert_eq!(
        (result.outcome, result.confirmed, result.text.as_str()),
        (Outcome::Cancelled, Some(true), "par")
    );
    soon(turn.cancel()).await;
    link.fence(&client).await;
}

#[tokio::test]
async fn req_stop_02_a_cancel_that_nobody_confirms_settles_the_turn() {
    let (client, clock, mut link) = virtual_client().await;
    let (turn, _) = link.turn(&client).await;
    let cancel = turn.cancel();
    link.action().await;
    clock.advance(Duration::from_secs(5)).await;
    soon(cancel).await;
    let result = soon(turn.result()).await.expect("cancelled");
    assert_eq!(
        (result.outcome, result.confirmed),
        (Outcome::Cancelled, Some(false))
    );
}

#[tokio::test]
async fn req_stop_04_a_dropped_answer_stops_the_turn_once() {
    let (client, mut link) = client().await;
    let opening = client.resume_session(SESSION);
    let serve = async {
        let id = link.action().await["requestId"].clone();
        let data = json!({"sessionId": SESSION, "conversationId": "c"});
        link.tell(json!({"type": "immediate_response", "requestId": id, "data": data}))
            .await;
    };
    let (chat, ()) = tokio::join!(async move { opening.await }, serve);
    let asked = chat.expect("resumed").ask("a long one");
    let id = link.action().await["requestId"].clone();
    tokio::time::timeout(Duration::from_millis(1), asked)
        .await
        .expect_err("nobody answers");
    assert_eq!(
        link.action().await,
        json!({"action": "cancel", "requestId": id, "sessionId": SESSION})
    );
    link.fence(&client).await;
}

#[tokio::test]
async fn req_stop_04_a_turn_that_waits_for_the_link_sends_nothing_at_all() {
    let peer = Peer::start().await;
    let client = peer.builder().lazy(true).build().expect("good options");
    drop(client.send_message(action::SendMessage::new(SESSION, "never mind")));
    let turn = client.send_message(action::SendMessage::new(SESSION, "never mind"));
    let cancel = turn.cancel();
    soon(cancel).await;
    assert_eq!(
        soon(turn.result()).await.expect("stopped").confirmed,
        Some(false)
    );
    let mut link = peer.accept().await;
    link.fence(&client).await;
}

#[tokio::test]
async fn req_stop_05_a_turn_lives_as_long_as_somebody_waits_for_it() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    let mut events = turn.events();
    let (result, handle) = (turn.result(), turn.handle());
    drop(turn);
    link.fence(&client).await;
    drop(result);
    link.token(&id, "still here").await;
    soon(events.next())
        .await
        .expect("an item")
        .expect("a token");
    drop(events);
    assert_eq!(link.action().await["action"], "cancel");
    link.finish(&id, "too late to stop").await;
    let result = soon(handle.result()).await.expect("finished first");
    assert_eq!(result.outcome, Outcome::Completed);
}

#[tokio::test]
async fn req_stop_05_leaving_the_loop_stops_nothing_and_detach_lets_it_run() {
    let (client, mut link) = client().await;
    let (mut turn, id) = link.turn(&client).await;
    link.token(&id, "a").await;
    while let Some(Ok(event)) = soon(turn.next()).await {
        if matches!(event, Event::StreamToken(_)) {
            break;
        }
    }
    link.fence(&client).await;
    let handle = turn.handle();
    turn.detach();
    drop(turn);
    link.fence(&client).await;
    link.finish(&id, "done").await;
    assert_eq!(soon(handle.result()).await.expect("finished").text, "done");
}

#[tokio::test]
async fn req_turn_16_an_error_that_nobody_awaits_is_logged_once() {
    let peer = Peer::start().await;
    let log = Heard::default();
    let written = log.clone();
    let builder = peer.builder().logger(move |record| {
        if record.level == smooth_operator::Level::Warning {
            written.push((record.message.clone(), record.request_id.clone()));
        }
    });
    let (client, mut link) = peer.connected(builder).await;
    let (turn, id) = link.turn(&client).await;
    turn.detach();
    drop(turn);
    link.error(&id, "AGENT_ERROR").await;
    let (kept, second) = link.turn(&client).await;
    link.error(&second, "AGENT_ERROR").await;
    link.fence(&client).await;
    drop(kept);
    let records = log.count(2).await;
    assert_eq!(
        records.iter().map(|it| it.1.clone()).collect::<Vec<_>>(),
        [Some(id), Some(second)]
    );
    assert!(records.iter().all(|it| it.0.contains("nobody awaits")));
}

#[tokio::test]
async fn req_turn_11_a_silent_turn_is_cancelled_and_fails_with_its_text() {
    let (client, clock, mut link) = virtual_client().await;
    let (turn, id) = link.turn(&client).await;
    link.token(&id, "half").await;
    link.fence(&client).await;
    clock.advance(Duration::from_secs(119)).await;
    link.tell(json!({"type": "keepalive", "requestId": id, "data": {"requestId": id}}))
        .await;
    link.fence(&client).await;
    clock.advance(Duration::from_millis(119_999)).await;
    assert_eq!(turn.state().as_str(), "running");
    clock.advance(Duration::from_millis(1)).await;
    assert_eq!(link.action().await["action"], "cancel");
    let error = soon(turn.result()).await.expect_err("silent");
    assert_eq!(
        (error.kind(), error.partial_text()),
        (ErrorKind::TurnTimeout, Some("half"))
    );
    assert_eq!(clock.timers(), 0);
}
