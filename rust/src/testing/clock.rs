//! A clock that stands still until it is moved.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{Clock, Timer, Work};

type Fire = Box<dyn FnOnce() + Send>;

/// A clock that a test moves by hand. Clones share the same time.
#[derive(Clone, Default)]
pub struct VirtualClock(Arc<Shared>);

#[derive(Default)]
struct Shared {
    time: Mutex<Time>,
    busy: AtomicUsize,
    quiet: Notify,
}

#[derive(Default)]
struct Time {
    now: Duration,
    /// How long the machine slept in all.
    slept: Duration,
    drawn: u64,
    due: BTreeMap<(Duration, u64), Fire>,
}

impl VirtualClock {
    /// A clock that shows zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the time: timers that fall due run in the order of their times, each at its own
    /// moment. Returns when all that they caused is done, frames handed to the socket included.
    pub async fn advance(&self, by: Duration) {
        self.settle().await;
        let end = self.lock().now + by;
        while let Some(fire) = self.next_due(end) {
            fire();
            self.settle().await;
        }
        self.lock().now = end;
        self.settle().await;
    }

    /// Lets the machine sleep: the wall clock alone moves on, and no timer is due. A client notices
    /// at the next timer of its watch over the link (REQ-CONN-39).
    pub fn sleep(&self, time: Duration) {
        self.lock().slept += time;
    }

    /// How many timers wait.
    pub fn timers(&self) -> usize {
        self.lock().due.len()
    }

    /// Where a client marks what it does: the clock waits for it.
    pub(crate) fn work(&self) -> Work {
        let shared = Arc::clone(&self.0);
        Work::watched(move || {
            shared.busy.fetch_add(1, Ordering::SeqCst);
            Box::new(Mark(Arc::clone(&shared)))
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Time> {
        self.0.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_due(&self, end: Duration) -> Option<Fire> {
        let mut time = self.lock();
        let first = time
            .due
            .first_entry()
            .filter(|entry| entry.key().0 <= end)?;
        let ((at, _), fire) = first.remove_entry();
        time.now = time.now.max(at);
        Some(fire)
    }

    /// Waits until nothing that a client began is still going on.
    async fn settle(&self) {
        loop {
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            let quiet = self.0.quiet.notified();
            tokio::pin!(quiet);
            quiet.as_mut().enable();
            if self.0.busy.load(Ordering::SeqCst) == 0 {
                return;
            }
            quiet.await;
        }
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualClock")
            .field("now", &self.lock().now)
            .finish()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.lock().now
    }

    fn wall(&self) -> Duration {
        let time = self.lock();
        time.now + time.slept
    }

    fn schedule(&self, delay: Duration, fire: Fire) -> Timer {
        let mut time = self.lock();
        time.drawn += 1;
        let key = (time.now.saturating_add(delay), time.drawn);
        time.due.insert(key, fire);
        let shared = Arc::downgrade(&self.0);
        Timer::new(move || {
            if let Some(shared) = shared.upgrade() {
                let removed = shared
                    .time
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .due
                    .remove(&key);
                drop(removed); // outside the lock: what it holds may hold timers of its own
            }
        })
    }
}

struct Mark(Arc<Shared>);

impl Drop for Mark {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.quiet.notify_waiters();
        }
    }
}
