//! Items, text and the end of turns.

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use smooth_operator::{Error, ErrorKind, Event, EventType, Outcome, action};

use crate::peer::{SESSION, client, soon};

#[tokio::test]
async fn req_turn_02_every_iterator_sees_every_item_from_the_first_one() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    let early = turn.events();
    link.tell(json!({"type": "keepalive", "requestId": id, "data": {"requestId": id}}))
        .await;
    link.token(&id, "a").await;
    link.tell(json!({"type": "brand_new", "data": {"requestId": id}}))
        .await;
    link.finish(&id, "a").await;
    let expected = [
        EventType::StreamToken,
        EventType::Unknown,
        EventType::EventualResponse,
    ];
    soon(turn.result()).await.expect("completed");
    for events in [early, turn.events()] {
        let items: Vec<Event> = soon(events.try_collect()).await.expect("good");
        assert_eq!(
            items.iter().map(Event::event_type).collect::<Vec<_>>(),
            expected
        );
    }
    let as_stream: Vec<_> = soon(turn.collect::<Vec<_>>()).await;
    assert_eq!(as_stream.len(), 3);
}

#[tokio::test]
async fn req_turn_03_a_failed_turn_raises_after_its_items() {
    let (client, mut link) = client().await;
    let (mut turn, id) = link.turn(&client).await;
    link.token(&id, "half").await;
    link.error(&id, "AGENT_ERROR").await;
    assert!(matches!(
        soon(turn.next()).await,
        Some(Ok(Event::StreamToken(_)))
    ));
    assert!(matches!(soon(turn.next()).await, Some(Ok(Event::Error(_)))));
    let error = soon(turn.next())
        .await
        .expect("raised")
        .expect_err("failed");
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::ServerError, Some("AGENT_ERROR"))
    );
    assert!(soon(turn.next()).await.is_none());
    assert_eq!(turn.partial_text(), "half");
    let again = soon(turn.result()).await.expect_err("failed");
    assert_eq!(again.partial_text(), Some("half"));
}

#[tokio::test]
async fn req_turn_06_frames_after_the_end_change_nothing() {
    let (client, mut link) = client().await;
    let pushed = crate::peer::Heard::default();
    let seen = pushed.clone();
    client.on_event(move |event| seen.push(event.raw().to_owned()));
    let (turn, id) = link.turn(&client).await;
    link.finish(&id, "first").await;
    link.finish(&id, "second").await;
    link.token(&id, "late").await;
    link.fence(&client).await;
    assert_eq!(soon(turn.result()).await.expect("completed").text, "first");
    assert_eq!(turn.partial_text(), "");
    assert!(pushed.all().is_empty());
}

#[tokio::test]
async fn req_turn_10_the_text_stream_gives_tokens_or_the_final_text_once() {
    let (client, mut link) = client().await;
    for (tokens, expected) in [
        (&["Hé", "", "🙂"][..], &["Hé", "", "🙂"][..]),
        (&[][..], &["whole"][..]),
    ] {
        let (turn, id) = link.turn(&client).await;
        for token in tokens {
            link.token(&id, token).await;
        }
        link.finish(&id, "whole").await;
        let pieces: Vec<String> = soon(turn.text_stream().try_collect()).await.expect("good");
        assert_eq!(pieces, expected);
        assert_eq!(soon(turn.result()).await.expect("completed").text, "whole");
    }
    let (turn, id) = link.turn(&client).await;
    link.finish(&id, "").await;
    assert!(soon(turn.text_stream().next()).await.is_none());
}

#[tokio::test]
async fn req_turn_14_a_second_turn_fails_alone() {
    let (client, mut link) = client().await;
    let (first, one) = link.turn(&client).await;
    let second = client.send_message(action::SendMessage::new(SESSION, "and?"));
    link.action().await;
    link.error(second.request_id(), "TURN_IN_PROGRESS").await;
    let error = soon(second.result()).await.expect_err("refused");
    assert!(error.is_turn_in_progress() && error.is_retryable());
    link.finish(&one, "fine").await;
    assert_eq!(soon(first.result()).await.expect("completed").text, "fine");
}

#[tokio::test]
async fn req_turn_18_a_result_carries_what_the_terminal_event_says() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    let inner = json!({
        "messageId": "m-9", "response": {"responseParts": ["a", "b"]}, "usage": {"promptTokens": 3.0},
        "citations": [{"id": "c", "title": "T", "snippet": "s", "score": 0.5}], "needsEscalation": true,
    });
    let data = json!({"requestId": id, "status": 200, "data": inner});
    link.tell(json!({"type": "eventual_response", "requestId": id, "data": data}))
        .await;
    let result = soon(turn.result()).await.expect("completed");
    assert_eq!(
        (result.outcome, result.text.as_str()),
        (Outcome::Completed, "a\n\nb")
    );
    assert_eq!(result.message_id.as_deref(), Some("m-9"));
    assert_eq!(result.usage.expect("usage").prompt_tokens, Some(3));
    assert_eq!(result.citations.expect("citations")[0].title, "T");
    assert_eq!(result.needs_escalation, Some(true));
    let terminal = result.event.expect("the event");
    assert_eq!(terminal.event_type(), EventType::EventualResponse);
    assert!(terminal.raw().contains("3.0") && !terminal.to_json().contains("3.0"));
}

#[tokio::test]
async fn req_turn_04_an_answer_of_status_400_and_above_fails_the_turn() {
    let (client, mut link) = client().await;
    let (turn, id) = link.turn(&client).await;
    let data =
        json!({"requestId": id, "status": 503, "data": {"messageId": "m", "response": "sorry"}});
    link.tell(json!({"type": "eventual_response", "requestId": id, "status": 200, "data": data}))
        .await;
    let error = soon(turn.result()).await.expect_err("failed");
    let Error::Protocol(refused) = error else {
        panic!("{error:?}");
    };
    assert_eq!(refused.status(), Some(503));
}

#[tokio::test]
async fn req_time_02_a_limit_that_fires_after_a_stall_lets_be_read_what_has_arrived() {
    let peer = crate::peer::Peer::start().await;
    let limit = std::time::Duration::from_millis(300);
    let (client, mut link) = peer.connected(peer.builder().turn_timeout(limit)).await;
    let (turn, id) = link.turn(&client).await;
    let mut bytes = Vec::new();
    let mut frame = |event: serde_json::Value| {
        let text = event.to_string();
        let size = u16::try_from(text.len()).expect("short");
        bytes.extend([0x81, 126]);
        bytes.extend(size.to_be_bytes());
        bytes.extend(text.as_bytes());
    };
    for _ in 0..1_000 {
        let data = json!({"requestId": id, "token": "word ".repeat(10)});
        frame(json!({"type": "stream_token", "requestId": id, "data": data}));
    }
    let data = json!({"messageId": "m-1", "response": "all of it"});
    let data = json!({"requestId": id, "status": 200, "data": data});
    frame(json!({"type": "eventual_response", "requestId": id, "status": 200, "data": data}));
    link.raw(&bytes).await;
    std::thread::sleep(limit * 3); // the whole program stands still
    let result = soon(turn.result()).await.expect("it was there in time");
    assert_eq!(result.text, "all of it");
}
