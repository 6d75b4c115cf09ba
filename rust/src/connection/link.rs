//! One link: its driver task owns the socket, from the attempt to the end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::attempt::attempt;
use super::failure::Failure;
use super::timers::Waits;
use super::writer::Writer;
use crate::clock::within;
use crate::options::{Options, TokenReason};
use crate::transport::{Incoming, Socket, Text};
use crate::wire::learned::{Frame, Pattern, Reader};
use crate::wire::steps::Signal;

/// How a link ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// The event of the connection machine.
    pub(crate) signal: Signal,
    /// The close code that was received, or that stands for what the socket did; none where the
    /// machine says with which the client closes.
    pub(crate) code: Option<u16>,
    /// The reason in the close frame that was received; it may be empty.
    pub(crate) reason: String,
    /// Size in bytes of the message that was too large.
    pub(crate) size: Option<u64>,
}

impl End {
    pub(crate) fn new(signal: Signal, code: Option<u16>) -> Self {
        Self {
            signal,
            code,
            reason: String::new(),
            size: None,
        }
    }
}

/// Messages that are read before somebody else has a turn.
const BATCH: usize = 256;

/// A message that came.
pub(crate) enum Came {
    Text(Text, Frame),
    Binary,
}

/// What a link tells the room above. Called by the driver task alone, never under a lock of its.
pub(crate) trait Upper: Send + Sync + 'static {
    /// The handshake succeeded; false when nobody wants the link any more.
    fn opened(&self, link: u64) -> bool;
    /// The attempt failed.
    fn failed(&self, link: u64, failure: Failure);
    /// Messages that came together; true when one of them was one malformed frame too many.
    fn frames(&self, link: u64, patterns: &[Arc<Pattern>], frames: &mut Vec<Came>) -> bool;
    /// The link ended; returns the code to close it with, where it is still to be closed.
    fn ended(&self, link: u64, end: End) -> Option<u16>;
    /// The task of a link, or the wait for one, is gone without having ended: its runtime died.
    fn orphaned(&self, link: u64);
    /// A timer of the link rang; it counts when it still lives.
    fn due(&self, kind: Waits, live: &AtomicBool);
}

/// An attempt that is to be made.
pub(super) struct Attempt<F> {
    /// Why a token is asked for.
    pub(super) reason: TokenReason,
    /// Ends when the socket before is gone: there are never two (REQ-CONN-37).
    pub(super) gone: F,
}

/// Makes one attempt and, when it succeeds, drives the link to its end.
pub(super) async fn run(
    upper: &impl Fn() -> Option<Arc<dyn Upper>>,
    link: u64,
    due: Attempt<impl Future<Output = ()>>,
    options: Arc<Options>,
    writer: Arc<Writer>,
) {
    let opened = tokio::select! {
        opened = attempt(&options, due.reason, due.gone) => opened,
        () = writer.closing() => return,
    };
    match opened {
        Err(failure) => {
            if let Some(upper) = upper() {
                upper.failed(link, failure);
            }
        }
        Ok(socket) => {
            if upper().is_some_and(|upper| upper.opened(link)) {
                drive(upper, link, &options, &writer, socket).await;
            }
        }
    }
}

async fn drive(
    upper: &impl Fn() -> Option<Arc<dyn Upper>>,
    link: u64,
    options: &Options,
    writer: &Writer,
    mut socket: Socket,
) {
    let mut reader = Reader::new(options.fast.learned);
    let (mut came, mut frames) = (Vec::new(), Vec::new());
    let end = loop {
        socket.next(writer, &mut came, BATCH).await;
        let Some(upper) = upper() else {
            break Finish::Close(1000); // the client was dropped open
        };
        reader.begin();
        let more = came.len() == BATCH;
        let mut last = None;
        for incoming in came.drain(..) {
            match incoming {
                Incoming::Text(text) => {
                    let frame = reader.read(&text);
                    frames.push(Came::Text(text, frame));
                }
                Incoming::Binary => frames.push(Came::Binary),
                other => last = Some(other),
            }
        }
        if !frames.is_empty() && upper.frames(link, reader.patterns(), &mut frames) {
            let close = upper.ended(link, End::new(Signal::MalformedLimit, None));
            break close.map_or(Finish::Drop, Finish::Close);
        }
        if let Some((end, finish)) = last.and_then(ending) {
            let close = end.and_then(|end| upper.ended(link, end));
            break close.map_or(finish, Finish::Close);
        }
        if more {
            tokio::task::yield_now().await; // those who read what came have their turn
        }
    };
    end.run(options, writer, socket).await;
}

/// How a link ends by what came, and what is left to do where no machine says with which code to
/// close it.
fn ending(incoming: Incoming) -> Option<(Option<End>, Finish)> {
    let lost = |code| Some(End::new(Signal::Lost, Some(code)));
    Some(match incoming {
        Incoming::Text(_) | Incoming::Binary => return None,
        Incoming::Asked(code) => (None, Finish::Close(code)),
        Incoming::Closed(code, reason) => {
            let end = End {
                reason,
                ..End::new(Signal::ClosedByPeer, Some(code))
            };
            (Some(end), Finish::Answer)
        }
        Incoming::Violation => (lost(1002), Finish::Close(1002)),
        Incoming::Lost => (lost(1006), Finish::Drop),
        Incoming::InvalidUtf8 => (Some(End::new(Signal::InvalidUtf8, None)), Finish::Drop),
        Incoming::TooLarge(size) => {
            let end = End {
                size: Some(size),
                ..End::new(Signal::TooLarge, None)
            };
            (Some(end), Finish::Drop)
        }
    })
}

/// What is left to do with a socket whose link has ended.
enum Finish {
    Close(u16),
    Answer,
    Drop,
}

impl Finish {
    async fn run(self, options: &Options, writer: &Writer, socket: Socket) {
        let farewell = async {
            match self {
                Self::Close(code) => socket.close(writer, code).await,
                Self::Answer => socket.finish().await,
                Self::Drop => drop(socket),
            }
        };
        if options.limits.close.is_zero() {
            tokio::select! {
                biased;
                () = farewell => {}
                () = tokio::task::yield_now() => {}
            }
        } else {
            within(&*options.clock, options.limits.close, farewell).await;
        }
    }
}
