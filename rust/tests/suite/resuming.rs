//! A turn outlives its link: what no frame shows of it (REQ-RESUME-01 to 11).

use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use smooth_operator::testing::VirtualClock;
use smooth_operator::{
    ClientBuilder, Conversation, Error, ErrorKind, Event, Outcome, SmoothAgentClient, Turn,
    TurnHandle, TurnState,
};
use tokio::net::TcpStream;

use crate::peer::{Link, Peer, SESSION, soon};

type Far = Link<TcpStream>;

/// A client that finds a lost link at once, with a conversation of a replay session; `more` is in
/// the answer that opened it.
async fn replaying(
    peer: &Peer,
    builder: ClientBuilder,
    more: Value,
) -> (SmoothAgentClient, Conversation, Far) {
    let builder = builder.random(|| 0.0).stable_after(Duration::ZERO);
    let (client, mut link) = peer
        .connected(builder.backoff_base(Duration::from_millis(1)))
        .await;
    let opening = client.start_conversation("agent");
    let serve = async {
        let asked = link.action().await;
        let mut data = json!({
            "sessionId": SESSION, "conversationId": "c", "agentName": "A", "userParticipantId": "u",
            "agentParticipantId": "a", "capabilities": ["replay"],
        });
        for (name, value) in more.as_object().expect("members") {
            data[name] = value.clone();
        }
        link.tell(json!({"type": "immediate_response", "requestId": asked["requestId"], "status": 200, "data": data})).await;
    };
    let (chat, ()) = tokio::join!(async move { opening.await }, serve);
    (client, chat.expect("opened"), link)
}

/// A turn whose message was read, with the numbered events that its server will tell.
async fn sent(link: &mut Far, chat: &Conversation, tokens: &[String]) -> (Turn, Vec<Value>) {
    let turn = chat.send("hi");
    assert_eq!(link.action().await["action"], "send_message");
    let events = script(turn.request_id(), tokens);
    (turn, events)
}

/// The numbered events of a whole turn: its acceptance, tokens, its end.
fn script(id: &str, tokens: &[String]) -> Vec<Value> {
    let accepted =
        json!({"type": "immediate_response", "requestId": id, "status": 202, "data": {}});
    let token = |it: &String| json!({"type": "stream_token", "requestId": id, "data": {"requestId": id, "token": it}});
    let inner = json!({"messageId": "m-1", "response": tokens.concat()});
    let end = json!({"type": "eventual_response", "requestId": id, "status": 200, "data": {"requestId": id, "status": 200, "data": inner}});
    let mut events = vec![accepted];
    events.extend(tokens.iter().map(token));
    events.push(end);
    for (number, event) in events.iter_mut().enumerate() {
        event["seq"] = json!(number + 1);
    }
    events
}

fn words(of: &[&str]) -> Vec<String> {
    of.iter().map(|it| (*it).to_owned()).collect()
}

async fn tell_all(link: &mut Far, events: &[Value]) {
    for event in events {
        link.tell(event.clone()).await;
    }
}

async fn resumed(link: &mut Far, id: &str, state: &str, last: usize) {
    link.tell(json!({"type": "turn_resumed", "requestId": id, "data": {
        "requestId": id, "data": {"state": state, "lastSeq": last}}}))
        .await;
}

/// The action that asks for the events that are missing.
async fn asked(link: &mut Far) -> Value {
    let action = link.action().await;
    assert_eq!(action["action"], "resume_turn", "{action}");
    action
}

