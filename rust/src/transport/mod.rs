//! One WebSocket: open, read, write, close. The only room that knows the WebSocket library.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink as _, SinkExt as _, Stream as _};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError, UrlError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, http};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::options::url::Target;

/// Frames that wait to be written. The transport takes one when the socket has room for it.
pub(crate) trait Outgoing {
    /// Wakes `context` when there is something new.
    fn watch(&self, context: &Context<'_>);
    /// The next frame; none when there is nothing to write now.
    fn next(&self) -> Option<String>;
    /// What could be written is with the socket; the rest waits for room.
    fn settled(&self);
    /// The code to close with, when that is asked for.
    fn asked(&self) -> Option<u16>;
}

/// What one attempt sends along with its request.
pub(crate) struct Handshake {
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) max_message_bytes: usize,
    pub(crate) security: Security,
}

/// How the socket is secured.
pub(crate) struct Security {
    #[cfg(feature = "rustls")]
    tls: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl Security {
    /// By TLS where the target asks for it.
    #[cfg(feature = "rustls")]
    pub(crate) fn of(
        target: &Target,
        roots: &crate::options::roots::Roots,
    ) -> Result<Self, Refusal> {
        if !target.tls {
            return Ok(Self { tls: None });
        }
        let config = roots
            .config()
            .map_err(|cause| Refusal::failed("TLS could not be set up", cause))?;
        Ok(Self { tls: Some(config) })
    }

    #[cfg(not(feature = "rustls"))]
    pub(crate) fn none() -> Self {
        Self {}
    }

    async fn shake_hands(
        self,
        request: ClientRequestBuilder,
        tcp: TcpStream,
        config: WebSocketConfig,
    ) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, WsError> {
        #[cfg(feature = "rustls")]
        if let Some(tls) = self.tls {
            let connector = tokio_tungstenite::Connector::Rustls(tls);
            return tokio_tungstenite::client_async_tls_with_config(
                request,
                tcp,
                Some(config),
                Some(connector),
            )
            .await
            .map(|(ws, _)| ws);
        }
        let plain = MaybeTlsStream::Plain(tcp);
        tokio_tungstenite::client_async_with_config(request, plain, Some(config))
            .await
            .map(|(ws, _)| ws)
    }
}

/// Why no link came about.
pub(crate) struct Refusal {
    /// HTTP status of the answer, where there was one.
    pub(crate) status: Option<u16>,
    /// What happened, without the URL.
    pub(crate) message: String,
    pub(crate) source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Refusal {
    fn failed(message: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            status: None,
            message: message.to_owned(),
            source: Some(cause.into()),
        }
    }
}

impl From<WsError> for Refusal {
    fn from(error: WsError) -> Self {
        let plain = |message: &str| Self {
            status: None,
            message: message.to_owned(),
            source: None,
        };
        match error {
            WsError::Http(answer) => Self {
                status: Some(answer.status().as_u16()),
                message: format!(
                    "the handshake was answered by HTTP {}",
                    answer.status().as_u16()
                ),
                source: None,
            },
            WsError::Io(cause) => Self::failed("the handshake failed", cause),
            WsError::Tls(cause) => Self::failed("TLS failed", cause),
            WsError::Url(UrlError::TlsFeatureNotEnabled) => {
                plain("wss: needs the crate feature `rustls`")
            }
            WsError::Protocol(cause) => {
                Self::failed("the handshake was not answered as it must be", cause)
            }
            _ => plain("the handshake failed"),
        }
    }
}

/// A text message, as it was received.
pub(crate) struct Text(Utf8Bytes);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.as_str()
    }
}

/// What the socket has to tell.
pub(crate) enum Incoming {
    /// A text message.
    Text(Text),
    /// A binary message.
    Binary,
    /// A close frame came: its code, or 1005 when it had none.
    Closed(u16),
    /// The socket ended without a close frame.
    Lost,
    /// A text message was not UTF-8.
    InvalidUtf8,
    /// A message was over the limit.
    TooLarge(u64),
    /// The caller asked for a close; frames may still wait.
    Asked(u16),
}

/// Whether a name and a value may stand in the handshake's headers.
pub(crate) fn is_header(name: &str, value: &str) -> bool {
    http::HeaderName::try_from(name).is_ok() && http::HeaderValue::try_from(value).is_ok()
}

/// One open WebSocket.
pub(crate) struct Socket {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    dirty: bool,
    broken: bool,
}

