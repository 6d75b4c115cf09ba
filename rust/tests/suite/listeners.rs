//! Listeners: order, isolation, removal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use smooth_operator::{ConnectionState, Direction, Level, action};

use crate::peer::{Heard, Peer, SESSION, soon};

#[tokio::test]
async fn req_conn_07_state_events_come_in_order_and_never_inside_the_caller() {
    let peer = Peer::start().await;
    let client = peer.builder().build().expect("good options");
    let inside = Arc::new(AtomicBool::new(false));
    let heard = Heard::default();
    let (seen, flag) = (heard.clone(), Arc::clone(&inside));
    client.on_state(move |change| {
        assert!(!flag.load(Ordering::SeqCst), "inside the caller's frame");
        seen.push((
            change.previous.as_str(),
            change.current.as_str(),
            change.reason,
        ));
    });
    let mut states = client.states();
    let lazy = peer.builder().lazy(true).build().expect("good options");
    let (flag, seen) = (Arc::clone(&inside), Heard::default());
    let mine = seen.clone();
    lazy.on_state(move |change| {
        assert!(!flag.load(Ordering::SeqCst), "inside the caller's frame");
        mine.push(change.current);
    });
    inside.store(true, Ordering::SeqCst);
    let turn = lazy.send_message(action::SendMessage::new(SESSION, "hello")); // moves the link
    inside.store(false, Ordering::SeqCst);
    let _link = peer.accept().await;
    assert_eq!(
        seen.count(2).await,
        [ConnectionState::Connecting, ConnectionState::Open]
    );
    drop(turn);
    let (done, mut link) = tokio::join!(client.connect(), peer.accept());
    done.expect("connected");
    let (_, ()) = tokio::join!(link.closed(), client.close());
    let expected = [
        ("idle", "connecting", "connect"),
        ("connecting", "open", "opened"),
        ("open", "closed", "close"),
    ];
    assert_eq!(heard.all(), expected);
    for (_, current, _) in expected {
        assert_eq!(
            soon(states.next())
                .await
                .expect("a change")
                .current
                .as_str(),
            current
        );
    }
}

#[tokio::test]
async fn req_conn_08_a_listener_that_panics_is_logged_once_and_disturbs_nobody() {
    let peer = Peer::start().await;
    let log = Heard::default();
    let written = log.clone();
    let builder = peer.builder().logger(move |record| {
        if record.level == Level::Warning {
            written.push(record.message.clone());
        }
    });
    let client = builder.build().expect("good options");
    let (calls, good) = (Arc::new(AtomicUsize::new(0)), Heard::default());
    let (count, seen) = (Arc::clone(&calls), good.clone());
    client.on_state(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        panic!("a listener's own fault");
    });
    let removed = client.on_state(|_| panic!("it was taken off"));
    client.off(removed);
    client.on_state(move |change| seen.push(change.current));
    let taps = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taps);
    client.on_frame(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        panic!("a tap's own fault");
    });
    let (done, mut link) = tokio::join!(client.connect(), peer.accept());
    done.expect("connected");
    link.fence(&client).await;
    let (_, ()) = tokio::join!(link.closed(), client.close());
    assert_eq!(
        good.all(),
        [
            ConnectionState::Connecting,
            ConnectionState::Open,
            ConnectionState::Closed
        ]
    );
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(
        taps.load(Ordering::SeqCst),
        1,
        "a tap that panics is removed"
    );
    assert_eq!(
        log.all(),
        ["a listener panicked", "a listener panicked; it was removed"]
    );
}

#[tokio::test]
async fn req_log_02_the_tap_sees_every_frame_both_ways() {
    let peer = Peer::start().await;
    let (client, mut link) = peer.connected(peer.builder()).await;
    let (plain, full) = (Heard::default(), Heard::default());
    let (one, two) = (plain.clone(), full.clone());
    client.on_frame(move |note| {
        one.push((note.direction, note.wire_type, note.request_id, note.text))
    });
    client
        .on_frame_text(move |note| two.push((note.bytes, note.text.expect("a text").to_string())));
    link.fence(&client).await;
    let word = |it: &str| Some(it.to_owned());
    let expected = [
        (Direction::Out, word("ping"), word("req-0"), None),
        (Direction::In, word("pong"), word("req-0"), None),
    ];
    assert_eq!(plain.count(2).await, expected);
    for (bytes, text) in full.count(2).await {
        assert_eq!(bytes, text.len());
        assert!(text.contains("req-0"));
    }
}
