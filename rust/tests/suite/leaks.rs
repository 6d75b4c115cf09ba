//! Nothing is left behind: tasks, timers, ids.

use std::time::Duration;

use smooth_operator::testing::VirtualClock;
use smooth_operator::{Event, SmoothAgentClient, action};

use crate::peer::{Peer, SESSION, soon};

#[test]
fn req_conn_05_after_close_no_task_and_no_timer_is_left() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let peer = Peer::start().await;
        let clock = VirtualClock::new();
        let (client, mut link) = peer.connected(peer.builder().clock(clock.clone())).await;
        client.on_state(|_| {});
        for _ in 0..200 {
            let (turn, id) = link.turn(&client).await;
            link.token(&id, "x").await;
            link.finish(&id, "x").await;
            soon(turn.result()).await.expect("completed");
        }
        const OF_THE_LINK: usize = 2; // `stable` and `ping`
        assert_eq!(clock.timers(), OF_THE_LINK);
        let pending = client.ping();
        assert_eq!(clock.timers(), OF_THE_LINK + 1);
        let (_, ()) = tokio::join!(
            async { while link.read().await.is_some() {} },
            client.close()
        );
        soon(pending).await.expect_err("closed");
        assert_eq!(clock.timers(), 0);
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
async fn a_client_that_is_dropped_open_closes_its_link() {
    let peer = Peer::start().await;
    let (client, mut link) = peer.connected(peer.builder()).await;
    drop(client);
    assert_eq!(link.closed().await, 1000);
}

#[tokio::test]
async fn a_turn_keeps_the_link_of_a_dropped_client() {
    let peer = Peer::start().await;
    let (client, mut link) = peer.connected(peer.builder()).await;
    let mut turn = client.send_message(action::SendMessage::new(SESSION, "hello"));
    drop(client);
    let id = link.action().await["requestId"]
        .as_str()
        .expect("an id")
        .to_owned();
    link.token(&id, "hi").await;
    assert!(matches!(
        soon(turn.next()).await,
        Some(Ok(Event::StreamToken(_)))
    ));
    drop(turn);
    assert_eq!(link.action().await["action"], "cancel");
    assert_eq!(link.closed().await, 1000);
}

#[tokio::test]
async fn req_conn_01_building_a_client_starts_no_task() {
    let before = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let client = SmoothAgentClient::builder("ws://127.0.0.1:1/ws")
        .request_timeout(Duration::from_secs(1))
        .build()
        .expect("good options");
    let after = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(before, after);
    drop(client);
}
