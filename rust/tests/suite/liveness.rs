//! Whether a link lives: pings of the client's own, and the sleep of a machine.

use std::time::Duration;

use serde_json::json;
use smooth_operator::testing::VirtualClock;
use smooth_operator::{ConnectionState, SmoothAgentClient};
use tokio::net::TcpStream;

use crate::peer::{Link, Peer};

const SECOND: Duration = Duration::from_secs(1);

async fn client() -> (SmoothAgentClient, VirtualClock, Link<TcpStream>) {
    let (peer, clock) = (Peer::start().await, VirtualClock::new());
    let (client, link) = peer.connected(peer.builder().clock(clock.clone())).await;
    (client, clock, link)
}

#[tokio::test]
async fn req_conn_38_the_time_of_the_last_frame_counts_and_frames_arm_no_timer() {
    let (client, clock, mut link) = client().await;
    clock.advance(10 * SECOND).await; // stable: its timer is gone
    for _ in 0..3 {
        clock.advance(7 * SECOND).await;
        link.fence(&client).await;
        assert_eq!(clock.timers(), 1);
    }
    clock.advance(25 * SECOND - Duration::from_millis(1)).await;
    link.fence(&client).await;
    clock.advance(25 * SECOND).await;
    let ping = link.action().await;
    assert_eq!((&ping["action"], clock.timers()), (&json!("ping"), 2));
    clock.advance(10 * SECOND).await;
    assert_eq!(link.closed().await, 4408);
    assert_eq!(client.state(), ConnectionState::Reconnecting);
}

#[tokio::test]
async fn req_conn_38_the_answer_to_a_ping_of_the_clients_own_is_nobodys() {
    let (client, clock, mut link) = client().await;
    let events = crate::peer::Heard::default();
    let seen = events.clone();
    client.on_event(move |event| seen.push(event.raw().to_owned()));
    clock.advance(25 * SECOND).await;
    let id = link.action().await["requestId"].clone();
    link.tell(json!({"type": "pong", "requestId": id})).await;
    link.fence(&client).await;
    assert!(events.all().is_empty());
}

#[tokio::test]
async fn req_conn_39_a_sleep_is_noticed_and_the_link_has_five_seconds() {
    let (client, clock, mut link) = client().await;
    clock.sleep(51 * SECOND);
    clock.advance(25 * SECOND).await;
    assert_eq!(link.action().await["action"], "ping");
    clock.advance(5 * SECOND).await;
    assert_eq!(link.closed().await, 4408);
    assert_eq!(client.state(), ConnectionState::Reconnecting);
}

#[tokio::test]
async fn req_conn_39_a_short_sleep_is_none() {
    let (client, clock, mut link) = client().await;
    clock.sleep(50 * SECOND);
    clock.advance(25 * SECOND).await;
    link.action().await;
    clock.advance(9 * SECOND).await;
    link.fence(&client).await;
}
