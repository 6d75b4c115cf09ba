//! How long to wait before the next attempt to open a link, and how many were made. Pure.

use std::time::Duration;

use crate::wire::options::{BACKOFF_DOUBLINGS, RETRY_AFTER_LONGEST};

/// Attempts that are left where there is no limit.
const ENDLESS: i64 = 9_007_199_254_740_991;

/// Waits and count of one client's attempts (REQ-CONN-31 to REQ-CONN-33).
#[derive(Debug)]
pub(super) struct Backoff {
    base: Duration,
    longest: Duration,
    doublings: u32,
    attempts: u32,
}

impl Backoff {
    pub(super) fn new(base: Duration, longest: Duration) -> Self {
        Self {
            base,
            longest,
            doublings: 0,
            attempts: 0,
        }
    }

    /// Begins to count anew (REQ-CONN-32).
    pub(super) fn reset(&mut self) {
        (self.doublings, self.attempts) = (0, 0);
    }

    /// Attempts since the count began anew; the first one of `connect` is not among them.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Counts an attempt.
    pub(super) fn count(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
    }

    /// Attempts that are left of a limit; none = without end.
    pub(super) fn remaining(&self, limit: Option<u32>) -> i64 {
        limit.map_or(ENDLESS, |limit| {
            i64::from(limit.saturating_sub(self.attempts))
        })
    }

    /// The wait before the next attempt, in whole milliseconds. `draw` is one number of the random
    /// source, `backoff_from` that of the table of close codes, `hint` what the server asked for.
    pub(super) fn delay(
        &mut self,
        draw: f64,
        backoff_from: u32,
        hint: Option<Duration>,
    ) -> Duration {
        let (base, longest) = (milliseconds(self.base), milliseconds(self.longest));
        let doublings = self.doublings.max(backoff_from);
        self.doublings = doublings.saturating_add(1);
        let wait = if let Some(hint) = hint {
            let told = milliseconds(hint.min(RETRY_AFTER_LONGEST)).floor();
            told + (draw * base.max(told / 4.0)).floor()
        } else if doublings == 0 {
            longest.min((draw * base).floor())
        } else {
            let most = u32::try_from(BACKOFF_DOUBLINGS).unwrap_or(u32::MAX);
            let grown = base * f64::from(doublings.min(most)).exp2();
            longest.min(base + (draw * longest.min(grown)).floor())
        };
        whole(wait)
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(milliseconds: f64) -> Duration {
    Duration::from_millis(milliseconds.floor() as u64)
}
