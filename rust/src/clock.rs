//! Time comes in by parameter: one clock per client measures every wait and runs every timer.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Where a client reads the time and hangs its timers (REQ-TIME-01).
///
/// [`SystemClock`] is the default; the feature `testing` brings a virtual one that stands still
/// until a test moves it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Time since some fixed moment; it never goes back.
    fn now(&self) -> Duration;

    /// Time since some fixed moment by the calendar: it goes on while the machine sleeps. A clock
    /// that shows the same as [`now`](Self::now), as it does by default, never sees a sleep
    /// (REQ-CONN-39).
    fn wall(&self) -> Duration {
        self.now()
    }

    /// Runs `fire` once, `delay` from now, unless the returned timer is dropped before.
    fn schedule(&self, delay: Duration, fire: Box<dyn FnOnce() + Send>) -> Timer;
}

/// A pending timer; dropping it cancels it.
pub struct Timer(Option<Box<dyn FnOnce() + Send>>);

impl Timer {
    /// A timer that `cancel` takes back.
    pub fn new(cancel: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(cancel)))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(cancel) = self.0.take() {
            cancel();
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timer")
    }
}

/// A mark on work that the client has begun and not yet done, until it is dropped.
#[derive(Default)]
pub(crate) struct Busy {
    _mark: Option<Box<dyn Send>>,
}

/// Where work is marked, for a clock that stands still until all of it is done.
#[derive(Clone, Default)]
pub(crate) struct Work(Option<Arc<dyn Fn() -> Box<dyn Send> + Send + Sync>>);

impl Work {
    /// Work that somebody watches.
    #[cfg(feature = "testing")]
    pub(crate) fn watched(begin: impl Fn() -> Box<dyn Send> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(begin)))
    }

    /// Marks the beginning of something.
    pub(crate) fn begin(&self) -> Busy {
        Busy {
            _mark: self.0.as_ref().map(|begin| begin()),
        }
    }
}

/// A timer that fires later than this fires after a stall.
const LATE: Duration = Duration::from_millis(100);

/// What a late timer leaves for reading what already lies in the socket (REQ-TIME-02).
const GRACE: Duration = Duration::from_millis(250);

/// Real time, on the timers of the tokio runtime. A timer that is late because the process or the
/// runtime stood still first lets be read what came meanwhile.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> Duration {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or_default()
    }

    fn schedule(&self, delay: Duration, fire: Box<dyn FnOnce() + Send>) -> Timer {
        let (start, due) = (self.start, self.now() + delay);
        let task = tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if start.elapsed() > due + LATE {
                tokio::time::sleep(GRACE).await;
            }
            fire();
        });
        let handle = task.abort_handle();
        Timer::new(move || handle.abort())
    }
}

/// Waits on a clock.
pub(crate) async fn sleep(clock: &dyn Clock, delay: Duration) {
    let (done, wait) = tokio::sync::oneshot::channel();
    let _timer = clock.schedule(
        delay,
        Box::new(move || {
            let _ = done.send(());
        }),
    );
    let _ = wait.await;
}

/// Runs a future under a limit on a clock; a limit of zero is none.
pub(crate) async fn within<F: Future>(
    clock: &dyn Clock,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    if limit.is_zero() {
        return Some(future.await);
    }
    tokio::select! {
        done = future => Some(done),
        () = sleep(clock, limit) => None,
    }
}
