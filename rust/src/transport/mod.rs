//! One WebSocket: open, read, write, close. The only room that knows the WebSocket library.

mod answer;
mod dial;
mod end;
mod http_date;
mod opening;

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::end::End;
pub(crate) use self::opening::{Handshake, Refusal, Security};
use crate::opener::Duplex;

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

/// One open WebSocket.
pub(crate) struct Socket {
    end: End,
    dirty: bool,
    broken: bool,
}

impl Socket {
    fn new(end: End) -> Self {
        Self {
            end,
            dirty: false,
            broken: false,
        }
    }

    /// A socket that an application opened.
    pub(crate) fn given(socket: Pin<Box<dyn Duplex>>, max_message_bytes: usize) -> Self {
        Self::new(End::Own(socket, max_message_bytes))
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
                && let Poll::Ready(one) = self.end.poll_next(context)
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
            match self.end.poll_ready(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(sound) => self.broken |= !sound,
            }
            let Some(text) = out.next() else { break };
            self.broken |= !self.end.start_send(text);
            self.dirty = true;
        }
        if self.dirty && !self.broken {
            match self.end.poll_flush(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(sound) => self.broken |= !sound,
            }
            self.dirty = false;
        }
        Poll::Pending // a broken pipe shows on the reading side
    }

    /// Writes what still waits and a close frame, and waits for the peer's; the caller sets the
    /// limit.
    pub(crate) async fn close(mut self, out: &impl Frames, code: u16) {
        while let Some(text) = out.next() {
            if !self.end.send(text).await {
                break; // the peer closed first: our close frame may still leave
            }
        }
        out.settled();
        if self.end.close(code).await {
            self.drain().await;
        }
    }

    /// Answers the peer's close frame; the caller sets the limit.
    pub(crate) async fn finish(mut self) {
        self.end.answer(!self.dirty).await;
    }

    /// Reads to the peer's close frame. After a message over the limit the rest of it is raw bytes
    /// to skip: dropping the socket on unread bytes would reset it and lose our close frame.
    async fn drain(&mut self) {
        loop {
            match poll_fn(|context| self.end.poll_next(context)).await {
                Incoming::Lost | Incoming::Violation | Incoming::Closed(..) => return,
                Incoming::TooLarge(_) => break,
                _ => {}
            }
        }
        self.end.skip().await;
    }
}
