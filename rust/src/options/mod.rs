//! Every option with its unit and default.

pub(crate) mod headers;
#[cfg(feature = "rustls")]
pub(crate) mod roots;
pub(crate) mod url;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Busy, Clock, SystemClock, Work};
use crate::errors::Error;
use crate::ids::IdSource;
use crate::logging::Logger;
use crate::observer::Observer;
use crate::opener::Opener;
use crate::wire::options as printed;

use self::url::Target;

/// Where a token travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TokenIn {
    /// As the last pair `token=` of the URL's query.
    #[default]
    Query,
    /// As `Authorization: Bearer`, and nowhere else.
    Header,
}

type Provided = Pin<Box<dyn Future<Output = Result<String, Source>> + Send>>;
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Where the token of an attempt comes from.
#[derive(Clone)]
pub(crate) enum Token {
    None,
    Static(Arc<str>),
    Provider(Arc<dyn Fn() -> Provided + Send + Sync>),
}

/// The limits of every wait; zero switches one off where its documentation says so.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) close: Duration,
    pub(crate) request: Duration,
    pub(crate) turn: Duration,
    pub(crate) turn_idle: Duration,
    pub(crate) question: Duration,
    pub(crate) cancel: Duration,
    pub(crate) message_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: printed::CONNECT_TIMEOUT,
            close: printed::CLOSE_TIMEOUT,
            request: printed::REQUEST_TIMEOUT,
            turn: printed::TURN_TIMEOUT,
            turn_idle: printed::TURN_IDLE_TIMEOUT,
            question: printed::QUESTION_TIMEOUT,
            cancel: printed::CANCEL_TIMEOUT,
            message_bytes: printed::MAX_MESSAGE_BYTES,
        }
    }
}

/// Shorter ways to the same ends; tests switch them off to see that the ends are the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FastPaths {
    /// Frames that are like a learned one are read without a parse.
    pub(crate) learned: bool,
    /// Frames that only become items pass no machine.
    pub(crate) quiet: bool,
}

/// Everything a client was built with.
pub(crate) struct Options {
    pub(crate) target: Target,
    /// Host and port, for texts.
    pub(crate) place: Arc<str>,
    pub(crate) token: Token,
    pub(crate) token_in: TokenIn,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) supports: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) lazy: bool,
    pub(crate) fast: FastPaths,
    pub(crate) logger: Option<Logger>,
    pub(crate) log_payloads: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) work: Work,
    pub(crate) ids: Option<Box<IdSource>>,
    pub(crate) opener: Option<Opener>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    #[cfg(feature = "rustls")]
    pub(crate) roots: self::roots::Roots,
}

impl Options {
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        let target = Target::parse(url).map_err(Error::argument)?;
        if target.tls && cfg!(not(feature = "rustls")) {
            return Err(Error::argument("wss: needs the crate feature `rustls`"));
        }
        Ok(Self {
            place: target.place().into(),
            target,
            token: Token::None,
            token_in: TokenIn::Query,
            headers: Vec::new(),
            supports: Vec::new(),
            limits: Limits::default(),
            lazy: printed::LAZY,
            fast: FastPaths {
                learned: true,
                quiet: true,
            },
            logger: None,
            log_payloads: printed::LOG_PAYLOADS,
            clock: Arc::new(SystemClock::new()),
            work: Work::default(),
            ids: None,
            opener: None,
            observer: None,
            #[cfg(feature = "rustls")]
            roots: self::roots::Roots::default(),
        })
    }

    /// Checks what options say together.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        match &self.token {
            Token::Static(token) => self.check_token(token)?,
            Token::None | Token::Provider(_) => {}
        }
        Ok(self)
    }

    /// Whether a token may travel where it is to travel (REQ-CONN-20, REQ-CONN-28).
    pub(crate) fn check_token(&self, token: &str) -> Result<(), Error> {
        if self.token_in == TokenIn::Header && !headers::is_value(token) {
            return Err(Error::argument(
                "token holds a character that no header may hold",
            ));
        }
        Ok(())
    }

    /// Marks that the client has begun something.
    pub(crate) fn busy(&self) -> Busy {
        self.work.begin()
    }

    /// The next id of an action.
    pub(crate) fn draw_id(&self) -> Result<String, Error> {
        self.ids
            .as_ref()
            .map_or_else(crate::ids::draw, |ids| Ok(ids()))
    }
}

impl fmt::Debug for Options {
    /// Neither tokens nor headers nor the query show (REQ-LOG-01).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("host", &self.target.host)
            .field("port", &self.target.port)
            .field("limits", &self.limits)
            .field("lazy", &self.lazy)
            .finish_non_exhaustive()
    }
}
