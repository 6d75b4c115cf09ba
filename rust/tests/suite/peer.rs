//! A server for tests: one listener, one link at a time, every wait bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use smooth_operator::testing::VirtualClock;
use smooth_operator::{ClientBuilder, SmoothAgentClient, Turn, action};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

pub(crate) const SESSION: &str = "00000000-0000-4000-8000-000000000002";
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Ends a wait that would hang a test.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future)
        .await
        .expect("it took too long")
}

/// A listener on a port of its own.
pub(crate) struct Peer {
    listener: TcpListener,
    pub(crate) url: String,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
        Self { listener, url }
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        let (stream, _) = soon(self.listener.accept()).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream
    }

    pub(crate) async fn accept(&self) -> Link<TcpStream> {
        Link::over(self.tcp().await).await
    }

    /// A builder whose ids are `req-0`, `req-1`, … The environment switches the shorter ways off
    /// (`LEARNED_FRAMES=off`, `QUIET_TURNS=off`): every test must hold without them.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let drawn = AtomicUsize::new(0);
        let off = |name: &str| std::env::var(name).is_ok_and(|it| it == "off");
        SmoothAgentClient::builder(&self.url)
            .fast_paths(!off("LEARNED_FRAMES"), !off("QUIET_TURNS"))
            .id_generator(move || format!("req-{}", drawn.fetch_add(1, Ordering::SeqCst)))
    }

    /// A client that is connected, and its link.
    pub(crate) async fn connected(
        &self,
        builder: ClientBuilder,
    ) -> (SmoothAgentClient, Link<TcpStream>) {
        let client = builder.build().expect("good options");
        let (done, link) = tokio::join!(client.connect(), self.accept());
        done.expect("connected");
        (client, link)
    }
}

/// A client on a virtual clock, its clock and its link.
pub(crate) async fn virtual_client() -> (SmoothAgentClient, VirtualClock, Link<TcpStream>) {
    let peer = Peer::start().await;
    let clock = VirtualClock::new();
    let builder = peer.builder().clock(clock.clone());
    let builder = builder.ping_interval(Duration::ZERO).auto_reconnect(false);
    let (client, link) = peer.connected(builder).await;
    (client, clock, link)
}

/// A client with defaults, and its link.
pub(crate) async fn client() -> (SmoothAgentClient, Link<TcpStream>) {
    let peer = Peer::start().await;
    peer.connected(peer.builder()).await
}

/// The peer's end of one link.
pub(crate) struct Link<S> {
    ws: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub(crate) async fn over(stream: S) -> Self {
        Self {
            ws: soon(tokio_tungstenite::accept_async(stream))
                .await
                .expect("a handshake"),
        }
    }

    /// The next message of the client; none when it closed the link.
    pub(crate) async fn read(&mut self) -> Option<Message> {
        loop {
            match soon(self.ws.next()).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => {
                    if message.is_close() {
                        let _ = soon(self.ws.flush()).await; // the answer to it
                    }
                    return Some(message);
                }
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next action of the client.
    pub(crate) async fn action(&mut self) -> Value {
        match self.read().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("an action was due, but {other:?} came"),
        }
    }

    /// The close code of the client.
    pub(crate) async fn closed(&mut self) -> u16 {
        match self.read().await {
            Some(Message::Close(Some(frame))) => frame.code.into(),
            other => panic!("a close frame was due, but {other:?} came"),
        }
    }

    /// What the close frame of the client carries, as it was written: the library of this peer
    /// knows less codes than there are.
    pub(crate) async fn parting(&mut self) -> Vec<u8> {
        let stream = self.ws.get_mut();
        let mut head = [0_u8; 6];
        soon(stream.read_exact(&mut head)).await.expect("a frame");
        assert_eq!((head[0], head[1] & 0x80), (0x88, 0x80), "{head:?}");
        let mut payload = vec![0_u8; usize::from(head[1] & 0x7f)];
        soon(stream.read_exact(&mut payload)).await.expect("whole");
        let mask = head[2..].iter().cycle();
        payload.iter().zip(mask).map(|(it, key)| it ^ key).collect()
    }

    /// Asserts that the client wrote nothing before this: the ping that `client` sends is next.
    pub(crate) async fn fence(&mut self, client: &SmoothAgentClient) {
        let ping = client.ping();
        let action = self.action().await;
        assert_eq!(
            action["action"], "ping",
            "something else came first: {action}"
        );
        self.tell(json!({"type": "pong", "requestId": action["requestId"]}))
            .await;
        soon(ping).await.expect("a pong");
    }

    pub(crate) async fn tell(&mut self, event: Value) {
        self.send(Message::text(event.to_string())).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        soon(self.ws.send(message)).await.expect("written");
    }

    pub(crate) async fn close(&mut self, code: u16) {
        self.close_saying(code, "").await;
    }

    pub(crate) async fn close_saying(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        let _ = self.ws.send(Message::Close(Some(frame))).await;
    }

    /// Writes bytes that no WebSocket library would write.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        soon(self.ws.get_mut().write_all(bytes))
            .await
            .expect("written");
    }

    pub(crate) async fn token(&mut self, id: &str, token: &str) {
        self.tell(json!({"type": "stream_token", "requestId": id, "data": {"requestId": id, "token": token}})).await;
    }

    pub(crate) async fn accept_turn(&mut self, id: &str) {
        self.tell(
            json!({"type": "immediate_response", "requestId": id, "status": 202, "data": {}}),
        )
        .await;
    }

    pub(crate) async fn acknowledge(&mut self, id: &str) {
        self.tell(
            json!({"type": "immediate_response", "requestId": id, "status": 200, "data": {}}),
        )
        .await;
    }

    pub(crate) async fn finish(&mut self, id: &str, text: &str) {
        let inner = json!({"messageId": "m-1", "response": text});
        let data = json!({"requestId": id, "status": 200, "data": inner});
        self.tell(
            json!({"type": "eventual_response", "requestId": id, "status": 200, "data": data}),
        )
        .await;
    }

    pub(crate) async fn error(&mut self, id: &str, code: &str) {
        let error = json!({"code": code, "message": "the server's own words"});
        self.tell(
            json!({"type": "error", "requestId": id, "data": {"requestId": id, "error": error}}),
        )
        .await;
    }

    pub(crate) async fn ask(&mut self, id: &str, word: &str, question: Value) {
        self.tell(
            json!({"type": word, "requestId": id, "data": {"requestId": id, "data": question}}),
        )
        .await;
    }

    /// The turn that `client` starts, with its `send_message` read and accepted.
    pub(crate) async fn turn(&mut self, client: &SmoothAgentClient) -> (Turn, String) {
        let turn = client.send_message(action::SendMessage::new(SESSION, "hello"));
        let sent = self.action().await;
        assert_eq!(sent["action"], "send_message");
        let id = turn.request_id().to_owned();
        self.accept_turn(&id).await;
        (turn, id)
    }
}

/// Collects what a listener hears.
#[derive(Clone)]
pub(crate) struct Heard<T>(Arc<std::sync::Mutex<Vec<T>>>);

impl<T> Default for Heard<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Heard<T> {
    pub(crate) fn push(&self, item: T) {
        self.0.lock().expect("not poisoned").push(item);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.0.lock().expect("not poisoned").clone()
    }

    /// Waits until that many were heard.
    pub(crate) async fn count(&self, count: usize) -> Vec<T> {
        soon(async {
            while self.all().len() < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
        self.all()
    }
}
