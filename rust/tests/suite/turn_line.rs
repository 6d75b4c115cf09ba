//! Turns of a session behind each other, as far as frames cannot show it (REQ-TURN-31, REQ-TURN-32).

use std::time::Duration;

use serde_json::json;
use smooth_operator::testing::VirtualClock;
use smooth_operator::{
    ClientBuilder, ErrorKind, Outcome, SmoothAgentClient, Turn, TurnPolicy, TurnState, action,
};
use tokio::net::TcpStream;

use crate::peer::{Link, Peer, SESSION, soon, virtual_client};

type Far = Link<TcpStream>;

/// A client whose messages wait for each other.
async fn in_line(more: impl FnOnce(ClientBuilder) -> ClientBuilder) -> (SmoothAgentClient, Far) {
    let peer = Peer::start().await;
    let builder = peer.builder().turn_policy(TurnPolicy::Queue);
    let builder = builder.auto_reconnect(false).ping_interval(Duration::ZERO);
    peer.connected(more(builder)).await
}

fn say(client: &SmoothAgentClient, text: &str) -> Turn {
    client.send_message(action::SendMessage::new(SESSION, text))
}

/// Reads the next message; gives its id.
async fn heard(link: &mut Far, text: &str) -> String {
    let message = link.action().await;
    assert_eq!(message["message"], text, "{message}");
    message["requestId"].as_str().expect("an id").to_owned()
}

async fn busy(link: &mut Far, id: &str) {
    let error = json!({"code": "TURN_IN_PROGRESS", "message": "busy"});
    link.tell(json!({"type": "error", "requestId": id, "data": {"requestId": id, "error": error}}))
        .await;
}

#[tokio::test]
async fn req_turn_31_a_hundred_messages_are_answered_in_their_order() {
    let (client, mut link) = in_line(|it| it).await;
    let turns: Vec<Turn> = (0..100).map(|n| say(&client, &format!("m{n}"))).collect();
    assert_eq!(client.counters().open_turns, 100);
    for (n, turn) in turns.iter().enumerate() {
        let id = heard(&mut link, &format!("m{n}")).await;
        assert_eq!(id, turn.request_id());
        link.finish(&id, &format!("a{n}")).await;
        let result = soon(turn.result()).await.expect("done");
        assert_eq!(result.text, format!("a{n}"));
    }
    assert_eq!(client.counters().open_turns, 0);
}

#[tokio::test]
async fn req_turn_31_what_waits_is_ended_by_close_with_its_own_error() {
    let (client, mut link) = in_line(|it| it).await;
    let turns = ["1", "2", "3"].map(|it| say(&client, it));
    heard(&mut link, "1").await;
    let (code, ()) = tokio::join!(link.closed(), client.close());
    assert_eq!(code, 1000, "and nothing was sent before it");
    for turn in turns {
        let error = soon(turn.result()).await.expect_err("closed");
        assert_eq!(error.kind(), ErrorKind::ClientClosed);
    }
}

#[tokio::test]
async fn req_turn_31_what_waits_is_ended_by_a_link_that_is_not_sought_again() {
    let (client, mut link) = in_line(|it| it).await;
    let turns = ["1", "2"].map(|it| say(&client, it));
    heard(&mut link, "1").await;
    drop(link);
    let mut sent = Vec::new();
    for turn in turns {
        match soon(turn.result()).await.expect_err("lost") {
            smooth_operator::Error::TurnInterrupted(cut) => sent.push(cut.sent()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sent, [true, false]);
}

#[tokio::test]
async fn req_stop_05_dropping_what_waits_sends_nothing() {
    let (client, mut link) = in_line(|it| it).await;
    let first = say(&client, "first");
    let id = heard(&mut link, "first").await;
    let second = say(&client, "second");
    assert_eq!(second.state(), TurnState::Sent);
    drop(second);
    link.finish(&id, "one").await;
    soon(first.result()).await.expect("done");
    link.fence(&client).await;
    assert_eq!(client.counters().open_turns, 0);
}

#[tokio::test]
async fn req_turn_11_the_time_of_a_turn_runs_while_it_waits() {
    let clock = VirtualClock::new();
    let far = clock.clone();
    let (client, mut link) =
        in_line(|it| it.clock(far).turn_timeout(Duration::from_secs(60))).await;
    let first = say(&client, "first");
    heard(&mut link, "first").await;
    clock.advance(Duration::from_secs(30)).await;
    let second = say(&client, "second");
    clock.advance(Duration::from_secs(30)).await;
    assert_eq!(link.action().await["action"], "cancel");
    soon(first.result()).await.expect_err("too long");
    heard(&mut link, "second").await;
    clock.advance(Duration::from_secs(29)).await;
    link.fence(&client).await;
    clock.advance(Duration::from_secs(1)).await;
    assert_eq!(link.action().await["action"], "cancel");
    let error = soon(second.result()).await.expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::TurnTimeout);
}

/// A turn that was refused right after the end of another one, and its first id.
async fn refused(client: &SmoothAgentClient, link: &mut Far) -> (Turn, String) {
    let first = say(client, "first");
    let id = heard(link, "first").await;
    link.finish(&id, "one").await;
    soon(first.result()).await.expect("done");
    let second = say(client, "second");
    let id = heard(link, "second").await;
    busy(link, &id).await;
    link.token(&id, "stray").await;
    link.fence(client).await;
    assert_eq!(
        (second.state(), second.request_id()),
        (TurnState::Sent, &*id)
    );
    (second, id)
}

#[tokio::test]
async fn req_turn_32_the_second_try_goes_on_under_its_own_id_and_its_refusal_counts() {
    for taken in [true, false] {
        let (client, clock, mut link) = virtual_client().await;
        let (turn, old) = refused(&client, &mut link).await;
        clock.advance(Duration::from_millis(250)).await;
        let id = heard(&mut link, "second").await;
        assert_eq!(turn.request_id(), id);
        assert_ne!(id, old);
        link.token(&old, "stray").await;
        if taken {
            link.finish(&id, "two").await;
            assert_eq!(soon(turn.result()).await.expect("done").text, "two");
            assert_eq!(turn.partial_text(), "");
        } else {
            busy(&mut link, &id).await;
            let error = soon(turn.result()).await.expect_err("busy");
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert_eq!(error.request_id(), Some(&*id));
        }
        link.fence(&client).await;
        clock.advance(Duration::from_secs(10)).await; // the link is stable from now on
        assert_eq!((clock.timers(), client.counters().open_turns), (0, 0));
    }
}

#[tokio::test]
async fn req_turn_32_who_stops_a_message_that_waits_for_its_slot_sends_nothing() {
    let (client, clock, mut link) = virtual_client().await;
    let (turn, _) = refused(&client, &mut link).await;
    soon(turn.cancel()).await;
    let result = soon(turn.result()).await.expect("stopped");
    assert_eq!(
        (result.outcome, result.confirmed),
        (Outcome::Cancelled, Some(false))
    );
    clock.advance(Duration::from_secs(10)).await;
    assert_eq!(clock.timers(), 0);
    link.fence(&client).await;
}