async fn until(turn: &TurnHandle, holds: impl Fn(&TurnHandle) -> bool) {
    soon(async {
        while !holds(turn) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn is(turn: &TurnHandle, state: TurnState) {
    until(turn, |turn| turn.state() == state).await;
}

#[tokio::test]
async fn req_resume_02_readers_wait_while_the_turn_is_suspended() {
    let peer = Peer::start().await;
    let (client, chat, mut link) = replaying(&peer, peer.builder(), json!({})).await;
    let (mut turn, events) = sent(&mut link, &chat, &words(&["a", "b"])).await;
    assert_eq!(turn.state(), TurnState::Sent);
    let (mut text, result) = (turn.text_stream(), turn.result());
    tell_all(&mut link, &events[..2]).await;
    is(&turn, TurnState::Running).await;
    assert_eq!(soon(text.next()).await.expect("text").expect("a"), "a");
    let first = soon(turn.next()).await.expect("an item").expect("a token");
    drop(link);
    is(&turn, TurnState::Suspended).await;
    let mut link = peer.accept().await;
    let question = asked(&mut link).await;
    assert_eq!(
        (&question["requestId"], &question["afterSeq"]),
        (&json!(turn.request_id()), &json!(2))
    );
    let (mut next, mut more, mut result) = (
        Box::pin(turn.next()),
        Box::pin(text.next()),
        Box::pin(result),
    );
    tokio::select! { biased;
        item = &mut next => panic!("{item:?}"),
        text = &mut more => panic!("{text:?}"),
        end = &mut result => panic!("{end:?}"),
        () = link.fence(&client) => {}
    }
    let id = events[0]["requestId"].as_str().expect("an id");
    resumed(&mut link, id, "running", 3).await;
    tell_all(&mut link, &events[1..]).await;
    let second = soon(next).await.expect("an item").expect("a token");
    for (item, token) in [(first, "a"), (second, "b")] {
        assert!(
            matches!(&item, Event::StreamToken(it) if it.token() == token),
            "{item:?}"
        );
    }
    assert_eq!(soon(more).await.expect("text").expect("b"), "b");
    assert_eq!(soon(result).await.expect("done").text, "ab");
    assert_eq!(turn.state(), TurnState::Settled);
    let counted = client.counters();
    assert_eq!((counted.resumed_turns, counted.open_turns), (1, 0));
}

#[tokio::test]
async fn req_resume_08_who_drops_a_suspended_turn_stops_it_on_the_next_link() {
    let peer = Peer::start().await;
    let (_client, chat, mut link) = replaying(&peer, peer.builder(), json!({})).await;
    let (turn, events) = sent(&mut link, &chat, &[]).await;
    tell_all(&mut link, &events[..1]).await;
    is(&turn, TurnState::Running).await;
    drop(link);
    is(&turn, TurnState::Suspended).await;
    let handle = turn.handle();
    drop(turn);
    assert_eq!(handle.state(), TurnState::Suspended);
    let mut link = peer.accept().await;
    asked(&mut link).await;
    assert_eq!(link.action().await["action"], "cancel");
    resumed(&mut link, handle.request_id(), "gone", 0).await;
    is(&handle, TurnState::Settled).await;
}

#[tokio::test]
async fn req_resume_04_the_error_tells_what_the_server_said() {
    for (state, last, told) in [
        ("gone", 9, "gone"),
        ("running", 1, "gone"),
        ("sunk", 9, "sunk"),
    ] {
        let peer = Peer::start().await;
        let (_client, chat, mut link) = replaying(&peer, peer.builder(), json!({})).await;
        let (turn, events) = sent(&mut link, &chat, &words(&["a"])).await;
        tell_all(&mut link, &events[..2]).await;
        until(&turn, |turn| turn.partial_text() == "a").await;
        drop(link);
        let mut link = peer.accept().await;
        asked(&mut link).await;
        resumed(&mut link, turn.request_id(), state, last).await;
        let Err(Error::TurnInterrupted(cut)) = soon(turn.result()).await else {
            panic!("{state}: not interrupted");
        };
        assert_eq!(
            (
                cut.state(),
                cut.code(),
                cut.close_code(),
                cut.sent(),
                cut.partial_text()
            ),
            (Some(told), None, None, true, Some("a")),
            "{state}"
        );
    }
}

#[tokio::test]
async fn req_resume_05_the_code_of_a_refusal_is_in_the_error() {
    let peer = Peer::start().await;
    let (_client, chat, mut link) = replaying(&peer, peer.builder(), json!({})).await;
    let (turn, events) = sent(&mut link, &chat, &[]).await;
    tell_all(&mut link, &events[..1]).await;
    is(&turn, TurnState::Running).await;
    drop(link);
    let mut link = peer.accept().await;
    asked(&mut link).await;
    link.error(turn.request_id(), "SESSION_NOT_FOUND").await;
    let error = soon(turn.result()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::TurnInterrupted);
    let Error::TurnInterrupted(cut) = error else {
        panic!("{error:?}");
    };
    assert_eq!((cut.state(), cut.code()), (None, Some("SESSION_NOT_FOUND")));
}

/// Numbers that look random and are the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }
}

/// Sends all events, loses some at random and sends some twice. Returns how often it was asked.
async fn play(peer: &Peer, mut link: Far, id: &str, events: &[Value], chance: &mut Chance) -> u64 {
    let (mut at, mut newest, mut times) = (0, 0, 0);
    loop {
        let end = newest + 1 + chance.below(events.len() - newest);
        tell_all(&mut link, &events[at..end]).await;
        if end == events.len() {
            return times;
        }
        if end + 1 < events.len() && chance.below(2) == 0 {
            link.tell(events[end + 1].clone()).await; // a gap: the client asks on the same link
        } else {
            drop(link); // what lay in the socket may be lost
            link = peer.accept().await;
        }
        let after = asked(&mut link).await["afterSeq"]
            .as_u64()
            .expect("a number");
        let after = usize::try_from(after).expect("a small one");
        assert!(
            (newest..=end).contains(&after),
            "{newest} <= {after} <= {end}"
        );
        (times, newest) = (times + 1, after);
        at = chance.below(newest + 1);
        resumed(&mut link, id, "running", events.len()).await;
    }
}

#[tokio::test]
async fn req_resume_06_random_cuts_give_the_whole_text_once() {
    for seed in 1..=16 {
        let peer = Peer::start().await;
        let builder = peer.builder().resume_timeout(Duration::ZERO);
        let (client, chat, mut link) = replaying(&peer, builder, json!({})).await;
        let tokens: Vec<_> = (0..60).map(|it| format!("{it} ")).collect();
        let (mut turn, events) = sent(&mut link, &chat, &tokens).await;
        let id = turn.request_id().to_owned();
        let times = play(&peer, link, &id, &events, &mut Chance(seed)).await;
        let result = soon(turn.result()).await.expect("done");
        assert_eq!(
            (result.text, result.outcome),
            (tokens.concat(), Outcome::Completed)
        );
        let mut seen = Vec::new();
        while let Some(item) = soon(turn.next()).await {
            if let Event::StreamToken(token) = item.expect("an item") {
                seen.push(token.token().to_owned());
            }
        }
        assert_eq!(seen, tokens, "seed {seed}");
        assert_eq!(client.counters().resumed_turns, times, "seed {seed}");
    }
}

#[tokio::test]
async fn req_resume_09_a_thousand_suspensions_leave_nothing_behind() {
    let (peer, clock) = (Peer::start().await, VirtualClock::new());
    let builder = peer.builder().clock(clock.clone());
    let (client, chat, mut link) = replaying(&peer, builder, json!({})).await;
    let (turn, events) = sent(&mut link, &chat, &vec!["x".to_owned(); 1_001]).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let mut before = (0, 0);
    for at in 0..1_000 {
        tell_all(&mut link, &[events[at].clone(), events[at + 2].clone()]).await; // a gap
        asked(&mut link).await;
        resumed(&mut link, turn.request_id(), "running", at + 2).await;
        if at == 10 {
            link.fence(&client).await;
            before = (clock.timers(), tasks());
        }
    }
    link.fence(&client).await;
    assert_eq!((clock.timers(), tasks()), before);
    tell_all(&mut link, &events[1_000..]).await;
    soon(turn.result()).await.expect("done");
    assert_eq!(client.counters().resumed_turns, 1_000);
}

#[tokio::test]
async fn req_resume_11_a_turn_that_runs_is_taken_up_once() {
    let peer = Peer::start().await;
    let running = json!({"openTurn": {"requestId": "old", "lastSeq": 2}});
    let (client, chat, mut link) = replaying(&peer, peer.builder(), running).await;
    let turn = chat.open_turn().expect("it runs");
    assert_eq!(
        (turn.request_id(), turn.session_id(), turn.state()),
        ("old", SESSION, TurnState::Suspended)
    );
    let question = asked(&mut link).await;
    assert_eq!(
        (&question["requestId"], &question["afterSeq"]),
        (&json!("old"), &json!(0))
    );
    let same = chat.open_turn().expect("it runs");
    link.fence(&client).await; // the turn that is here is given again
    drop(same);
    link.fence(&client).await; // and is not stopped by one of two
    resumed(&mut link, "old", "settled", 3).await;
    tell_all(&mut link, &script("old", &words(&["hi"]))).await;
    assert_eq!(soon(turn.result()).await.expect("done").text, "hi");
    let again = chat.open_turn().expect("asked for anew");
    assert_eq!(again.state(), TurnState::Suspended);
}

#[tokio::test]
async fn req_resume_01_without_a_search_for_the_link_nothing_is_resumed() {
    for change in [
        |it: ClientBuilder| it.auto_reconnect(false),
        |it: ClientBuilder| it.max_reconnect_attempts(0),
    ] {
        let peer = Peer::start().await;
        let running = json!({"openTurn": {"requestId": "old", "lastSeq": 2}});
        let (_client, chat, _link) = replaying(&peer, change(peer.builder()), running).await;
        assert!(chat.open_turn().is_none());
    }
}

#[tokio::test]
async fn req_resume_06_a_long_numbered_stream_is_whole_and_a_number_too_many_in_it_is_skipped() {
    let peer = Peer::start().await;
    let (_client, chat, mut link) = replaying(&peer, peer.builder(), json!({})).await;
    let tokens: Vec<String> = (0..600).map(|n| format!("{n} ")).collect();
    let (turn, mut events) = sent(&mut link, &chat, &tokens).await;
    events.insert(300, events[200].clone());
    tell_all(&mut link, &events).await;
    let result = soon(turn.result()).await.expect("completed");
    assert_eq!(turn.partial_text(), tokens.concat());
    let items: Vec<Event> = soon(turn.events().try_collect()).await.expect("good");
    let numbers = items.iter().filter_map(|item| match item {
        Event::StreamToken(token) => token.seq(),
        _ => None,
    });
    assert!(numbers.eq(2..602));
    assert_eq!(result.outcome, Outcome::Completed);
}
