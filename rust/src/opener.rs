//! What opens the socket of a link, where an application brings its own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{Sink, Stream};

type Cause = Box<dyn std::error::Error + Send + Sync>;
type Opening = Pin<Box<dyn Future<Output = Result<Pin<Box<dyn Duplex>>, Cause>> + Send>>;

/// Opens a socket; called once an attempt.
pub(crate) type Opener = Arc<dyn Fn(OpenRequest) -> Opening + Send + Sync>;

/// What a socket is opened with; see [`ClientBuilder::opener`](crate::ClientBuilder::opener).
#[derive(Clone)]
#[non_exhaustive]
pub struct OpenRequest {
    /// URL of the server, with a token that travels in its query.
    pub url: String,
    /// Headers of the handshake, `Origin` and a token that travels in a header among them.
    pub headers: Vec<(String, String)>,
    /// The largest message that the client takes, in bytes.
    pub max_message_bytes: usize,
}

impl fmt::Debug for OpenRequest {
    /// Neither query nor headers show (REQ-LOG-01).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("OpenRequest")
            .field("url", &url)
            .field("max_message_bytes", &self.max_message_bytes)
            .finish_non_exhaustive()
    }
}

/// What an opener fails with when the server answered the handshake with another status than 101. It is
/// told as the client's own WebSocket tells such an answer (REQ-CONN-12, REQ-CONN-22).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedHandshake {
    /// The HTTP status.
    pub status: u16,
    /// Headers of the answer; `retry-after` and `x-request-id` are read.
    pub headers: Vec<(String, String)>,
}

impl RefusedHandshake {
    /// A refusal with an HTTP status and no headers.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
        }
    }

    /// The same with a further header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl fmt::Display for RefusedHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the handshake was refused with status {}", self.status)
    }
}

impl std::error::Error for RefusedHandshake {}

/// A message on a socket that an application opened.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message; the protocol has none, so its bytes do not matter.
    Binary,
    /// The end of the link: a code, none for a close frame without one, and a reason.
    Close(Option<u16>, String),
}

impl fmt::Debug for Message {
    /// Never the text (REQ-LOG-01).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Binary => f.write_str("Binary"),
            Self::Close(code, _) => write!(f, "Close({code:?})"),
        }
    }
}

/// Both ends of a socket in one.
pub(crate) trait Duplex:
    Stream<Item = Result<Message, Cause>> + Sink<Message, Error = Cause> + Send
{
}

impl<T> Duplex for T where
    T: Stream<Item = Result<Message, Cause>> + Sink<Message, Error = Cause> + Send
{
}

/// An opener from what an application gives.
pub(crate) fn opener<F, T, S, E>(open: F) -> Opener
where
    F: Fn(OpenRequest) -> T + Send + Sync + 'static,
    T: Future<Output = Result<S, E>> + Send + 'static,
    S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Send + Unpin + 'static,
    E: Into<Cause>,
{
    Arc::new(move |request| {
        let opening = open(request);
        Box::pin(async move {
            let socket = opening.await.map_err(Into::into)?;
            Ok(Box::pin(Given(socket)) as Pin<Box<dyn Duplex>>)
        })
    })
}

/// A socket whose errors are boxed.
struct Given<S>(S);

impl<S, E> Stream for Given<S>
where
    S: Stream<Item = Result<Message, E>> + Unpin,
    E: Into<Cause>,
{
    type Item = Result<Message, Cause>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let came = std::task::ready!(Pin::new(&mut self.0).poll_next(context));
        Poll::Ready(came.map(|one| one.map_err(Into::into)))
    }
}

impl<S, E> Sink<Message> for Given<S>
where
    S: Sink<Message, Error = E> + Unpin,
    E: Into<Cause>,
{
    type Error = Cause;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.0)
            .poll_ready(context)
            .map_err(Into::into)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        Pin::new(&mut self.0)
            .start_send(message)
            .map_err(Into::into)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.0)
            .poll_flush(context)
            .map_err(Into::into)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.0)
            .poll_close(context)
            .map_err(Into::into)
    }
}
