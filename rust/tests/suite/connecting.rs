//! Attempts: shared, bounded, refused; tokens and headers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smooth_operator::testing::VirtualClock;
use smooth_operator::{ConnectionState, Error, ErrorKind, SmoothAgentClient, TokenIn, action};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::peer::{Link, Peer, SESSION, soon};

/// Reads the request of a handshake and leaves the connection unanswered.
pub(crate) async fn request(stream: &mut tokio::net::TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(soon(stream.read_u8()).await.expect("a request"));
    }
    String::from_utf8(text).expect("text")
}

pub(crate) async fn answered_by(status: &'static str) -> Error {
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
    let builder = peer.builder().token_provider(move |_| {
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
        .token_provider(|_| std::future::pending::<Result<String, String>>())
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
    let Error::Authentication(refused) = error else {
        panic!("{error:?}");
    };
    assert_eq!(refused.status(), Some(401));
    for (status, number) in [("500 Oops", 500), ("302 Found", 302), ("200 OK", 200)] {
        let error = answered_by(status).await;
        let Error::ConnectFailed(refused) = error else {
            panic!("{status}: {error:?}");
        };
        assert_eq!(refused.status(), Some(number), "{status}");
    }
}

#[tokio::test]
async fn req_conn_12_a_port_that_nobody_listens_on_is_connect_failed() {
    let client = SmoothAgentClient::new("ws://127.0.0.1:1/ws").expect("good options");
    let error = soon(client.connect()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn req_conn_22_a_refused_handshake_says_all_that_the_answer_had() {
    let peer = Peer::start().await;
    let client = peer.builder().build().expect("good options");
    let serve = async {
        let mut stream = peer.tcp().await;
        request(&mut stream).await;
        let head = "HTTP/1.1 503 no\r\nRetry-After: 7\r\nX-Request-Id: x-1\r\nContent-Length: 5000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("written");
        stream.flush().await.expect("written");
        stream.write_all(&[b'a'; 4095]).await.expect("written");
        stream
            .write_all("é".repeat(400).as_bytes())
            .await
            .expect("written");
        stream
    };
    let (error, _stream) = tokio::join!(client.connect(), serve);
    let error = error.expect_err("refused");
    let text = error.to_string();
    let Error::ConnectFailed(refused) = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        (refused.status(), refused.retry_after()),
        (Some(503), Some(Duration::from_secs(7)))
    );
    assert_eq!(refused.answer_id(), Some("x-1"));
    let body = refused.body().expect("a body");
    assert_eq!(body, format!("{}\u{fffd}", "a".repeat(4095)));
    assert!(
        text.contains("127.0.0.1:") && text.contains("503") && !text.contains("aaa"),
        "{text}"
    );
}

#[tokio::test]
async fn req_conn_29_the_answer_to_the_handshake_may_come_byte_by_byte() {
    let peer = Peer::start().await;
    let client = peer.builder().build().expect("good options");
    let serve = async {
        let mut stream = peer.tcp().await;
        stream.set_nodelay(true).expect("an option");
        let (mut near, far) = tokio::io::duplex(4096);
        near.write_all(request(&mut stream).await.as_bytes())
            .await
            .expect("written");
        let _link = Link::over(far).await; // writes a proper answer into the pipe
        let mut answer = vec![0; 1024];
        let size = near.read(&mut answer).await.expect("an answer");
        for byte in &answer[..size] {
            stream.write_all(&[*byte]).await.expect("written");
            stream.flush().await.expect("written");
            tokio::task::yield_now().await;
        }
        stream
    };
    let (done, _stream) = tokio::join!(client.connect(), serve);
    done.expect("connected");
}

#[tokio::test]
async fn req_wire_15_an_extension_that_nobody_offered_is_refused() {
    let peer = Peer::start().await;
    let client = peer.builder().build().expect("good options");
    let serve = async {
        let mut stream = peer.tcp().await;
        let (mut near, far) = tokio::io::duplex(4096);
        near.write_all(request(&mut stream).await.as_bytes())
            .await
            .expect("written");
        let _link = Link::over(far).await;
        let mut answer = vec![0; 1024];
        let size = near.read(&mut answer).await.expect("an answer");
        let text = String::from_utf8_lossy(&answer[..size - 2]).into_owned();
        let lawless = format!("{text}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
        stream.write_all(lawless.as_bytes()).await.expect("written");
        let mut told = Vec::new();
        let _ = soon(stream.read_to_end(&mut told)).await;
        told
    };
    let (error, told) = tokio::join!(client.connect(), serve);
    assert!(matches!(error, Err(Error::ConnectFailed(_))), "{error:?}");
    assert_eq!(
        (told.first(), told.len()),
        (Some(&0x88), 8),
        "a masked close frame"
    );
    assert_eq!(
        [told[6] ^ told[2], told[7] ^ told[3]],
        1002_u16.to_be_bytes()
    );
}

#[tokio::test]
async fn req_conn_20_a_token_with_a_line_break_reaches_no_header_and_no_text() {
    let evil = "s3cret\r\nX-Evil: 1";
    let builder = || SmoothAgentClient::builder("ws://127.0.0.1:1/ws").token_in(TokenIn::Header);
    let error = builder().token(evil).build().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    let provided =
        builder().token_provider(move |_| async move { Ok::<_, Error>(evil.to_owned()) });
    let error = provided.connect().await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    for (name, value) in [
        ("x\r\nX-Evil", "1"),
        ("x", evil),
        ("Host", "h"),
        ("Upgrade", "x"),
    ] {
        let error = builder().header(name, value).build().expect_err("refused");
        assert!(error.to_string().starts_with("headers"), "{error}");
        assert!(!error.to_string().contains("vil"), "{error}");
    }
}

#[tokio::test]
async fn req_conn_26_the_attempt_goes_on_when_nobody_waits_for_it_any_more() {
    let peer = Peer::start().await;
    let client = peer.builder().build().expect("good options");
    let mut waiting = Box::pin(client.connect());
    let once =
        std::future::poll_fn(|context| std::task::Poll::Ready(waiting.as_mut().poll(context)));
    assert!(once.await.is_pending());
    drop(waiting);
    let mut link = peer.accept().await;
    soon(client.connect()).await.expect("the same link");
    link.fence(&client).await;
}

/// A runtime of its own, as a test harness makes one for each test.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

#[test]
fn req_conn_24_a_client_outlives_its_runtime() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let server = builder.worker_threads(1).enable_all().build();
    let server = server.expect("a runtime");
    let peer = Arc::new(server.block_on(Peer::start()));
    let client = peer.builder().build().expect("good options");
    let connect = async || {
        let there = Arc::clone(&peer);
        let accepted = server.spawn(async move { there.accept().await });
        soon(client.connect()).await.expect("connected");
        accepted.await.expect("accepted")
    };
    let changes = crate::peer::Heard::default();
    let seen = changes.clone();
    client.on_state(move |change| seen.push(change.reason));
    let first = runtime();
    let (_link, call, turn) = first.block_on(async {
        let link = connect().await;
        let turn = client.send_message(action::SendMessage::new(SESSION, "hello"));
        (link, client.ping(), turn)
    });
    drop(first);
    assert_eq!(client.state(), ConnectionState::Closed);
    let second = runtime();
    let _link = second.block_on(async {
        let lost = soon(call).await.expect_err("lost");
        assert_eq!(lost.kind(), ErrorKind::ConnectionLost);
        let cut = soon(turn.result()).await.expect_err("lost");
        assert_eq!(cut.kind(), ErrorKind::TurnInterrupted);
        let late = soon(client.ping()).await.expect_err("not connected");
        assert_eq!(late.kind(), ErrorKind::NotConnected);
        let mut link = connect().await;
        link.fence(&client).await;
        link
    });
    drop(second);
    runtime().block_on(async { soon(client.close()).await });
    let told = ["connect", "opened", "lost", "connect", "opened", "lost"];
    assert_eq!(changes.all(), told);
}
