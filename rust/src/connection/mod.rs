//! The link: one attempt, one driver task that owns the socket, and the frames that wait for it.

mod outbox;

use std::sync::Arc;

pub(crate) use self::outbox::{Outbox, Packet};
use crate::clock::within;
use crate::errors::{Draft, Error};
use crate::options::{Options, Token, TokenIn};
use crate::transport::{Handshake, Incoming, Refusal, Security, Socket, Text};
use crate::wire::errors::Leaf;
use crate::wire::learned::{Frame, Pattern, Reader};
use crate::wire::machine::{Effect, Signal};

/// Malformed frames in a row that close the link (REQ-WIRE-04).
pub(crate) const MALFORMED_LIMIT: u32 = 10;

/// Close code that stands for refused credentials.
pub(crate) const UNAUTHENTICATED: u16 = 4401;

/// How a link ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// The event of the connection machine.
    pub(crate) signal: Signal,
    /// The close code, sent or received.
    pub(crate) code: u16,
    /// The reason in the close frame that was received; it may be empty.
    pub(crate) reason: String,
    /// Size in bytes of the message that was too large.
    pub(crate) size: Option<u64>,
}

impl End {
    pub(crate) fn new(signal: Signal, code: u16) -> Self {
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
    fn failed(&self, link: u64, error: Error);
    /// Messages that came together; true when one of them was one malformed frame too many.
    fn frames(&self, link: u64, patterns: &[Arc<Pattern>], frames: &mut Vec<Came>) -> bool;
    /// The link ended.
    fn ended(&self, link: u64, end: End);
}

/// The close code that an effect of the connection machine asks for.
pub(crate) fn close_code(effect: Effect) -> Option<u16> {
    match effect {
        Effect::Close1000 => Some(1000),
        Effect::Close4400 => Some(4400),
        Effect::Close1007 => Some(1007),
        Effect::Close1009 => Some(1009),
        _ => None,
    }
}

/// Makes one attempt and, when it succeeds, drives the link to its end.
pub(crate) async fn run(
    upper: &impl Fn() -> Option<Arc<dyn Upper>>,
    link: u64,
    options: Arc<Options>,
    outbox: Arc<Outbox>,
) {
    let opened = tokio::select! {
        opened = attempt(&options) => opened,
        () = outbox.closing() => return,
    };
    match opened {
        Err(error) => {
            if let Some(upper) = upper() {
                upper.failed(link, error);
            }
        }
        Ok(socket) => {
            if upper().is_some_and(|upper| upper.opened(link)) {
                drive(upper, link, &options, &outbox, socket).await;
            }
        }
    }
}

async fn attempt(options: &Options) -> Result<Socket, Error> {
    let work = async {
        let token = token(options).await?;
        if let Some(token) = &token {
            options.check_token(token)?;
        }
        let handshake = handshake(options, token).map_err(refused)?;
        Socket::open(&options.target, handshake)
            .await
            .map_err(refused)
    };
    let done = match within(&*options.clock, options.limits.connect, work).await {
        Some(done) => done,
        None => Err(Draft::new("no answer in time").end(Leaf::ConnectFailed)),
    };
    done.map_err(|error| error.with(|draft| draft.place(&options.place)))
}

async fn token(options: &Options) -> Result<Option<String>, Error> {
    match &options.token {
        Token::None => Ok(None),
        Token::Static(token) => Ok(Some(token.to_string())),
        Token::Provider(provider) => provider().await.map(Some).map_err(|cause| {
            if let Some(own @ Error::Authentication(_)) = cause.downcast_ref::<Error>() {
                return own.clone();
            }
            Draft::new("the token provider failed")
                .source(cause)
                .end(Leaf::ConnectFailed)
        }),
    }
}

fn handshake(options: &Options, token: Option<String>) -> Result<Handshake, Refusal> {
    let mut headers = options.headers.clone();
    let mut in_query = token.as_deref();
    if options.token_in == TokenIn::Header {
        in_query = None;
        if let Some(token) = &token {
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
    }
    #[cfg(feature = "rustls")]
    let security = Security::of(&options.target, &options.roots)?;
    #[cfg(not(feature = "rustls"))]
    let security = Security::none();
    Ok(Handshake {
        uri: options.target.uri(in_query),
        headers,
        max_message_bytes: options.limits.message_bytes,
        security,
    })
}

fn refused(refusal: Refusal) -> Error {
    let leaf = if refusal.status == Some(401) {
        Leaf::Authentication
    } else {
        Leaf::ConnectFailed
    };
    Draft::refused(refusal.reason, refusal.retryable)
        .answer(
            refusal.status,
            refusal.retry_after,
            refusal.body,
            refusal.request_id,
        )
        .cause(refusal.source)
        .end(leaf)
}

async fn drive(
    upper: &impl Fn() -> Option<Arc<dyn Upper>>,
    link: u64,
    options: &Options,
    outbox: &Outbox,
    mut socket: Socket,
) {
    let mut reader = Reader::new(options.fast.learned);
    let (mut came, mut frames) = (Vec::new(), Vec::new());
    let end = loop {
        socket.next(outbox, &mut came, BATCH).await;
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
            upper.ended(link, End::new(Signal::MalformedLimit, 4400));
            break Finish::Close(4400);
        }
        if let Some((end, finish)) = last.and_then(ending) {
            if let Some(end) = end {
                upper.ended(link, end);
            }
            break finish;
        }
        if more {
            tokio::task::yield_now().await; // those who read what came have their turn
        }
    };
    end.run(options, outbox, socket).await;
}

/// How a link ends by what came, and what is left to do.
fn ending(incoming: Incoming) -> Option<(Option<End>, Finish)> {
    Some(match incoming {
        Incoming::Text(_) | Incoming::Binary => return None,
        Incoming::Asked(code) => (None, Finish::Close(code)),
        Incoming::Closed(code, reason) => {
            let end = End {
                reason,
                ..End::new(Signal::ClosedByPeer, code)
            };
            (Some(end), Finish::Answer)
        }
        Incoming::Violation => (Some(End::new(Signal::Lost, 1002)), Finish::Close(1002)),
        Incoming::Lost => (Some(End::new(Signal::Lost, 1006)), Finish::Drop),
        Incoming::InvalidUtf8 => (
            Some(End::new(Signal::InvalidUtf8, 1007)),
            Finish::Close(1007),
        ),
        Incoming::TooLarge(size) => {
            let end = End {
                size: Some(size),
                ..End::new(Signal::TooLarge, 1009)
            };
            (Some(end), Finish::Close(1009))
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
    async fn run(self, options: &Options, outbox: &Outbox, socket: Socket) {
        let farewell = async {
            match self {
                Self::Close(code) => socket.close(outbox, code).await,
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

#[cfg(test)]
mod learned_tests;
