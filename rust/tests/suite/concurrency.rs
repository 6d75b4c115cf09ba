//! Many threads on one client, and writes that the socket has no room for.

use smooth_operator::types::ImageAttachment;
use smooth_operator::{SmoothAgentClient, action};
use tokio_tungstenite::tungstenite::Message;

use crate::peer::{Link, Peer, SESSION, soon};

async fn echo(mut link: Link<tokio::net::TcpStream>, count: usize) {
    for _ in 0..count {
        let sent = link.action().await;
        let id = sent["requestId"].as_str().expect("an id").to_owned();
        link.accept_turn(&id).await;
        link.finish(&id, sent["message"].as_str().expect("a text"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn req_conn_17_a_client_serves_many_threads_at_once() {
    let peer = Peer::start().await;
    let (client, link) = peer.connected(peer.builder()).await;
    let server = tokio::spawn(echo(link, 200));
    let mut asking = Vec::new();
    for number in 0..200 {
        let client = client.clone();
        asking.push(tokio::spawn(async move {
            let text = format!("message {number}");
            let turn = client.send_message(action::SendMessage::new(SESSION, &text));
            assert_eq!(soon(turn.result()).await.expect("answered").text, text);
        }));
    }
    for asked in asking {
        asked.await.expect("answered");
    }
    server.await.expect("served");
}

#[tokio::test]
async fn req_conn_18_frames_wait_in_the_client_while_the_socket_is_full() {
    let peer = Peer::start().await;
    let (client, mut link) = peer.connected(peer.builder()).await;
    let image = ImageAttachment::new("x".repeat(900_000));
    let say = |client: &SmoothAgentClient| {
        let message = action::SendMessage::new(SESSION, "look");
        client.send_message(message.images([image.clone()]))
    };
    let kept: Vec<_> = (0..12).map(|_| say(&client)).collect();
    for _ in 0..200 {
        tokio::task::yield_now().await; // the driver writes what the socket takes
    }
    drop(say(&client)); // megabytes wait before this one and its cancel: the order stays
    for number in 0..13 {
        assert_eq!(link.action().await["requestId"], format!("req-{number}"));
    }
    assert_eq!(link.action().await["action"], "cancel");
    link.fence(&client).await;
    drop(kept);
    for _ in 0..12 {
        assert!(matches!(link.read().await, Some(Message::Text(_))));
    }
}
