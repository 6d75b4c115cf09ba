//! What recover() asks of a server that replays: what no frame shows of it (REQ-RESUME-12).

use std::time::Duration;

use serde_json::{Value, json};
use smooth_operator::testing::VirtualClock;
use smooth_operator::{
    Conversation, Error, ErrorKind, Pending, Recovery, SmoothAgentClient, Turn, TurnHandle,
    TurnState,
};
use tokio::net::TcpStream;

use crate::peer::{Heard, Link, Peer, SESSION, soon};

type Far = Link<TcpStream>;
type Asked = Pending<Result<Recovery, Error>>;

/// A client on a virtual clock, with a conversation of a replay session and a turn of it.
struct Talk {
    client: SmoothAgentClient,
    chat: Conversation,
    clock: VirtualClock,
    peer: Peer,
    link: Far,
    turn: Turn,
}

async fn talking() -> Talk {
    let (peer, clock) = (Peer::start().await, VirtualClock::new());
    let builder = peer.builder().clock(clock.clone()).random(|| 0.0);
    let builder = builder.ping_interval(Duration::ZERO);
    let builder = builder.resume_timeout(Duration::from_secs(1));
    let (client, mut link) = peer.connected(builder).await;
    let opening = client.start_conversation("agent");
    let serve = async {
        let asked = link.action().await;
        let data = json!({
            "sessionId": SESSION, "conversationId": "c", "agentName": "A", "userParticipantId": "u",
            "agentParticipantId": "a", "capabilities": ["replay"],
        });
        link.tell(json!({"type": "immediate_response", "requestId": asked["requestId"], "status": 200, "data": data})).await;
    };
    let (chat, ()) = tokio::join!(async move { opening.await }, serve);
    let chat = chat.expect("opened");
    let turn = chat.send("hi");
    assert_eq!(link.action().await["action"], "send_message");
    Talk {
        client,
        chat,
        clock,
        peer,
        link,
        turn,
    }
}

async fn resumed(link: &mut Far, id: &str, state: &str) {
    link.tell(json!({"type": "turn_resumed", "requestId": id, "data": {
        "requestId": id, "data": {"state": state, "lastSeq": 0}}}))
        .await;
}

/// The same with a turn that another link has.
async fn interrupted() -> Talk {
    let mut talk = talking().await;
    resumed(&mut talk.link, talk.turn.request_id(), "moved").await;
    soon(talk.turn.result()).await.expect_err("moved");
    talk.clock.advance(Duration::from_secs(10)).await; // the link is stable from now on
    talk
}

/// Answers that there is no history.
async fn no_page(link: &mut Far) {
    let page = link.action().await;
    assert_eq!(page["action"], "get_conversation_messages");
    let (id, data) = (
        &page["requestId"],
        json!({"hasMore": false, "messages": []}),
    );
    link.tell(json!({"type": "immediate_response", "requestId": id, "status": 200, "data": data}))
        .await;
}

async fn read(link: &mut Far, turn: &TurnHandle) {
    let asked: Value = link.action().await;
    assert_eq!(
        (&asked["action"], &asked["requestId"], &asked["afterSeq"]),
        (&json!("resume_turn"), &json!(turn.request_id()), &json!(0))
    );
}

/// Asks for a turn that failed; the server has read the frame.
async fn asking(talk: &mut Talk) -> Asked {
    let asked = talk.turn.recover();
    read(&mut talk.link, &talk.turn).await;
    asked
}

#[tokio::test]
async fn req_resume_12_dropping_what_waits_asks_nothing_more_and_leaves_nothing() {
    let mut talk = interrupted().await;
    let timers = talk.clock.timers();
    let asked = asking(&mut talk).await;
    assert_eq!(talk.clock.timers(), timers + 1);
    drop(asked);
    assert_eq!(talk.clock.timers(), timers);
    drop(talk.link);
    talk.clock.advance(Duration::ZERO).await;
    soon(async {
        while talk.clock.timers() == timers {
            tokio::task::yield_now().await; // until the loss is known
        }
    })
    .await;
    talk.clock.advance(Duration::from_secs(1)).await;
    let mut link = talk.peer.accept().await;
    link.fence(&talk.client).await;
}

