//! Why there is no link, and whether another attempt may help.

use std::time::Duration;

use crate::errors::{Draft, Error};
use crate::transport::Refusal;
use crate::wire::codes::{Again, CloseCode, close_code, http_status};
use crate::wire::errors::Leaf;
use crate::wire::steps::Retry;

/// Whether another attempt may help, and when (REQ-CONN-30).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outlook {
    pub(super) retry: Retry,
    /// The least number that the backoff counts from.
    pub(super) backoff_from: u32,
    /// What the server asked to wait, where it did.
    pub(super) hint: Option<Duration>,
}

impl Outlook {
    /// No further attempt helps.
    pub(crate) const HOPELESS: Self = Self::new(Retry::No);
    /// Another attempt may help.
    pub(super) const HOPEFUL: Self = Self::new(Retry::Yes);

    const fn new(retry: Retry) -> Self {
        Self {
            retry,
            backoff_from: 0,
            hint: None,
        }
    }

    /// What the close code of a link says about another one.
    pub(super) fn after_close(code: Option<u16>) -> Self {
        Self::by(code.and_then(close_code))
    }

    fn by(row: Option<&CloseCode>) -> Self {
        let Some(row) = row else {
            return Self::HOPELESS;
        };
        let retry = match row.retry {
            Again::Yes => Retry::Yes,
            Again::No => Retry::No,
            Again::Renew => Retry::Renew,
        };
        Self {
            backoff_from: row.backoff_from,
            ..Self::new(retry)
        }
    }
}

/// An attempt that failed.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(super) outlook: Outlook,
}

impl Failure {
    /// A failure that another attempt does not mend.
    pub(crate) fn last(error: Error) -> Self {
        Self {
            error,
            outlook: Outlook::HOPELESS,
        }
    }

    /// A failure that may pass.
    pub(super) fn passing(error: Error) -> Self {
        Self {
            error,
            outlook: Outlook::HOPEFUL,
        }
    }

    /// The handshake was refused, or there was none.
    pub(super) fn refused(refusal: Refusal) -> Self {
        let row = refusal.status.and_then(http_status);
        let leaf = match row.is_some_and(|row| row.kind == "authentication") {
            true => Leaf::Authentication,
            false => Leaf::ConnectFailed,
        };
        let outlook = match (refusal.status, refusal.retryable) {
            (Some(_), _) => Outlook {
                hint: refusal.retry_after,
                ..Outlook::by(row)
            },
            (None, Some(false)) => Outlook::HOPELESS,
            (None, _) => Outlook::HOPEFUL,
        };
        let error = Draft::refused(refusal.reason, refusal.retryable)
            .answer(
                refusal.status,
                refusal.retry_after,
                refusal.body,
                refusal.request_id,
            )
            .cause(refusal.source)
            .end(leaf);
        Self { error, outlook }
    }

    /// The same failure with more said about its error.
    pub(super) fn with(self, tell: impl FnOnce(Draft) -> Draft) -> Self {
        Self {
            error: self.error.with(tell),
            ..self
        }
    }
}
