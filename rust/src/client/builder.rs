//! Building a client: every option with its unit and default.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Sink, Stream};

use super::SmoothAgentClient;
use crate::clock::Clock;
use crate::errors::Error;
use crate::logging::LogRecord;
use crate::observer::Observer;
use crate::opener::{Message, OpenRequest, opener};
use crate::options::headers::{check_name, is_value};
use crate::options::{Options, QueuePolicy, Source, Token, TokenIn, TokenRequest, TurnPolicy};
use crate::turn::Handlers;

const MILLISECOND: Duration = Duration::from_millis(1);

/// Builds a client. Mistakes are reported by [`build`](Self::build); nothing is opened and no task
/// is started before [`connect`](Self::connect).
#[must_use]
pub struct ClientBuilder {
    options: Result<Options, Error>,
}

impl ClientBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            options: Options::new(url),
        }
    }

    fn set(mut self, set: impl FnOnce(&mut Options)) -> Self {
        if let Ok(options) = &mut self.options {
            set(options);
        }
        self
    }

    fn refuse(mut self, text: &'static str) -> Self {
        if self.options.is_ok() {
            self.options = Err(Error::argument(text));
        }
        self
    }

    /// A token that never changes. Default: none.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .token("secret");
    /// ```
    pub fn token(self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.set(|options| options.token = Token::Static(token.into()))
    }

    /// Asks for a token before every attempt, inside `connect_timeout` (REQ-CONN-11). The request
    /// says why it is asked for: after a refusal a kept token will not do (REQ-CONN-34). An error of
    /// the provider fails the attempt, which is made again as others are; one that was made by
    /// [`Error::authentication`] is final.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .token_provider(|_| async { std::env::var("AGENT_TOKEN") });
    /// ```
    pub fn token_provider<F, T, E>(self, provider: F) -> Self
    where
        F: Fn(TokenRequest) -> T + Send + Sync + 'static,
        T: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let provider = move |request| {
            let asked = provider(request);
            let boxed: std::pin::Pin<Box<dyn Future<Output = Result<String, Source>> + Send>> =
                Box::pin(async move { asked.await.map_err(Into::into) });
            boxed
        };
        self.set(|options| options.token = Token::Provider(Arc::new(provider)))
    }

    /// Where the token travels. Default: [`TokenIn::Query`].
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .token_in(smooth_operator::TokenIn::Header);
    /// ```
    pub fn token_in(self, token_in: TokenIn) -> Self {
        self.set(|options| options.token_in = token_in)
    }

    /// Adds a header to the handshake.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .header("x-team", "blue");
    /// ```
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        if let Err(text) = check_name(&name) {
            return self.refuse(text);
        }
        if !is_value(&value) {
            return self.refuse("headers: a value holds a character that no header may hold");
        }
        self.set(|options| options.headers.push((name, value)))
    }

    /// The `Origin` of the handshake. Default: none.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .origin("https://example.org");
    /// ```
    pub fn origin(self, origin: impl Into<String>) -> Self {
        let origin = origin.into();
        if !is_value(&origin) {
            return self.refuse("origin holds a character that no header may hold");
        }
        self.header("Origin", origin)
    }

    /// Capability words that every new session lists beside `otp_park`, `spec_1_1` and
    /// `spec_1_2`, such as `identity_form` and `choice_chips` (REQ-CALL-07). Default: none.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .supports(["choice_chips"]);
    /// ```
    pub fn supports(self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.set(|options| options.supports.extend(words.into_iter().map(Into::into)))
    }

    /// From TCP connect to the end of the handshake, the token provider included. Default: 10 s;
    /// zero = off.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .connect_timeout(std::time::Duration::from_secs(20));
    /// ```
    pub fn connect_timeout(self, limit: Duration) -> Self {
        self.set(|options| options.limits.connect = limit)
    }

    /// How long `close` waits for the peer's close frame. Default: 5 s; zero = do not wait.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .close_timeout(std::time::Duration::from_secs(20));
    /// ```
    pub fn close_timeout(self, limit: Duration) -> Self {
        self.set(|options| options.limits.close = limit)
    }

    /// How long a call or verb waits for its answer, the wait for the link included. Default:
    /// 30 s; zero = off.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .request_timeout(std::time::Duration::from_secs(20));
    /// ```
    pub fn request_timeout(self, limit: Duration) -> Self {
        self.set(|options| options.limits.request = limit)
    }

    /// How long a turn may take as a whole; nothing extends it. Default: off; zero = off.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .turn_timeout(std::time::Duration::from_secs(20));
    /// ```
    pub fn turn_timeout(self, limit: Duration) -> Self {
        self.set(|options| options.limits.turn = limit)
    }

    /// How long a turn may be silent; stands still while a human is asked. Default: 120 s; zero =
    /// off (REQ-TURN-11).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .turn_idle_timeout(std::time::Duration::from_secs(20));
    /// ```
    pub fn turn_idle_timeout(self, limit: Duration) -> Self {
        self.set(|options| options.limits.turn_idle = limit)
    }

    /// How long a question that says no time of its own may stay open. Default: 330 s; zero = off
    /// for all questions (REQ-TURN-13).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .question_timeout(std::time::Duration::from_secs(20));
    /// ```
    pub fn question_timeout(self, limit: Duration) -> Self {
        self.set(|options| options.limits.question = limit)
    }

    /// How long a `cancel` waits for the end of its turn before the turn counts as cancelled
    /// without confirmation. Default: 5 s; zero = do not wait (REQ-STOP-02).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .cancel_timeout(std::time::Duration::from_secs(20));
    /// ```
    pub fn cancel_timeout(self, limit: Duration) -> Self {
        self.set(|options| options.limits.cancel = limit)
    }

    /// How long a turn may be suspended without a new event before it fails with
    /// [`Error::TurnInterrupted`]. Default: 60 s; zero = as long as a link is sought
    /// (REQ-RESUME-09).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .resume_timeout(std::time::Duration::from_secs(20));
    /// ```
    pub fn resume_timeout(self, limit: Duration) -> Self {
        self.set(|options| options.limits.resume = limit)
    }

    /// How long the handler of a question may take. Default: zero, which is off (REQ-ASK-07).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .handler_timeout(std::time::Duration::from_secs(120));
    /// ```
    pub fn handler_timeout(self, limit: Duration) -> Self {
        self.set(|options| options.limits.handler = limit)
    }

    /// What answers the questions of all turns in place of verbs; that of a conversation or of a
    /// message comes first (REQ-ASK-01). Default: nothing.
    ///
    /// ```
    /// use smooth_operator::{Error, Handlers, SmoothAgentClient};
    ///
    /// let handlers = Handlers::new().confirm(|_| async { Ok::<_, Error>(false) });
    /// let builder = SmoothAgentClient::builder("ws://localhost:8787/ws").handlers(handlers);
    /// ```
    pub fn handlers(self, handlers: Handlers) -> Self {
        self.set(|options| options.handlers = Arc::new(handlers))
    }

    /// Whether a message is sent again when its turn completes for want of a code that a handler
    /// then gives (REQ-ASK-11). Default: true.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .resend_after_otp(false);
    /// ```
    pub fn resend_after_otp(self, on: bool) -> Self {
        self.set(|options| options.resend_after_otp = on)
    }

    /// What a message does while another turn of its session runs. Default: [`TurnPolicy::Parallel`]
    /// (REQ-TURN-31).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .turn_policy(smooth_operator::TurnPolicy::Queue);
    /// ```
    pub fn turn_policy(self, policy: TurnPolicy) -> Self {
        self.set(|options| options.turn_policy = policy)
    }

    /// The largest message that is taken from the server, in bytes. Default: 16 MiB; at least 1
    /// (REQ-WIRE-11).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .max_message_bytes(1024 * 1024);
    /// ```
    pub fn max_message_bytes(self, bytes: usize) -> Self {
        if bytes == 0 {
            return self.refuse("max_message_bytes must be at least 1");
        }
        self.set(|options| options.limits.message_bytes = bytes)
    }

    /// Whether the first action connects by itself. Default: false (REQ-CONN-09).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .lazy(true);
    /// ```
    pub fn lazy(self, lazy: bool) -> Self {
        self.set(|options| options.lazy = lazy)
    }

    /// Whether a lost link is sought again. Default: true (REQ-CONN-30).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .auto_reconnect(false);
    /// ```
    pub fn auto_reconnect(self, seek: bool) -> Self {
        self.set(|options| options.seeking.auto = seek)
    }

    /// Whether a link is sought again when the first attempt of `connect` fails. Default: false
    /// (REQ-CONN-04).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .retry_initial_connect(true);
    /// ```
    pub fn retry_initial_connect(self, seek: bool) -> Self {
        self.set(|options| options.seeking.initial = seek)
    }

    /// Attempts in a row without a link before it is given up with [`Error::ReconnectExhausted`];
    /// none = without end, 0 = none is made. Default: none (REQ-CONN-36).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .max_reconnect_attempts(8);
    /// ```
    pub fn max_reconnect_attempts(self, attempts: impl Into<Option<u32>>) -> Self {
        let attempts = attempts.into();
        self.set(|options| options.seeking.attempts = attempts)
    }

    /// Unit of the waits between attempts, at least a millisecond. Default: 500 ms (REQ-CONN-31).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .backoff_base(std::time::Duration::from_secs(1));
    /// ```
    pub fn backoff_base(self, unit: Duration) -> Self {
        if unit < MILLISECOND {
            return self.refuse("backoff_base must be at least 1 ms");
        }
        self.set(|options| options.seeking.backoff_base = unit)
    }

    /// Longest wait before an attempt, at least a millisecond. Default: 20 s (REQ-CONN-31).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .backoff_max(std::time::Duration::from_secs(60));
    /// ```
    pub fn backoff_max(self, longest: Duration) -> Self {
        if longest < MILLISECOND {
            return self.refuse("backoff_max must be at least 1 ms");
        }
        self.set(|options| options.seeking.backoff_max = longest)
    }

    /// How long a link has to be open before attempts and waits are counted anew. Default: 10 s
    /// (REQ-CONN-32).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .stable_after(std::time::Duration::from_secs(30));
    /// ```
    pub fn stable_after(self, open: Duration) -> Self {
        self.set(|options| options.seeking.stable_after = open)
    }

    /// Silence of the link after which the client asks whether it lives. Default: 25 s; zero =
    /// never, which also turns off that a sleep of the machine is noticed (REQ-CONN-38,
    /// REQ-CONN-39).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .ping_interval(std::time::Duration::from_secs(15));
    /// ```
    pub fn ping_interval(self, silence: Duration) -> Self {
        self.set(|options| options.seeking.ping_interval = silence)
    }

    /// How long the client waits for the sign of life that it asked for before the link counts as
    /// dead. Default: 10 s; zero = without end (REQ-CONN-38).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .pong_timeout(std::time::Duration::from_secs(5));
    /// ```
    pub fn pong_timeout(self, limit: Duration) -> Self {
        self.set(|options| options.seeking.pong_timeout = limit)
    }

    /// Actions that may wait for a link; another one fails with [`Error::QueueFull`]. Default: 64
    /// (REQ-CONN-40).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .queue_limit(16);
    /// ```
    pub fn queue_limit(self, actions: usize) -> Self {
        self.set(|options| options.seeking.queue_limit = actions)
    }

    /// What an action does while a lost link is sought again. Default: [`QueuePolicy::Wait`]
    /// (REQ-CONN-40).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .queue_policy(smooth_operator::QueuePolicy::FailFast);
    /// ```
    pub fn queue_policy(self, policy: QueuePolicy) -> Self {
        self.set(|options| options.seeking.queue_policy = policy)
    }

    /// Where the numbers of chance come from, each from 0 up to, but not including, 1: one for each
    /// wait before an attempt. Default: a cryptographic source (REQ-TIME-01).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .random(|| 0.5);
    /// ```
    pub fn random(self, draw: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.set(|options| options.random = Some(Box::new(draw)))
    }

    /// Adds root certificates, as PEM text, to those of the platform (REQ-CONN-13).
    ///
    /// ```no_run
    /// let pem = std::fs::read("company.pem")?;
    /// let client = smooth_operator::SmoothAgentClient::builder("wss://agents.example/ws")
    ///     .add_root_certificates(pem)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "rustls")]
    pub fn add_root_certificates(mut self, pem: impl AsRef<[u8]>) -> Self {
        let added = match &mut self.options {
            Ok(options) => options.roots.add_pem(pem.as_ref()),
            Err(_) => Ok(()),
        };
        match added {
            Ok(()) => self,
            Err(text) => self.refuse(text),
        }
    }

    /// Takes log records, one at a time and in order. Default: silent (REQ-LOG-01).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .logger(|record| eprintln!("{:?} {}", record.level, record.message));
    /// ```
    pub fn logger(self, logger: impl Fn(&LogRecord) + Send + Sync + 'static) -> Self {
        self.set(|options| options.logger = Some(Arc::new(logger)))
    }

    /// Whether frames are logged with their text; codes and signatures are struck out. Default:
    /// false.
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .log_payloads(true);
    /// ```
    pub fn log_payloads(self, log: bool) -> Self {
        self.set(|options| options.log_payloads = log)
    }

    /// Where the client reads the time. Default: real time (REQ-TIME-01).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .clock(smooth_operator::SystemClock::new());
    /// ```
    pub fn clock(self, clock: impl Clock) -> Self {
        #[cfg(feature = "testing")]
        let work = (&clock as &dyn std::any::Any)
            .downcast_ref::<crate::testing::VirtualClock>()
            .map(crate::testing::VirtualClock::work);
        self.set(|options| {
            #[cfg(feature = "testing")]
            {
                options.work = work.unwrap_or_default();
            }
            options.clock = Arc::new(clock);
        })
    }

    /// Watches the client: attempts, calls, turns and questions. Default: nobody does.
    ///
    /// ```
    /// use smooth_operator::{Error, Observer, SmoothAgentClient};
    ///
    /// struct Count(std::sync::atomic::AtomicU64);
    ///
    /// impl Observer for Count {
    ///     fn turn_settled(&self, _: &str, _: &str, _: Option<&Error>) {
    ///         self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// let builder = SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .observer(Count(Default::default()));
    /// ```
    pub fn observer(self, observer: impl Observer) -> Self {
        self.set(|options| options.observer = Some(Arc::new(observer)))
    }

    /// Opens the socket of every attempt, in the place of the client's own WebSocket: for a proxy,
    /// another transport, or a test. The future is dropped when the attempt is given up. A failure
    /// fails the attempt with [`Error::ConnectFailed`] and is its cause. Default: none.
    ///
    /// ```
    /// # use futures_util::{Sink, Stream};
    /// use smooth_operator::{Message, OpenRequest, SmoothAgentClient};
    ///
    /// # fn f<S>(dial: fn(&str) -> S) -> smooth_operator::ClientBuilder
    /// # where
    /// #     S: Stream<Item = Result<Message, std::io::Error>>
    /// #         + Sink<Message, Error = std::io::Error> + Send + Unpin + 'static,
    /// # {
    /// SmoothAgentClient::builder("ws://localhost:8787/ws").opener(move |request: OpenRequest| {
    ///     let socket = dial(&request.url);
    ///     async move { Ok::<_, std::io::Error>(socket) }
    /// })
    /// # }
    /// ```
    pub fn opener<F, T, S, E>(self, open: F) -> Self
    where
        F: Fn(OpenRequest) -> T + Send + Sync + 'static,
        T: Future<Output = Result<S, E>> + Send + 'static,
        S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Send + Unpin + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.set(|options| options.opener = Some(opener(open)))
    }

    /// Where ids of actions come from. Default: `req-` and a random UUIDv4 (REQ-CALL-01).
    ///
    /// ```
    /// let builder = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .id_generator(|| String::from("req-of-mine"));
    /// ```
    pub fn id_generator(self, draw: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.set(|options| options.ids = Some(Box::new(draw)))
    }

    /// Switches the shorter ways through the client on or off: frames that are like a learned one
    /// are read without a parse, frames that only become items pass no state machine. What is seen
    /// is the same. For tests of this crate. Default: both on.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn fast_paths(self, learned: bool, quiet: bool) -> Self {
        self.set(|options| options.fast = crate::options::FastPaths { learned, quiet })
    }

    /// The client; it is idle.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`]: an option is malformed.
    ///
    /// ```
    /// let client = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws").build()?;
    /// assert_eq!(client.state().as_str(), "idle");
    /// # Ok::<(), smooth_operator::Error>(())
    /// ```
    pub fn build(self) -> Result<SmoothAgentClient, Error> {
        let options = self.options.and_then(Options::checked)?;
        Ok(SmoothAgentClient::with(options))
    }

    /// The client, connected.
    ///
    /// # Errors
    /// As [`build`](Self::build) and [`SmoothAgentClient::connect`].
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), smooth_operator::Error> {
    /// let client = smooth_operator::SmoothAgentClient::builder("ws://localhost:8787/ws")
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(self) -> Result<SmoothAgentClient, Error> {
        let client = self.build()?;
        client.connect().await?;
        Ok(client)
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientBuilder").field(&self.options).finish()
    }
}
