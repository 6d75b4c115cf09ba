//! The near end of a socket: that of the WebSocket library, or one that an application opened.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, SinkExt as _, Stream as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use super::answer::Answer;
use super::{Incoming, Text};
use crate::opener::{Duplex, Message};

/// A close code that a peer may send and that the WebSocket library does not know.
const BAD_GATEWAY: u16 = 1014;

/// Where messages go in and come out.
pub(super) enum End {
    Library(Box<WebSocketStream<Answer>>),
    /// Of an application, and the largest message that is taken from it.
    Own(Pin<Box<dyn Duplex>>, usize),
}

impl End {
    /// Whether there is room for a message; false when there never will be.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        match self {
            Self::Library(ws) => ready(&mut **ws, context),
            Self::Own(socket, _) => ready(socket, context),
        }
    }

    /// Hands a message over; false when the socket is broken.
    pub(super) fn start_send(&mut self, text: String) -> bool {
        match self {
            Self::Library(ws) => {
                let message = tungstenite::Message::text(text);
                Pin::new(&mut **ws).start_send(message).is_ok()
            }
            Self::Own(socket, _) => Pin::new(socket).start_send(Message::Text(text)).is_ok(),
        }
    }

    /// Whether all that was handed over left; false when the socket is broken.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        match self {
            Self::Library(ws) => flushed(&mut **ws, context),
            Self::Own(socket, _) => flushed(socket, context),
        }
    }

    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Incoming> {
        match self {
            Self::Library(ws) => poll_library(ws, context),
            Self::Own(socket, limit) => poll_own(socket, *limit, context),
        }
    }

    pub(super) async fn send(&mut self, text: String) -> bool {
        match self {
            Self::Library(ws) => ws.send(tungstenite::Message::text(text)).await.is_ok(),
            Self::Own(socket, _) => socket.send(Message::Text(text)).await.is_ok(),
        }
    }

    /// Tells the peer that nothing more follows; false when there is no answer to wait for.
    pub(super) async fn close(&mut self, code: u16) -> bool {
        match self {
            Self::Library(ws) => {
                let frame = CloseFrame {
                    code: code.into(),
                    reason: Utf8Bytes::default(),
                };
                match ws.close(Some(frame)).await {
                    // To a close frame of the peer, a lawless one too, the library has its answer
                    // ready: it only has to leave.
                    Err(WsError::Protocol(ProtocolError::SendAfterClosing)) => {
                        self.flush().await;
                        false
                    }
                    closed => closed.is_ok(),
                }
            }
            Self::Own(socket, _) => {
                let last = Message::Close(Some(code), String::new());
                socket.send(last).await.is_ok()
            }
        }
    }

    pub(super) async fn flush(&mut self) {
        poll_fn(|context| self.poll_flush(context)).await;
    }

    /// Answers the peer's close frame, which says why the link ends: with the same code. The answer
    /// that the library has ready blames the peer where it does not know the code; it leaves after
    /// all where bytes of a message are still to be written.
    pub(super) async fn answer(&mut self, between_messages: bool) {
        if let Self::Library(ws) = self
            && between_messages
            && let Some((BAD_GATEWAY, reason)) = ws.get_ref().close_frame()
            && let Some(frame) = echo(BAD_GATEWAY, reason)
        {
            let answer = ws.get_mut();
            if answer.write_all(&frame).await.is_ok() {
                let _ = answer.flush().await;
            }
        } else {
            self.flush().await;
        }
    }

    /// Skips the bytes that still come.
    pub(super) async fn skip(&mut self) {
        let mut skipped = [0_u8; 16 * 1024];
        if let Self::Library(ws) = self {
            while matches!(ws.get_mut().read(&mut skipped).await, Ok(read) if read > 0) {}
        }
    }
}

/// The octets of a close frame, masked as a client's are; none without random bytes.
fn echo(code: u16, reason: &str) -> Option<Vec<u8>> {
    let (mut mask, mut octets) = ([0_u8; 4], Vec::new());
    getrandom::fill(&mut mask).ok()?;
    let mut frame = Frame::close(Some(CloseFrame {
        code: code.into(),
        reason: reason.into(),
    }));
    frame.header_mut().mask = Some(mask);
    frame.format(&mut octets).ok()?;
    Some(octets)
}

fn ready<M, S: Sink<M> + Unpin>(socket: &mut S, context: &mut Context<'_>) -> Poll<bool> {
    let ready = Pin::new(socket).poll_ready(context);
    ready.map(|done| done.is_ok())
}

fn flushed<M, S: Sink<M> + Unpin>(socket: &mut S, context: &mut Context<'_>) -> Poll<bool> {
    let flushed = Pin::new(socket).poll_flush(context);
    flushed.map(|done| done.is_ok())
}

fn poll_own(
    socket: &mut Pin<Box<dyn Duplex>>,
    limit: usize,
    context: &mut Context<'_>,
) -> Poll<Incoming> {
    let came = std::task::ready!(Pin::new(socket).poll_next(context));
    Poll::Ready(match came {
        Some(Ok(Message::Text(text))) if text.len() > limit => {
            Incoming::TooLarge(text.len() as u64)
        }
        Some(Ok(Message::Text(text))) => Incoming::Text(Text(text.into())),
        Some(Ok(Message::Binary)) => Incoming::Binary,
        Some(Ok(Message::Close(code, reason))) => Incoming::Closed(code.unwrap_or(1005), reason),
        Some(Err(_)) | None => Incoming::Lost,
    })
}

fn poll_library(ws: &mut WebSocketStream<Answer>, context: &mut Context<'_>) -> Poll<Incoming> {
    use tungstenite::Message;
    loop {
        let read = std::task::ready!(Pin::new(&mut *ws).poll_next(context));
        return Poll::Ready(match read {
            Some(Ok(Message::Text(text))) => Incoming::Text(Text(text)),
            Some(Ok(Message::Binary(_))) => Incoming::Binary,
            Some(Ok(Message::Close(frame))) => closed(frame, ws.get_ref()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Err(WsError::Utf8(_))) => Incoming::InvalidUtf8,
            Some(Err(WsError::Capacity(CapacityError::MessageTooLong { size, .. }))) => {
                Incoming::TooLarge(size as u64)
            }
            Some(Err(WsError::Protocol(broken))) if is_violation(&broken) => Incoming::Violation,
            Some(Err(_)) | None => Incoming::Lost,
        });
    }
}

/// What the peer's close frame says. The library takes what it does not allow for a close with 1002
/// of its own: the newest bytes say what came.
fn closed(frame: Option<CloseFrame>, answer: &Answer) -> Incoming {
    let told = |it: CloseFrame| (it.code.into(), it.reason.to_string());
    let (code, reason) = frame.map_or((1005, String::new()), told);
    match answer.close_frame() {
        Some((BAD_GATEWAY, reason)) if code == 1002 => {
            Incoming::Closed(BAD_GATEWAY, reason.to_owned())
        }
        Some((1002, _)) => Incoming::Closed(code, reason),
        _ if code == 1002 => Incoming::Violation,
        _ => Incoming::Closed(code, reason),
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
