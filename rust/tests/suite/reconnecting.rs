//! A lost link is sought again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smooth_operator::testing::VirtualClock;
use smooth_operator::{
    ClientBuilder, ConnectionState, Error, ErrorKind, Level, SmoothAgentClient, StateChange, action,
};
use tokio::sync::mpsc::unbounded_channel;

use crate::opener::{answer_ping, pair};
use crate::peer::{Heard, Peer, SESSION, soon};

/// Every wait is as short as the rules let it be.
fn at_once(builder: ClientBuilder) -> ClientBuilder {
    let builder = builder.random(|| 0.0).stable_after(Duration::ZERO);
    builder.backoff_base(Duration::from_millis(1))
}

fn states(client: &SmoothAgentClient) -> Heard<StateChange> {
    let heard = Heard::default();
    let seen = heard.clone();
    client.on_state(move |change| seen.push(change));
    heard
}

async fn until(client: &SmoothAgentClient, state: ConnectionState) {
    soon(async {
        while client.state() != state {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn req_conn_30_a_lost_link_is_found_again_and_what_waited_is_written() {
    let (peer, clock) = (Peer::start().await, VirtualClock::new());
    let builder = peer.builder().clock(clock.clone()).random(|| 0.5);
    let (client, link) = peer.connected(builder).await;
    let heard = states(&client);
    drop(link);
    until(&client, ConnectionState::Reconnecting).await;
    let turn = client.send_message(action::SendMessage::new(SESSION, "hello"));
    let (_, mut link) = tokio::join!(clock.advance(Duration::from_millis(250)), peer.accept());
    let id = link.action().await["requestId"].clone();
    let id = id.as_str().expect("an id");
    link.accept_turn(id).await;
    link.finish(id, "found").await;
    assert_eq!(soon(turn.result()).await.expect("done").text, "found");
    let told: Vec<_> = heard
        .count(2)
        .await
        .into_iter()
        .map(|it| (it.current.as_str(), it.code, it.attempt, it.retry_in))
        .collect();
    let wait = Duration::from_millis(250);
    assert_eq!(
        told,
        [
            ("reconnecting", Some(1006), Some(1), Some(wait)),
            ("open", None, None, None)
        ]
    );
}

#[tokio::test]
async fn req_conn_35_wake_ends_the_wait_and_connect_hears_of_the_attempt() {
    let (peer, clock) = (Peer::start().await, VirtualClock::new());
    let (client, link) = peer.connected(peer.builder().clock(clock.clone())).await;
    drop(link);
    until(&client, ConnectionState::Reconnecting).await;
    client.wake();
    drop(peer.tcp().await);
    let failed = soon(client.connect()).await.expect_err("no answer");
    assert_eq!(failed.kind(), ErrorKind::ConnectFailed);
    assert_eq!(client.state(), ConnectionState::Reconnecting);
    let (found, _link) = tokio::join!(client.connect(), peer.accept());
    found.expect("found again");
}

#[test]
fn req_conn_37_a_thousand_losses_leave_nothing_and_there_are_never_two_sockets() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (alive, (ends, mut far)) = (Arc::new(()), unbounded_channel());
        let (sockets, most) = (Arc::clone(&alive), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&most);
        let builder = SmoothAgentClient::builder("ws://nowhere.example/ws").opener(move |_| {
            let (near, far) = pair(Arc::clone(&sockets));
            seen.fetch_max(Arc::strong_count(&sockets) - 2, Ordering::SeqCst); // ours are two
            ends.send(far).expect("the test goes on");
            async move { Ok::<_, std::io::Error>(near) }
        });
        let client = soon(at_once(builder).connect()).await.expect("connected");
        for _ in 0..1_000 {
            drop(soon(far.recv()).await.expect("a socket"));
        }
        let mut last = soon(far.recv()).await.expect("a socket");
        let ping = client.ping();
        answer_ping(&mut last).await;
        soon(ping).await.expect("a pong");
        assert_eq!(client.counters().reconnects, 1_000);
        assert_eq!(most.load(Ordering::SeqCst), 1, "two sockets at once");
        drop(last);
        soon(client.close()).await;
        let metrics = tokio::runtime::Handle::current().metrics();
        soon(async {
            while metrics.num_alive_tasks() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    });
}

#[tokio::test]
async fn req_conn_37_a_dead_socket_that_lingers_is_dropped_before_the_next_attempt() {
    let (alive, (ends, mut far)) = (Arc::new(()), unbounded_channel());
    let sockets = Arc::clone(&alive);
    let clock = VirtualClock::new();
    let builder = SmoothAgentClient::builder("ws://nowhere.example/ws").opener(move |_| {
        let (near, far) = pair(Arc::clone(&sockets));
        let others = Arc::strong_count(&sockets) - 3; // ours, the test's, the new one's
        ends.send((far, others)).expect("the test goes on");
        async move { Ok::<_, std::io::Error>(near) }
    });
    let client = soon(builder.clock(clock.clone()).random(|| 0.5).connect()).await;
    let client = client.expect("connected");
    let _mute = soon(far.recv()).await.expect("a socket"); // answers neither ping nor close frame
    clock.advance(Duration::from_secs(35)).await;
    assert_eq!(client.state(), ConnectionState::Reconnecting);
    assert_eq!(Arc::strong_count(&alive), 3, "it waits for the answer");
    clock.advance(Duration::from_millis(250)).await;
    let (_far, others) = soon(far.recv()).await.expect("another socket");
    assert_eq!(others, 0, "two sockets at once");
}

#[tokio::test]
async fn req_conn_37_close_ends_the_wait_for_an_attempt() {
    let (peer, clock) = (Peer::start().await, VirtualClock::new());
    let (client, link) = peer.connected(peer.builder().clock(clock.clone())).await;
    drop(link);
    until(&client, ConnectionState::Reconnecting).await;
    let ping = client.ping();
    soon(client.close()).await;
    let closed = soon(ping).await.expect_err("closed");
    assert_eq!(closed.kind(), ErrorKind::ClientClosed);
    assert_eq!(clock.timers(), 0);
}

#[tokio::test]
async fn req_conn_41_a_link_that_is_given_up_is_a_state_event_and_a_warning() {
    let (peer, log) = (Peer::start().await, Heard::default());
    let written = log.clone();
    let builder = at_once(peer.builder()).max_reconnect_attempts(1);
    let builder = builder.logger(move |it| written.push((it.level, it.message.clone())));
    let (client, link) = peer.connected(builder).await;
    let heard = states(&client);
    drop((link, peer));
    let told = heard.count(2).await.pop().expect("an end");
    let error = told.error.expect("why");
    assert!(matches!(error, Error::ReconnectExhausted(_)), "{error:?}");
    let last = std::error::Error::source(&error).expect("the last attempt's");
    assert!(last.to_string().starts_with("Could not connect"), "{last}");
    soon(client.close()).await;
    let warned = |(level, text): &(Level, String)| {
        *level == Level::Warning && text.starts_with("reconnecting -> closed (connect_failed)")
    };
    assert!(log.all().iter().any(warned), "{:?}", log.all());
}

#[tokio::test]
async fn req_conn_41_a_provider_that_panics_costs_one_attempt() {
    let (peer, asked) = (Peer::start().await, Arc::new(AtomicUsize::new(0)));
    let reasons = Heard::default();
    let seen = reasons.clone();
    let builder = at_once(peer.builder()).token_provider(move |request| {
        seen.push(request.reason.as_str());
        let second = asked.fetch_add(1, Ordering::SeqCst) == 1;
        async move {
            assert!(!second, "a fault of the provider");
            Ok::<_, String>("t".to_owned())
        }
    });
    let (client, link) = peer.connected(builder).await;
    drop(link);
    let mut link = peer.accept().await;
    until(&client, ConnectionState::Open).await;
    link.fence(&client).await;
    assert_eq!(reasons.all(), ["connect", "reconnect", "reconnect"]);
}

#[test]
fn req_conn_24_a_runtime_that_dies_while_a_link_is_sought_ends_the_seeking() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    };
    let server = tokio::runtime::Runtime::new().expect("a runtime");
    let peer = Arc::new(server.block_on(Peer::start()));
    let client = peer.builder().build().expect("good options");
    let there = Arc::clone(&peer);
    let connect = || async {
        let peer = Arc::clone(&there);
        let accepted = server.spawn(async move { peer.accept().await });
        soon(client.connect()).await.expect("connected");
        accepted.await.expect("accepted")
    };
    let first = runtime();
    first.block_on(async {
        drop(connect().await);
        until(&client, ConnectionState::Reconnecting).await;
    });
    let ping = client.ping(); // waits for a link
    drop(first);
    let second = runtime();
    second.block_on(async {
        let lost = soon(ping).await.expect_err("nobody seeks");
        assert_eq!(lost.kind(), ErrorKind::ConnectFailed);
        assert_eq!(client.state(), ConnectionState::Closed);
        connect().await.fence(&client).await;
    });
}

#[test]
fn req_conn_01_waits_without_a_length_are_refused() {
    let builder = || SmoothAgentClient::builder("ws://nowhere.example/ws");
    for (name, refused) in [
        ("backoff_base", builder().backoff_base(Duration::ZERO)),
        ("backoff_max", builder().backoff_max(Duration::ZERO)),
    ] {
        let error = refused.build().expect_err("refused");
        assert!(error.to_string().starts_with(name), "{error}");
    }
}
