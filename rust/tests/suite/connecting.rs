//! Attempts: shared, bounded, refused; tokens and headers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smooth_operator::testing::VirtualClock;
use smooth_operator::{ConnectionState, Error, ErrorKind, SmoothAgentClient, TokenIn, action};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::peer::{Link, Peer, SESSION, soon};

/// Reads the request of a handshake and leaves the connection unanswered.
async fn request(stream: &mut tokio::net::TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(soon(stream.read_u8()).await.expect("a request"));
    }
    String::from_utf8(text).expect("text")
}

async fn answered_by(status: &'static str) -> Error {
    let peer = Peer::start().await;
    let client = peer.builder().build().expect("good options");
    let serve = async {
        let mut stream = peer.tcp().await;
        request(&mut stream).await;
        let answer = format!(
            "HTTP/1.1 {status}\r\nlocation: ws://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.expect("written");
    };
    let (error, ()) = tokio::join!(client.connect(), serve);
    assert_eq!(client.state(), ConnectionState::Idle);
    error.expect_err("refused")
}

#[tokio::test]
async fn req_conn_03_concurrent_connects_share_one_attempt() {
    let peer = Peer::start().await;
    let client = peer.builder().build().expect("good options");
    let (one, two, _link) = tokio::join!(client.connect(), client.connect(), peer.accept());
    one.and(two).expect("connected");
    soon(client.connect()).await.expect("open already");
    assert_eq!(client.state(), ConnectionState::Open);
}

#[tokio::test]
async fn req_conn_03_a_client_works_again_after_close() {
    let peer = Peer::start().await;
    let (client, mut link) = peer.connected(peer.builder()).await;
    let (code, ()) = tokio::join!(link.closed(), client.close());
    assert_eq!(code, 1000);
    let (done, mut link) = tokio::join!(client.connect(), peer.accept());
    done.expect("connected");
    link.fence(&client).await;
}

#[tokio::test]
async fn req_conn_04_an_attempt_is_bounded_and_its_error_shared() {
    let peer = Peer::start().await;
    let clock = VirtualClock::new();
    let client = peer
        .builder()
        .clock(clock.clone())
        .build()
        .expect("good options");
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.connect().await }
    });
    let mut stream = peer.tcp().await;
    request(&mut stream).await;
    let turn = client.send_message(action::SendMessage::new(SESSION, "hello"));
    clock.advance(Duration::from_millis(9_999)).await;
    assert_eq!(client.state(), ConnectionState::Connecting);
    clock.advance(Duration::from_millis(1)).await;
    let error = soon(waiting).await.expect("joined").expect_err("timed out");
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    assert_eq!(
        soon(turn.result()).await.expect_err("shared").kind(),
        ErrorKind::ConnectFailed
    );
}

#[tokio::test]
async fn req_conn_09_a_lazy_client_connects_by_itself_and_others_do_not() {
    let peer = Peer::start().await;
    let idle = peer.builder().build().expect("good options");
    let error = soon(idle.ping()).await.expect_err("idle");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    let lazy = peer.builder().lazy(true).build().expect("good options");
    let ping = lazy.ping();
    let mut link = peer.accept().await;
    let action = link.action().await;
    link.tell(
        serde_json::json!({"type": "pong", "requestId": action["requestId"], "timestamp": 5}),
    )
    .await;
    assert_eq!(soon(ping).await.expect("a pong").server_time, Some(5));
}

#[tokio::test]
async fn req_conn_10_the_token_travels_in_the_query_or_in_the_header() {
    let peer = Peer::start().await;
    let url = format!("{}?token=old&a=1#fragment", peer.url);
    for (place, line) in [
        (TokenIn::Query, "GET /ws?a=1&token=t%2B HTTP/1.1"),
        (TokenIn::Header, "GET /ws?token=old&a=1 HTTP/1.1"),
    ] {
        let client = SmoothAgentClient::builder(&url)
            .token("t+")
            .token_in(place)
            .header("x-team", "blue")
            .origin("https://example.org")
            .build()
            .expect("good options");
        let attempt = tokio::spawn(async move { client.connect().await });
        let text = request(&mut peer.tcp().await).await;
        assert!(text.starts_with(line), "{text}");
        assert_eq!(
            text.contains("Bearer t+"),
            place == TokenIn::Header,
            "{text}"
        );
        assert!(
            text.to_lowercase().contains("x-team: blue") && text.contains("https://example.org")
        );
        assert!(
            !text.to_lowercase().contains("sec-websocket-extensions"),
            "REQ-CONN-14: {text}"
        );
        soon(attempt).await.expect("joined").expect_err("cut off");
    }
}

#[tokio::test]
async fn req_conn_11_the_provider_is_asked_before_every_attempt() {
    let peer = Peer::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let builder = peer.builder().token_provider(move || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move {
            if number == 0 {
                Err("no token yet")
            } else {
                Ok(format!("t{number}"))
            }
        }
    });
    let client = builder.build().expect("good options");
    let error = soon(client.connect())
        .await
        .expect_err("the provider failed");
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    let source = std::error::Error::source(&error).expect("a cause");
    assert_eq!(source.to_string(), "no token yet");
    let (done, _link) = tokio::join!(client.connect(), async {
        Link::over(peer.tcp().await).await
    });
    done.expect("connected");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn req_conn_11_the_provider_counts_against_the_limit() {
    let peer = Peer::start().await;
    let clock = VirtualClock::new();
    let client = peer
        .builder()
        .clock(clock.clone())
        .token_provider(std::future::pending::<Result<String, String>>)
        .build()
        .expect("good options");
    let waiting = tokio::spawn(async move { client.connect().await });
    while clock.timers() == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(10)).await;
    let error = soon(waiting).await.expect("joined").expect_err("timed out");
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
}

#[tokio::test]
async fn req_conn_12_refused_handshakes_say_the_status() {
    let error = answered_by("401 Unauthorized").await;
    assert_eq!(
        (error.kind(), error.failure().details().status),
        (ErrorKind::Authentication, Some(401))
    );
    for (status, number) in [("500 Oops", 500), ("302 Found", 302), ("200 OK", 200)] {
        let error = answered_by(status).await;
        assert_eq!(error.kind(), ErrorKind::ConnectFailed, "{status}");
        assert_eq!(error.failure().details().status, Some(number), "{status}");
    }
}

#[tokio::test]
async fn req_conn_12_a_port_that_nobody_listens_on_is_connect_failed() {
    let client = SmoothAgentClient::new("ws://127.0.0.1:1/ws").expect("good options");
    let error = soon(client.connect()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    assert!(error.is_retryable());
}
