//! The timers of a link: at most one of each kind is armed, and one that was taken back never counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use super::link::Upper;
use crate::clock::{Clock, Timer};

/// What a timer of the link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// The next attempt is due.
    Retry,
    /// The link has been open for long enough.
    Stable,
    /// The link may have been silent for too long.
    Ping,
    /// A ping had no answer in time.
    Pong,
    /// A ping after a sleep had no answer in time.
    Probe,
}

const KINDS: usize = 5;

/// A timer that is armed, until it is dropped.
struct Armed {
    live: Arc<AtomicBool>,
    _timer: Timer,
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.live.store(false, Ordering::SeqCst);
    }
}

/// The timers of one client's link. Kept under the lock of the books.
pub(super) struct Timers {
    clock: Arc<dyn Clock>,
    upper: Weak<dyn Upper>,
    armed: [Option<Armed>; KINDS],
}

impl Timers {
    pub(super) fn new(clock: Arc<dyn Clock>, upper: Weak<dyn Upper>) -> Self {
        Self {
            clock,
            upper,
            armed: [const { None }; KINDS],
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(super) fn is_armed(&self, kind: Waits) -> bool {
        self.armed[kind as usize].is_some()
    }

    pub(super) fn clear(&mut self, kind: Waits) {
        self.armed[kind as usize] = None;
    }

    pub(super) fn clear_all(&mut self) {
        self.armed = [const { None }; KINDS];
    }

    /// Arms a timer on the runtime of a link; one of its kind that was armed before is taken back.
    pub(super) fn arm(&mut self, kind: Waits, delay: Duration, link: u64, on: Option<&Handle>) {
        self.clear(kind);
        let live = Arc::new(AtomicBool::new(true));
        let alarm = Alarm {
            upper: self.upper.clone(),
            live: Arc::clone(&live),
            kind,
            link,
            rang: false,
        };
        let _runtime = on.map(Handle::enter);
        let timer = self.clock.schedule(delay, Box::new(move || alarm.ring()));
        self.armed[kind as usize] = Some(Armed {
            live,
            _timer: timer,
        });
    }

    /// Whether a timer that rang is the one that is armed; it is not, from now on.
    pub(super) fn rang(&mut self, kind: Waits, live: &AtomicBool) -> bool {
        let counts = live.load(Ordering::SeqCst);
        if counts {
            self.clear(kind);
        }
        counts
    }
}

/// What the clock holds of a timer. A wait that is dropped although nobody took it back died with
/// its runtime (REQ-CONN-24).
struct Alarm {
    upper: Weak<dyn Upper>,
    live: Arc<AtomicBool>,
    kind: Waits,
    link: u64,
    rang: bool,
}

impl Alarm {
    fn ring(mut self) {
        self.rang = true;
        if let Some(upper) = self.upper.upgrade() {
            upper.due(self.kind, &self.live);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if !self.rang
            && self.kind == Waits::Retry
            && self.live.load(Ordering::SeqCst)
            && let Some(upper) = self.upper.upgrade()
        {
            upper.orphaned(self.link);
        }
    }
}
