//! How long to wait before the next attempt to open a link, and how many were made. Pure.

use std::time::Duration;

use crate::wire::options::{BACKOFF_DOUBLINGS, RETRY_AFTER_LONGEST};

/// Attempts that are left where there is no limit.
const ENDLESS: i64 = 9_007_199_254_740_991;

/// Waits and count of one client's attempts (REQ-CONN-31 to REQ-CONN-33).
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    base: Duration,
    longest: Duration,
    doublings: u32,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(base: Duration, longest: Duration) -> Self {
        Self {
            base,
            longest,
            doublings: 0,
            attempts: 0,
        }
    }

    /// Begins to count anew (REQ-CONN-32).
    pub(crate) fn reset(&mut self) {
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
    pub(crate) fn delay(
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

/// A time in the unit of the specification; whole milliseconds are exact.
#[allow(clippy::cast_precision_loss)]
fn milliseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1_000_000.0
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(milliseconds: f64) -> Duration {
    Duration::from_millis(milliseconds.floor() as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::Backoff;

    const DRAWS: u128 = 1 << 10;

    /// The sentence of REQ-CONN-31 in whole numbers; the draw is so many 1024ths.
    fn by_the_sentence(base: u128, max: u128, n: u32, draw: u128) -> u128 {
        let part = |of: u128| draw * of / DRAWS;
        match n {
            0 => max.min(part(base)),
            n => max.min(base + part(max.min(base << n.min(31)))),
        }
    }

    proptest! {
        #[test]
        fn req_conn_31_waits_are_those_of_the_sentence(
            base in 1_u64..100_000, max in 1_u64..1_000_000, from in 0_u32..4, draws in prop::collection::vec(0_u32..1024, 1..40),
        ) {
            let ms = Duration::from_millis;
            let mut backoff = Backoff::new(ms(base), ms(max));
            for (waits, draw) in draws.into_iter().enumerate() {
                let n = (waits as u32 + from).max(from);
                let wait = backoff.delay(f64::from(draw) / 1024.0, from, None);
                prop_assert_eq!(wait.as_millis(), by_the_sentence(base.into(), max.into(), n, draw.into()));
            }
        }

        #[test]
        fn req_conn_33_what_the_server_asks_for_takes_the_place_of_the_wait(
            base in 1_u64..100_000, told in 0_u64..1_000_000, draw in 0_u32..1024,
        ) {
            let mut backoff = Backoff::new(Duration::from_millis(base), Duration::from_millis(1));
            let wait = backoff.delay(f64::from(draw) / 1024.0, 2, Some(Duration::from_millis(told)));
            let told = u128::from(told.min(120_000));
            let more = u128::from(draw) * (4 * u128::from(base)).max(told) / (4 * DRAWS);
            prop_assert_eq!(wait.as_millis(), told + more);
        }
    }

    #[test]
    fn req_conn_32_a_reset_begins_to_count_anew() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(500), ms(20_000));
        backoff.count();
        let waits: Vec<_> = (0..3).map(|_| backoff.delay(0.5, 0, None)).collect();
        assert_eq!(waits, [ms(250), ms(1_000), ms(1_500)]);
        assert_eq!((backoff.remaining(Some(2)), backoff.attempts()), (1, 1));
        backoff.reset();
        assert_eq!(backoff.delay(0.5, 0, None), ms(250));
        assert_eq!((backoff.remaining(Some(2)), backoff.attempts()), (2, 0));
        assert_eq!(backoff.remaining(None), (1 << 53) - 1);
    }
}