impl Socket {
    /// Opens a TCP connection and shakes hands. Redirects are not followed, no extension is
    /// offered (REQ-CONN-12, REQ-CONN-14).
    pub(crate) async fn open(target: &Target, handshake: Handshake) -> Result<Self, Refusal> {
        let uri: http::Uri = handshake
            .uri
            .parse()
            .map_err(|_| Refusal::failed("the URL is not valid", "bad URL"))?;
        let request = handshake
            .headers
            .into_iter()
            .fold(ClientRequestBuilder::new(uri), |request, (name, value)| {
                request.with_header(name, value)
            });
        let tcp = TcpStream::connect((target.host.as_str(), target.port))
            .await
            .map_err(|cause| Refusal::failed("the server could not be reached", cause))?;
        let _ = tcp.set_nodelay(true);
        let limit = Some(handshake.max_message_bytes);
        let config = WebSocketConfig::default()
            .max_message_size(limit)
            .max_frame_size(limit);
        let ws = handshake.security.shake_hands(request, tcp, config).await?;
        Ok(Self {
            ws,
            dirty: false,
            broken: false,
        })
    }

    /// Writes what waits and reads what came, until there is something to tell: all that is there,
    /// up to a limit. What is no message comes last.
    pub(crate) async fn next(
        &mut self,
        out: &impl Outgoing,
        came: &mut Vec<Incoming>,
        limit: usize,
    ) {
        poll_fn(|context| {
            if let Poll::Ready(code) = self.poll_write(context, out) {
                came.push(Incoming::Asked(code));
                return Poll::Ready(());
            }
            while came.len() < limit
                && let Poll::Ready(one) = self.poll_read(context)
            {
                let goes_on = matches!(one, Incoming::Text(_) | Incoming::Binary);
                came.push(one);
                if !goes_on {
                    break;
                }
            }
            if came.is_empty() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    fn poll_write(&mut self, context: &mut Context<'_>, out: &impl Outgoing) -> Poll<u16> {
        out.watch(context);
        let asked = self.poll_out(context, out);
        out.settled();
        asked
    }

    fn poll_out(&mut self, context: &mut Context<'_>, out: &impl Outgoing) -> Poll<u16> {
        if let Some(code) = out.asked() {
            return Poll::Ready(code);
        }
        while !self.broken {
            if self.poll_ready(context).is_pending() {
                return Poll::Pending;
            }
            let Some(text) = out.next() else { break };
            self.broken |= Pin::new(&mut self.ws)
                .start_send(Message::text(text))
                .is_err();
            self.dirty = true;
        }
        if self.dirty && !self.broken {
            match Pin::new(&mut self.ws).poll_flush(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(done) => self.broken |= done.is_err(),
            }
            self.dirty = false;
        }
        Poll::Pending // a broken pipe shows on the reading side
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.ws)
            .poll_ready(context)
            .map(|done| self.broken |= done.is_err())
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Incoming> {
        loop {
            let read = match Pin::new(&mut self.ws).poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(read) => read,
            };
            return Poll::Ready(match read {
                Some(Ok(Message::Text(text))) => Incoming::Text(Text(text)),
                Some(Ok(Message::Binary(_))) => Incoming::Binary,
                Some(Ok(Message::Close(frame))) => {
                    Incoming::Closed(frame.map_or(1005, |frame| frame.code.into()))
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(WsError::Utf8(_))) => Incoming::InvalidUtf8,
                Some(Err(WsError::Capacity(CapacityError::MessageTooLong { size, .. }))) => {
                    Incoming::TooLarge(size as u64)
                }
                Some(Err(_)) | None => Incoming::Lost,
            });
        }
    }

    /// Writes what still waits and a close frame, and waits for the peer's; the caller sets the
    /// limit.
    pub(crate) async fn close(mut self, out: &impl Outgoing, code: u16) {
        while let Some(text) = out.next() {
            if self.ws.send(Message::text(text)).await.is_err() {
                return;
            }
        }
        out.settled();
        let frame = CloseFrame {
            code: code.into(),
            reason: Utf8Bytes::default(),
        };
        if self.ws.close(Some(frame)).await.is_ok() {
            self.drain().await;
        }
    }

    /// Answers the peer's close frame; the caller sets the limit.
    pub(crate) async fn finish(mut self) {
        let _ = self.ws.flush().await;
    }

    /// Reads to the peer's close frame. After a message over the limit the rest of it is raw bytes
    /// to skip: dropping the socket on unread bytes would reset it and lose our close frame.
    async fn drain(&mut self) {
        loop {
            match poll_fn(|context| self.poll_read(context)).await {
                Incoming::Lost | Incoming::Closed(_) => return,
                Incoming::TooLarge(_) => break,
                _ => {}
            }
        }
        let mut skipped = [0_u8; 16 * 1024];
        while matches!(self.ws.get_mut().read(&mut skipped).await, Ok(read) if read > 0) {}
    }
}
