//! What the agent does with a message.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::facts::{Chunk, Confirm, Finish, Otp};
use super::forms::Form;

/// One step of a turn.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Token(String),
    Reasoning(String),
    Preamble(String),
    Chunk(String, Option<Value>),
    Confirm(Confirm),
    Otp(Otp),
    Interaction(Arc<Form>),
    Delay(Duration),
    Error(String, String),
    Cut(u16),
    Malformed(String),
    Finish(Finish),
    /// Reads the next entry of the script.
    Script,
    /// Runs a tool of the script.
    Tool(String, Value),
}

/// What a message must be for a reply to serve it: a text that it contains, a function of it (for
/// patterns: `|said: &str| pattern.is_match(said)`), or `()` for every message. A function must not
/// use the server.
pub trait Matcher: Send + 'static {
    /// Whether the message is served.
    fn fits(&self, message: &str) -> bool;
}

impl Matcher for &'static str {
    fn fits(&self, message: &str) -> bool {
        message.contains(self)
    }
}

impl Matcher for String {
    fn fits(&self, message: &str) -> bool {
        message.contains(self.as_str())
    }
}

impl Matcher for () {
    fn fits(&self, _: &str) -> bool {
        true
    }
}

impl<F: Fn(&str) -> bool + Send + 'static> Matcher for F {
    fn fits(&self, message: &str) -> bool {
        self(message)
    }
}

/// Steps that run in order, once per turn; see [`FakeServer::on_message`](super::FakeServer::on_message).
/// Each verb gives the reply back. One without [`finish`](Self::finish) and [`error`](Self::error)
/// leaves its turn open.
#[derive(Clone, Default)]
pub struct Reply(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    matcher: Option<Box<dyn Matcher>>,
    once: bool,
    used: bool,
    ended: Option<&'static str>,
    steps: Vec<Step>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({} steps)", self.lock().steps.len())
    }
}

impl Reply {
    /// A reply without a matcher, for [`Confirm::rejected`].
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn to(matcher: impl Matcher) -> Self {
        let reply = Self::new();
        reply.lock().matcher = Some(Box::new(matcher));
        reply
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The steps, when the reply serves this message.
    pub(super) fn serve(&self, message: &str) -> Option<VecDeque<Step>> {
        let mut written = self.lock();
        let fits = written.matcher.as_ref().is_none_or(|it| it.fits(message));
        if !fits || (written.once && written.used) {
            return None;
        }
        written.used = true;
        Some(written.steps.iter().cloned().collect())
    }

    #[track_caller]
    fn add(self, steps: impl IntoIterator<Item = Step>) -> Self {
        let ended = self.lock().ended;
        if let Some(verb) = ended {
            panic!("a reply has ended with {verb}(): no step can follow");
        }
        self.lock().steps.extend(steps);
        self
    }

    fn end(self, verb: &'static str) -> Self {
        self.lock().ended = Some(verb);
        self
    }

    /// Lets the reply serve a single message; without it a reply serves any number.
    pub fn once(self) -> Self {
        self.lock().once = true;
        self
    }

    /// Sends each word as a `stream_token`, as it is: blanks are the words' own.
    #[track_caller]
    pub fn tokens(self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.add(words.into_iter().map(|word| Step::Token(word.into())))
    }

    /// Sends each word as a `stream_reasoning`.
    #[track_caller]
    pub fn reasoning(self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.add(words.into_iter().map(|word| Step::Reasoning(word.into())))
    }

    /// Sends a `stream_preamble`.
    #[track_caller]
    pub fn preamble(self, text: impl Into<String>) -> Self {
        self.add([Step::Preamble(text.into())])
    }

    /// Sends a `stream_chunk` of a node; with calls and results, one for each of them.
    #[track_caller]
    pub fn chunk(self, chunk: impl Into<Chunk>) -> Self {
        let Chunk { node, shown } = chunk.into();
        if shown.is_empty() {
            return self.add([Step::Chunk(node, None)]);
        }
        self.add(
            shown
                .into_iter()
                .map(|one| Step::Chunk(node.clone(), Some(one))),
        )
    }

    /// Asks for a confirmation; the steps go on when it is answered.
    ///
    /// # Panics
    /// When its rejection is this reply itself.
    #[track_caller]
    pub fn confirm(self, confirm: impl Into<Confirm>) -> Self {
        let confirm = confirm.into();
        let own = confirm
            .rejected
            .as_ref()
            .is_some_and(|it| Arc::ptr_eq(&it.0, &self.0));
        assert!(!own, "a reply cannot be its own rejection");
        self.add([Step::Confirm(confirm)])
    }

    /// Asks for a one-time code. The steps go on when the right one came; the last wrong one, and a
    /// refusal to give one, end the turn with AGENT_ERROR. Toward a client that does not list
    /// `otp_park` the turn ends at once, and the message that comes again after the right code goes
    /// past this step (REQ-OTP-03).
    #[track_caller]
    pub fn otp(self, otp: Otp) -> Self {
        self.add([Step::Otp(otp)])
    }

    /// Shows a form of a kind, `identity_intake` or `choices`. Values that the spec does not take are
    /// answered with `interaction_invalid`; good ones and a refusal let the steps go on. A client that
    /// does not list the kind's capability word (a handler of the kind does, and `supports`) cannot be
    /// asked: the turn ends with AGENT_ERROR.
    ///
    /// # Panics
    /// When there is no such kind, or the spec is not of it (`spec/interactions/`).
    #[track_caller]
    pub fn interaction<T: Serialize + ?Sized>(self, kind: &str, spec: &T) -> Self {
        let spec = serde_json::to_value(spec).unwrap_or_default();
        match Form::new(kind, spec) {
            Ok(form) => self.add([Step::Interaction(Arc::new(form))]),
            Err(wrong) => panic!("interaction(): {wrong}"),
        }
    }

    /// Sends nothing until this time has passed.
    #[track_caller]
    pub fn delay(self, time: Duration) -> Self {
        self.add([Step::Delay(time)])
    }

    /// Ends the turn with an `error` event.
    ///
    /// # Panics
    /// When the code is none of the protocol's, or one that ends no turn.
    #[track_caller]
    pub fn error(self, code: &str, message: impl Into<String>) -> Self {
        match super::frames::ends_turn(code) {
            None => panic!("{code:?} is no error code of the protocol"),
            Some(false) => panic!("{code} never ends a turn (spec/errors.yaml)"),
            Some(true) => {}
        }
        self.add([Step::Error(code.to_owned(), message.into())])
            .end("error")
    }

    /// Ends the link of the client here, 1006 without a close frame; directly behind a question, while
    /// that is open. With replay the turn goes on behind it and is resumed; without, it is lost with
    /// the link.
    ///
    /// # Panics
    /// With a close code that no peer may send.
    #[track_caller]
    pub fn cut(self, code: u16) -> Self {
        super::frames::check_close(code);
        self.add([Step::Cut(code)])
    }

    /// Sends this text as a frame, as it is.
    #[track_caller]
    pub fn malformed(self, text: impl Into<String>) -> Self {
        self.add([Step::Malformed(text.into())])
    }

    /// Ends the turn with an `eventual_response` of the tokens.
    #[track_caller]
    pub fn finish(self) -> Self {
        self.finish_with(Finish::new())
    }

    /// Ends the turn with an `eventual_response`.
    #[track_caller]
    pub fn finish_with(self, answer: Finish) -> Self {
        self.add([Step::Finish(answer)]).end("finish")
    }
}

/// What a script's entry spent.
pub(super) type Usage = Map<String, Value>;
