//! A socket that the application opens.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use smooth_operator::{
    ConnectionState, Error, ErrorKind, Message, OpenRequest, SmoothAgentClient, TokenIn,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::peer::soon;

/// The far end of a socket in memory.
pub(crate) struct Far {
    came: UnboundedReceiver<Message>,
    tell: UnboundedSender<Result<Message, io::Error>>,
}

/// A socket in memory: its near end as an opener gives it, and its far end. As long as the near end
/// lives it shares `alive`.
pub(crate) fn pair(
    alive: Arc<()>,
) -> (
    impl futures_util::Stream<Item = Result<Message, io::Error>>
    + futures_util::Sink<Message, Error = io::Error>
    + Send
    + Unpin,
    Far,
) {
    let (out, came) = unbounded_channel();
    let (tell, told) = unbounded_channel();
    let reads = stream::unfold(told, |mut told| async move {
        let next = told.recv().await?;
        Some((next, told))
    });
    let writes = futures_util::sink::unfold(out, |out, message: Message| async move {
        out.send(message)
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok::<_, io::Error>(out)
    });
    let near = Near(Box::pin(reads), Box::pin(writes), alive);
    (near, Far { came, tell })
}

type Reads = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Message, io::Error>> + Send>>;
type Writes = std::pin::Pin<Box<dyn futures_util::Sink<Message, Error = io::Error> + Send>>;

struct Near(Reads, Writes, #[allow(dead_code)] Arc<()>);

impl futures_util::Stream for Near {
    type Item = Result<Message, io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl futures_util::Sink<Message> for Near {
    type Error = io::Error;

    fn poll_ready(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        self.1.poll_ready_unpin(context)
    }

    fn start_send(mut self: std::pin::Pin<&mut Self>, message: Message) -> io::Result<()> {
        self.1.start_send_unpin(message)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        self.1.poll_flush_unpin(context)
    }

    fn poll_close(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        self.1.poll_close_unpin(context)
    }
}

/// A client on a socket in memory, and the far end.
async fn opened() -> (SmoothAgentClient, Far) {
    let (near, far) = pair(Arc::new(()));
    let near = std::sync::Mutex::new(Some(near));
    let builder = SmoothAgentClient::builder("ws://nowhere.example/ws")
        .auto_reconnect(false)
        .opener(move |_| {
            let near = near.lock().expect("not poisoned").take();
            async move { near.ok_or_else(|| io::Error::other("opened once")) }
        });
    let client = soon(builder.connect()).await.expect("connected");
    (client, far)
}

/// Answers the action that the client sent.
pub(crate) async fn answer_ping(far: &mut Far) {
    let Some(Message::Text(text)) = soon(far.came.recv()).await else {
        panic!("an action was due");
    };
    let action: Value = serde_json::from_str(&text).expect("JSON");
    let pong = json!({"type": "pong", "requestId": action["requestId"]});
    far.tell
        .send(Ok(Message::Text(pong.to_string())))
        .expect("told");
}

#[tokio::test]
async fn req_conn_14_an_application_may_open_the_socket() {
    let (client, mut far) = opened().await;
    let ping = client.ping();
    answer_ping(&mut far).await;
    soon(ping).await.expect("a pong");
    let waiting = client.ping();
    far.tell
        .send(Ok(Message::Close(Some(1001), "going".to_owned())))
        .expect("told");
    let lost = soon(waiting).await.expect_err("lost");
    let Error::ConnectionLost(lost) = lost else {
        panic!("{lost:?}");
    };
    assert_eq!(
        (lost.close_code(), lost.close_reason()),
        (1001, Some("going"))
    );
    assert_eq!(client.state(), ConnectionState::Closed);
}

#[tokio::test]
async fn req_conn_05_a_close_reaches_the_socket_of_the_application() {
    let (client, mut far) = opened().await;
    let closing = tokio::spawn(async move { client.close().await });
    assert_eq!(
        soon(far.came.recv()).await,
        Some(Message::Close(Some(1000), String::new()))
    );
    drop(far);
    soon(closing).await.expect("closed");
}

#[tokio::test]
async fn req_wire_11_the_limit_holds_for_the_socket_of_the_application() {
    let (client, far) = opened().await;
    let waiting = client.ping();
    let long = "x".repeat(16 * 1024 * 1024 + 1);
    far.tell.send(Ok(Message::Text(long))).expect("told");
    let error = soon(waiting).await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
}

#[tokio::test]
async fn req_conn_04_an_opener_that_fails_is_a_failed_attempt() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let builder = SmoothAgentClient::builder("wss://h.example/ws?a=hidden-1")
        .token("hidden-2")
        .token_in(TokenIn::Header)
        .opener(move |request: OpenRequest| {
            count.fetch_add(1, Ordering::SeqCst);
            assert!(!format!("{request:?}").contains("hidden"), "{request:?}");
            let url = request.url.starts_with("wss://h.example/ws?a=");
            let token = request
                .headers
                .iter()
                .any(|(_, it)| it == "Bearer hidden-2");
            async move { Err::<Near, _>(io::Error::other(format!("hidden-3 {url} {token}"))) }
        });
    let error = soon(builder.connect()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    assert!(!error.to_string().contains("hidden"), "{error}");
    let cause = std::error::Error::source(&error).expect("a cause");
    assert_eq!(cause.to_string(), "hidden-3 true true");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
