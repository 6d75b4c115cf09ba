//! How a client seeks a link: counts, waits, and why the next token is asked for. Opens nothing.

use std::time::Duration;

use super::backoff::Backoff;
use super::failure::Outlook;
use crate::errors::Error;
use crate::options::{Options, Token, TokenReason};
use crate::wire::steps::{Facts, Retry};

/// What one client knows of its attempts.
pub(super) struct Seeking {
    backoff: Backoff,
    /// Why the next token is asked for.
    reason: TokenReason,
    /// Whether a token was refused since the link was last stable (REQ-CONN-34).
    renewed: bool,
    /// Whether an attempt begins when all that the event leads to is done.
    due: bool,
    /// The error of the last attempt that failed.
    last: Option<Error>,
}

impl Seeking {
    pub(super) fn new(options: &Options) -> Self {
        let seeking = &options.seeking;
        Self {
            backoff: Backoff::new(seeking.backoff_base, seeking.backoff_max),
            reason: TokenReason::Connect,
            renewed: false,
            due: false,
            last: None,
        }
    }

    /// Counts attempts and waits from now on (REQ-CONN-32).
    pub(super) fn reset(&mut self) {
        self.backoff.reset();
        self.renewed = false;
    }

    /// The first attempt of `connect` is due.
    pub(super) fn begin(&mut self) {
        self.reset();
        self.last = None;
        (self.reason, self.due) = (TokenReason::Connect, true);
    }

    /// A further attempt is due; false when one is already.
    pub(super) fn next(&mut self) -> bool {
        let anew = !std::mem::replace(&mut self.due, true);
        if anew {
            self.backoff.count();
        }
        anew
    }

    /// Takes the attempt that is due: why its token is asked for.
    pub(super) fn take(&mut self) -> Option<TokenReason> {
        std::mem::take(&mut self.due)
            .then(|| std::mem::replace(&mut self.reason, TokenReason::Reconnect))
    }

    /// Nothing is due any more.
    pub(super) fn stop(&mut self) {
        self.due = false;
    }

    /// The provider is asked for another token, because the one before was refused.
    pub(super) fn renew(&mut self) {
        (self.renewed, self.reason) = (true, TokenReason::Rejected);
    }

    /// The wait before the next attempt (REQ-CONN-31).
    pub(super) fn wait(&mut self, outlook: &Outlook, draw: f64) -> Duration {
        self.backoff.delay(draw, outlook.backoff_from, outlook.hint)
    }

    /// The number of the attempt to come.
    pub(super) fn upcoming(&self) -> u32 {
        self.backoff.attempts().saturating_add(1)
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, error: &Error) {
        self.last = Some(error.clone());
    }

    /// The error of the last attempt that failed.
    pub(super) fn last(&self) -> Option<&Error> {
        self.last.as_ref()
    }

    /// What the machine of the link may look at.
    pub(super) fn facts(&self, options: &Options, retry: Retry) -> Facts<'static> {
        let limit = options.seeking.attempts;
        let some = limit != Some(0);
        let provided = matches!(options.token, Token::Provider(_));
        Facts {
            retry: Some(retry),
            auto_reconnect: Some(options.seeking.auto && some),
            retry_initial: Some(options.seeking.initial && some),
            token_renewable: Some(provided && !self.renewed),
            attempts_remaining: Some(self.backoff.remaining(limit)),
            ..Facts::default()
        }
    }
}