#[tokio::test]
async fn req_resume_12_what_one_asks_the_other_hears_and_asks_when_that_one_is_gone() {
    for gone in [false, true] {
        let mut talk = interrupted().await;
        let (first, second) = (asking(&mut talk).await, talk.turn.recover());
        talk.link.fence(&talk.client).await;
        let id = talk.turn.request_id().to_owned();
        if gone {
            drop(first);
            let second = tokio::spawn(second);
            read(&mut talk.link, &talk.turn).await;
            resumed(&mut talk.link, &id, "never").await;
            let found = soon(second).await.expect("no panic").expect("asked");
            assert_eq!(found, Recovery::NotDelivered);
        } else {
            resumed(&mut talk.link, &id, "never").await;
            for asked in [first, second] {
                assert_eq!(soon(asked).await.expect("asked"), Recovery::NotDelivered);
            }
        }
    }
}

#[tokio::test]
async fn req_resume_12_a_close_fails_what_is_asked() {
    let mut talk = interrupted().await;
    let works = [asking(&mut talk).await, talk.turn.recover()];
    let mut link = talk.link;
    tokio::join!(talk.client.close(), async {
        link.closed().await;
    });
    for asked in works {
        let error = soon(asked).await.expect_err("closed");
        assert_eq!(error.kind(), ErrorKind::ClientClosed);
        assert_eq!(error.request_id(), Some(talk.turn.request_id()));
    }
}

#[tokio::test]
async fn req_resume_12_whoever_recovers_a_turn_that_runs_is_no_reader_of_it() {
    let mut talk = talking().await;
    drop(talk.turn.recover());
    talk.link.fence(&talk.client).await;
    let asked = talk.turn.recover();
    assert_eq!(talk.turn.state(), TurnState::Sent);
    drop(talk.turn);
    assert_eq!(
        talk.link.action().await["action"],
        "cancel",
        "it is stopped"
    );
    drop(asked);
}

#[tokio::test]
async fn req_resume_12_recoveries_that_are_late_leave_nothing() {
    let mut talk = interrupted().await;
    let timers = talk.clock.timers();
    for _ in 0..100 {
        let asked = tokio::spawn(asking(&mut talk).await);
        talk.clock.advance(Duration::from_secs(1)).await;
        let found = soon(asked).await.expect("no panic").expect("asked");
        assert_eq!(found, Recovery::Unknown);
    }
    assert_eq!(talk.clock.timers(), timers);
    talk.link.fence(&talk.client).await;
}

#[tokio::test]
async fn req_resume_12_the_events_of_a_turn_that_is_recovered_are_nobodys() {
    let mut talk = interrupted().await;
    let (pushed, id) = (Heard::default(), talk.turn.request_id().to_owned());
    let heard = pushed.clone();
    talk.client.on_event(move |event| heard.push(event.clone()));
    let asked = asking(&mut talk).await;
    resumed(&mut talk.link, &id, "running").await;
    for seq in 1..300 {
        talk.link
            .tell(json!({"type": "stream_token", "requestId": id, "seq": seq, "data": {"requestId": id, "token": "a"}}))
            .await;
    }
    resumed(&mut talk.link, &id, "moved").await;
    let (found, ()) = tokio::join!(soon(asked), no_page(&mut talk.link));
    assert_eq!(found.expect("read"), Recovery::Unknown);
    talk.link.fence(&talk.client).await;
    assert!(pushed.all().is_empty());
    let counted = talk.client.counters();
    assert_eq!((counted.open_turns, counted.resumed_turns), (0, 0));
    assert_eq!(talk.turn.partial_text(), "");
}

#[tokio::test]
async fn req_resume_12_the_error_alone_knows_how_much_its_turn_had_taken() {
    let mut talk = talking().await;
    let id = talk.turn.request_id().to_owned();
    talk.link
        .tell(json!({"type": "immediate_response", "requestId": id, "status": 202, "data": {}, "seq": 1}))
        .await;
    resumed(&mut talk.link, &id, "moved").await;
    let error = soon(talk.turn.result()).await.expect_err("moved");
    let asked = tokio::spawn(talk.chat.recover(&error));
    assert_eq!(talk.link.action().await["afterSeq"], 1);
    resumed(&mut talk.link, &id, "never").await;
    no_page(&mut talk.link).await; // it was there once: the history decides
    let found = soon(asked).await.expect("no panic").expect("read");
    assert_eq!(found, Recovery::Unknown);
}
