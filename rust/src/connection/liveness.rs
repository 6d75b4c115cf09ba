//! Whether an open link still lives, and the one place that notices a sleep.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::timers::{Timers, Waits};
use crate::options::Options;
use crate::wire::options::PROBE_TIMEOUT;
use crate::wire::steps::Signal;

/// The timers `stable`, `ping`, `pong` and `probe` of one link after the other.
pub(super) struct Liveness {
    options: Arc<Options>,
    link: u64,
    runtime: Option<Handle>,
    /// When the last message came.
    heard: Duration,
    /// What both clocks showed when the timer `ping` was armed.
    armed: (Duration, Duration),
}

impl Liveness {
    pub(super) fn new(options: Arc<Options>) -> Self {
        Self {
            options,
            link: 0,
            runtime: None,
            heard: Duration::ZERO,
            armed: (Duration::ZERO, Duration::ZERO),
        }
    }

    /// Watches a link that opened.
    pub(super) fn begin(&mut self, link: u64, runtime: Option<Handle>, timers: &mut Timers) {
        (self.link, self.runtime) = (link, runtime);
        self.arm(Waits::Stable, self.options.seeking.stable_after, timers);
        self.heard = timers.clock().now();
        if !self.options.seeking.ping_interval.is_zero() {
            self.watch(self.options.seeking.ping_interval, timers);
        }
    }

    /// Messages came: the link lives. Arms no timer (REQ-CONN-38).
    pub(super) fn heard(&mut self, now: Duration, timers: &mut Timers) {
        self.heard = now;
        timers.clear(Waits::Pong);
        timers.clear(Waits::Probe);
    }

    /// A ping went out after a silence: waits for a sign of life.
    pub(super) fn pinged(&self, timers: &mut Timers) {
        let limit = self.options.seeking.pong_timeout;
        if !limit.is_zero() {
            self.expect(Waits::Pong, limit, timers);
        }
    }

    /// A ping went out after a sleep: waits five seconds for a sign of life (REQ-CONN-39).
    pub(super) fn probed(&self, timers: &mut Timers) {
        self.expect(Waits::Probe, PROBE_TIMEOUT, timers);
    }

    /// Looks when something came last; messages only note the time. Says what happened.
    pub(super) fn look(&mut self, timers: &mut Timers) -> Option<Signal> {
        let interval = self.options.seeking.ping_interval;
        let left = (self.heard + interval).saturating_sub(timers.clock().now());
        let slept = self.slept(timers);
        self.watch(if left.is_zero() { interval } else { left }, timers);
        match (slept, left.is_zero()) {
            (true, _) => Some(Signal::Wake),
            (false, true) => Some(Signal::Silence),
            (false, false) => None,
        }
    }

    /// A further ping does not put off the end of the wait that an earlier one began.
    fn expect(&self, kind: Waits, limit: Duration, timers: &mut Timers) {
        if !timers.is_armed(kind) {
            self.arm(kind, limit, timers);
        }
    }

    fn watch(&mut self, delay: Duration, timers: &mut Timers) {
        self.armed = (timers.clock().now(), timers.clock().wall());
        self.arm(Waits::Ping, delay, timers);
    }

    /// Whether the wall clock ran ahead since the timer was armed (REQ-CONN-39).
    fn slept(&self, timers: &Timers) -> bool {
        let (now, wall) = self.armed;
        let passed = timers.clock().now().saturating_sub(now);
        let by_wall = timers.clock().wall().saturating_sub(wall);
        by_wall.saturating_sub(passed) > 2 * self.options.seeking.ping_interval
    }

    fn arm(&self, kind: Waits, delay: Duration, timers: &mut Timers) {
        timers.arm(kind, delay, self.link, self.runtime.as_ref());
    }
}
