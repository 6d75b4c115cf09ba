//! One WebSocket: open, read, write, close. The only room that knows the WebSocket library.

mod answer;
mod dial;
mod http_date;
mod opening;

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink as _, SinkExt as _, Stream as _};
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use self::answer::Answer;
pub(crate) use self::opening::{Handshake, Refusal, Security};

/// Frames that wait to be written. The transport takes one when the socket has room for it.
pub(crate) trait Frames {
    /// Wakes `context` when there is something new.
    fn watch(&self, context: &Context<'_>);
    /// The next frame; none when there is nothing to write now.
    fn next(&self) -> Option<String>;
    /// What could be written is with the socket; the rest waits for room.
    fn settled(&self);
    /// The code to close with, when that is asked for.
    fn asked(&self) -> Option<u16>;
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
    /// A close frame came: its code, or 1005 when it had none, and its reason.
    Closed(u16, String),
    /// The peer broke the protocol (REQ-WIRE-15).
    Violation,
    /// The socket ended without a close frame.
    Lost,
    /// A text message was not UTF-8.
    InvalidUtf8,
    /// A message was over the limit.
    TooLarge(u64),
    /// The caller asked for a close; frames may still wait.
    Asked(u16),
}

/// A close code that a peer may send and that the WebSocket library does not know.
const BAD_GATEWAY: u16 = 1014;

/// One open WebSocket.
pub(crate) struct Socket {
    ws: WebSocketStream<Answer>,
    dirty: bool,
    broken: bool,
}

impl Socket {
    fn new(ws: WebSocketStream<Answer>) -> Self {
        Self {
            ws,
            dirty: false,
            broken: false,
        }
    }

    /// Tells a peer that it broke the protocol.
    async fn violated(&mut self) {
        let frame = CloseFrame {
            code: 1002.into(),
            reason: Utf8Bytes::default(),
        };
        let _ = self.ws.close(Some(frame)).await;
    }

    /// Writes what waits and reads what came, until there is something to tell: all that is there,
    /// up to a limit. What is no message comes last.
    pub(crate) async fn next(&mut self, out: &impl Frames, came: &mut Vec<Incoming>, limit: usize) {
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

    fn poll_write(&mut self, context: &mut Context<'_>, out: &impl Frames) -> Poll<u16> {
        out.watch(context);
        let asked = self.poll_out(context, out);
        out.settled();
        asked
    }

    fn poll_out(&mut self, context: &mut Context<'_>, out: &impl Frames) -> Poll<u16> {
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
                    let told = |it: CloseFrame| (it.code.into(), it.reason.to_string());
                    let (code, reason) = frame.map_or((1005, String::new()), told);
                    // The library takes what it does not allow for a close with 1002 of its own.
                    match self.ws.get_ref().close_frame() {
                        Some((BAD_GATEWAY, reason)) if code == 1002 => {
                            Incoming::Closed(BAD_GATEWAY, reason.to_owned())
                        }
                        Some((1002, _)) => Incoming::Closed(code, reason),
                        _ if code == 1002 => Incoming::Violation,
                        _ => Incoming::Closed(code, reason),
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(WsError::Utf8(_))) => Incoming::InvalidUtf8,
                Some(Err(WsError::Capacity(CapacityError::MessageTooLong { size, .. }))) => {
                    Incoming::TooLarge(size as u64)
                }
                Some(Err(WsError::Protocol(broken))) if is_violation(&broken) => {
                    Incoming::Violation
                }
                Some(Err(_)) | None => Incoming::Lost,
            });
        }
    }

    /// Writes what still waits and a close frame, and waits for the peer's; the caller sets the
    /// limit.
    pub(crate) async fn close(mut self, out: &impl Frames, code: u16) {
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
                Incoming::Lost | Incoming::Violation | Incoming::Closed(..) => return,
                Incoming::TooLarge(_) => break,
                _ => {}
            }
        }
        let mut skipped = [0_u8; 16 * 1024];
        while matches!(self.ws.get_mut().read(&mut skipped).await, Ok(read) if read > 0) {}
    }
}

/// Whether the peer's bytes broke the protocol; the other errors say that the link is gone.
fn is_violation(error: &ProtocolError) -> bool {
    !matches!(
        error,
        ProtocolError::ResetWithoutClosingHandshake
            | ProtocolError::HandshakeIncomplete
            | ProtocolError::SendAfterClosing
            | ProtocolError::ReceivedAfterClosing
    )
}
