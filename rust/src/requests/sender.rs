//! What the rooms that decide ask of the outside while the books are open: frames, timers, records.
//! Nothing of it calls back or waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::{Key, Tick};
use crate::clock::Timer;
use crate::connection::{End, Outgoing, Supervisor};
use crate::errors::Error;
use crate::listeners::Dispatcher;
use crate::observer::Seen;
use crate::options::{Limits, Options};
use crate::wire::steps::ConnectionState;

/// Runs when a tick is due.
pub(super) type OnTick = Arc<dyn Fn(&Key, &Tick) + Send + Sync>;

/// The way out.
pub(crate) struct Sender<'a> {
    pub(super) options: &'a Options,
    pub(super) dispatcher: &'a Arc<Dispatcher>,
    pub(super) on_tick: &'a OnTick,
    pub(super) link: &'a mut Supervisor,
    /// The time, while frames that came together are handed out: they came at once.
    pub(super) now: Option<Duration>,
}

impl Sender<'_> {
    pub(crate) fn now(&self) -> Duration {
        self.now.unwrap_or_else(|| self.options.clock.now())
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Runs a tick later; never for a limit that is off.
    pub(crate) fn arm(&self, delay: Duration, key: &Key, tick: Tick) -> Timer {
        let (on_tick, key) = (Arc::clone(self.on_tick), key.clone());
        let _runtime = self.link.runtime().map(Handle::enter);
        self.options
            .clock
            .schedule(delay, Box::new(move || on_tick(&key, &tick)))
    }

    /// Runs something beside the link; none where there is no runtime.
    pub(crate) fn beside(
        &mut self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Option<AbortHandle> {
        self.link.beside(work)
    }

    /// The id of a message that the client sends again on its own (REQ-ASK-11).
    pub(crate) fn draw_id(&self) -> Result<String, Error> {
        self.options.draw_id()
    }

    /// Makes sure that a frame can be queued (REQ-CONN-09, REQ-CONN-40).
    pub(crate) fn ready(&mut self) -> Result<(), Error> {
        self.link.ready()
    }

    /// Whether a link is sought: what waits for one goes on waiting.
    pub(crate) fn is_sought(&self) -> bool {
        self.link.is_sought()
    }

    /// Whether a frame that is written now leaves at once.
    pub(crate) fn is_linked(&self) -> bool {
        self.link.state() == ConnectionState::Open
    }

    /// How the link ended that was lost last.
    pub(crate) fn loss(&self) -> Option<&End> {
        self.link.loss()
    }

    /// The next number of the random source.
    pub(crate) fn draw(&self) -> f64 {
        self.options.draw()
    }

    /// A suspended turn goes on (REQ-LOG-03).
    pub(crate) fn resumed(&self) {
        self.link.resumed();
    }

    /// Queues a frame that may have to be written once more.
    pub(crate) fn send_kept(
        &mut self,
        action: &'static str,
        id: &str,
        text: String,
    ) -> Arc<Outgoing> {
        let frame = Outgoing::new(action, Some(id), text).keeping();
        self.put(Arc::new(frame))
    }

    /// Queues a frame as it is.
    pub(crate) fn put(&mut self, frame: Arc<Outgoing>) -> Arc<Outgoing> {
        self.link.submit(Arc::clone(&frame));
        frame
    }

    /// Queues a frame.
    pub(crate) fn send(&mut self, action: &'static str, id: &str, text: String) -> Arc<Outgoing> {
        let frame = Arc::new(Outgoing::new(action, Some(id), text));
        self.link.submit(Arc::clone(&frame));
        frame
    }

    /// Tells the observer, where there is one.
    pub(crate) fn seen(&self, what: impl FnOnce() -> Seen) {
        self.dispatcher.seen(what);
    }

    /// Logs something at warning.
    pub(crate) fn warn(&self, message: String, request_id: Option<&str>) {
        self.dispatcher.warn(message, request_id);
    }
}
