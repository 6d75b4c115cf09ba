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
use crate::handlers::Handlers;
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

/// Why a token is asked for (REQ-CONN-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenReason {
    /// For the first attempt.
    Connect,
    /// For a later attempt.
    Reconnect,
    /// The server refused the token before: a kept one will not do (REQ-CONN-34).
    Rejected,
}

impl TokenReason {
    /// The word that is the same in every language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reconnect => "reconnect",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for TokenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token provider is asked for: the token of one attempt.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TokenRequest {
    /// Why it is asked for.
    pub reason: TokenReason,
}

/// What an action does while a lost link is sought again (REQ-CONN-40).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum QueuePolicy {
    /// It waits for the link.
    #[default]
    Wait,
    /// It fails at once with [`Error::NotConnected`].
    FailFast,
}

/// What a message does while another turn of its session runs (REQ-TURN-31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TurnPolicy {
    /// It goes out at once; the server says whether it takes it.
    #[default]
    Parallel,
    /// It waits for the outcome of the turns before it.
    Queue,
}

type Provided = Pin<Box<dyn Future<Output = Result<String, Source>> + Send>>;
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Where the token of an attempt comes from.
#[derive(Clone)]
pub(crate) enum Token {
    None,
    Static(Arc<str>),
    Provider(Arc<dyn Fn(TokenRequest) -> Provided + Send + Sync>),
}

/// Draws numbers from 0 up to, but not including, 1.
pub(crate) type Random = dyn Fn() -> f64 + Send + Sync;

/// How a link is sought, watched and waited for.
#[derive(Debug, Clone)]
pub(crate) struct Seeking {
    pub(crate) auto: bool,
    pub(crate) initial: bool,
    /// Attempts before the link is given up; none = without end.
    pub(crate) attempts: Option<u32>,
    pub(crate) backoff_base: Duration,
    pub(crate) backoff_max: Duration,
    pub(crate) stable_after: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) pong_timeout: Duration,
    pub(crate) queue_limit: usize,
    pub(crate) queue_policy: QueuePolicy,
}

impl Default for Seeking {
    fn default() -> Self {
        Self {
            auto: printed::AUTO_RECONNECT,
            initial: printed::RETRY_INITIAL_CONNECT,
            attempts: None,
            backoff_base: printed::BACKOFF_BASE,
            backoff_max: printed::BACKOFF_MAX,
            stable_after: printed::STABLE_AFTER,
            ping_interval: printed::PING_INTERVAL,
            pong_timeout: printed::PONG_TIMEOUT,
            queue_limit: printed::QUEUE_LIMIT,
            queue_policy: QueuePolicy::Wait,
        }
    }
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
    pub(crate) resume: Duration,
    pub(crate) handler: Duration,
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
            resume: printed::RESUME_TIMEOUT,
            handler: printed::HANDLER_TIMEOUT,
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
    pub(crate) handlers: Arc<Handlers>,
    pub(crate) resend_after_otp: bool,
    pub(crate) turn_policy: TurnPolicy,
    pub(crate) limits: Limits,
    pub(crate) seeking: Seeking,
    pub(crate) lazy: bool,
    pub(crate) fast: FastPaths,
    pub(crate) logger: Option<Logger>,
    pub(crate) log_payloads: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) work: Work,
    pub(crate) ids: Option<Box<IdSource>>,
    pub(crate) random: Option<Box<Random>>,
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
            handlers: Arc::default(),
            resend_after_otp: printed::RESEND_AFTER_OTP,
            turn_policy: TurnPolicy::default(),
            limits: Limits::default(),
            seeking: Seeking::default(),
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
            random: None,
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

    /// Whether an option that implies a capability is on (REQ-CALL-07, REQ-RESUME-01).
    pub(crate) fn implies(&self, word: &str) -> bool {
        let sought = self.seeking.auto && self.seeking.attempts != Some(0);
        word == "always"
            || (word == "option autoReconnect" && sought)
            || self.handlers.implies(word)
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

    /// The next number of the random source.
    pub(crate) fn draw(&self) -> f64 {
        self.random
            .as_ref()
            .map_or_else(crate::ids::number, |random| random())
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
