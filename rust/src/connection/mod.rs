//! The link: one attempt, one driver task that owns the socket, and the frames that wait for it.

mod outbox;

use std::sync::Arc;

pub(crate) use self::outbox::{Outbox, Packet};
use crate::clock::within;
use crate::errors::{Draft, Error};
use crate::options::{Options, Token, TokenIn};
use crate::transport::{Handshake, Incoming, Refusal, Security, Socket};
use crate::wire::errors::Leaf;
use crate::wire::machine::{Effect, Signal};

/// Malformed frames in a row that close the link (REQ-WIRE-04).
pub(crate) const MALFORMED_LIMIT: u32 = 10;

/// Close code that stands for refused credentials.
pub(crate) const UNAUTHENTICATED: u16 = 4401;

/// How a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// The event of the connection machine.
    pub(crate) signal: Signal,
    /// The close code, sent or received.
    pub(crate) code: u16,
    /// Size in bytes of the message that was too large.
    pub(crate) size: Option<u64>,
}

impl End {
    fn new(signal: Signal, code: u16) -> Self {
        Self {
            signal,
            code,
            size: None,
        }
    }
}

/// What a link tells the room above. Called by the driver task alone, never under a lock of its.
pub(crate) trait Upper: Send + Sync + 'static {
    /// The handshake succeeded; false when nobody wants the link any more.
    fn opened(&self, link: u64) -> bool;
    /// The attempt failed.
    fn failed(&self, link: u64, error: Error);
    /// A text message; true when it was one malformed frame too many.
    fn text(&self, link: u64, text: &str) -> bool;
    /// A binary message; true when it was one malformed frame too many.
    fn binary(&self, link: u64) -> bool;
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
        let handshake = handshake(options, token).map_err(refused)?;
        Socket::open(&options.target, handshake)
            .await
            .map_err(refused)
    };
    match within(&*options.clock, options.limits.connect, work).await {
        Some(done) => done,
        None => Err(Draft::new("the link was not open in time").end(Leaf::ConnectFailed)),
    }
}

async fn token(options: &Options) -> Result<Option<String>, Error> {
    match &options.token {
        Token::None => Ok(None),
        Token::Static(token) => Ok(Some(token.to_string())),
        Token::Provider(provider) => provider().await.map(Some).map_err(|cause| {
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
    let mut draft = Draft::new(refusal.message);
    if let Some(status) = refusal.status {
        draft = draft.status(i64::from(status));
    }
    if let Some(source) = refusal.source {
        draft = draft.source(source);
    }
    draft.end(if refusal.status == Some(401) {
        Leaf::Authentication
    } else {
        Leaf::ConnectFailed
    })
}

async fn drive(
    upper: &impl Fn() -> Option<Arc<dyn Upper>>,
    link: u64,
    options: &Options,
    outbox: &Outbox,
    mut socket: Socket,
) {
    let end = loop {
        let incoming = socket.next(outbox).await;
        let Some(upper) = upper() else {
            break Finish::Close(1000); // the client was dropped open
        };
        let too_many = match incoming {
            Incoming::Asked(code) => break Finish::Close(code),
            Incoming::Text(text) => upper.text(link, &text),
            Incoming::Binary => upper.binary(link),
            Incoming::Closed(code) => {
                upper.ended(link, End::new(Signal::ClosedByPeer, code));
                break Finish::Answer;
            }
            Incoming::Lost => {
                upper.ended(link, End::new(Signal::Lost, 1006));
                break Finish::Drop;
            }
            Incoming::InvalidUtf8 => {
                upper.ended(link, End::new(Signal::InvalidUtf8, 1007));
                break Finish::Close(1007);
            }
            Incoming::TooLarge(size) => {
                upper.ended(
                    link,
                    End {
                        size: Some(size),
                        ..End::new(Signal::TooLarge, 1009)
                    },
                );
                break Finish::Close(1009);
            }
        };
        if too_many {
            upper.ended(link, End::new(Signal::MalformedLimit, 4400));
            break Finish::Close(4400);
        }
    };
    end.run(options, outbox, socket).await;
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
