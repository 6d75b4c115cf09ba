//! Calls that are asked on one link after the other, until what comes under their id has answered
//! them (REQ-RESUME-12).

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Key;
use super::calls::{Calls, Taken, Waiting};
use super::facts::Arrived;
use super::router::{InFlight, Router};
use crate::clock::Timer;
use crate::connection::Outgoing;
use crate::errors::{Draft, Error};
use crate::wire::events::Event;

/// What a frame is to an inquiry.
pub(crate) enum Heard {
    /// It goes nowhere.
    Nothing,
    /// It is the answer.
    Answer,
    /// The server asks to be asked again, after that time.
    Later(Duration),
}

/// Knows what the frames of an id answer. The lock of the books is held during all calls.
pub(crate) trait Listener: Send {
    /// A frame came. `draw`: the next number of the random source.
    fn heard(&mut self, arrived: &Arrived<'_>, draw: &dyn Fn() -> f64) -> Heard;
    /// The question is asked once more: what was heard before counts no longer.
    fn asked_again(&mut self);
}

/// What answers an inquiry: the event, or why none can come. Nothing at all where it was given up,
/// or where another call had the id.
pub(crate) type Told = oneshot::Receiver<Result<Event, Error>>;

/// What a new inquiry needs.
pub(crate) struct NewInquiry {
    pub(crate) action: &'static str,
    pub(crate) session_id: String,
    pub(crate) text: String,
    pub(crate) listener: Box<dyn Listener>,
}

/// Who has an id.
pub(crate) enum Inquired<T: InFlight, R> {
    /// A turn, and what was to be known of it.
    Turn(R),
    /// Another call; an inquiry tells what answers it.
    Call(Told),
    /// The new inquiry, which dropping the second one gives up.
    Asked(Told, Asking<T>),
}

/// Keeps an inquiry alive.
pub(crate) struct Asking<T: InFlight> {
    router: Arc<Router<T>>,
    key: Key,
}

impl<T: InFlight> Drop for Asking<T> {
    fn drop(&mut self) {
        self.router.abandon_call(&self.key);
    }
}

impl<T: InFlight> Router<T> {
    /// Begins an inquiry under an id, unless something is in flight under that.
    ///
    /// # Errors
    /// It cannot be asked now (REQ-CONN-09, REQ-CONN-40).
    pub(crate) fn inquire<R>(
        self: &Arc<Self>,
        id: &str,
        look: impl FnOnce(&T) -> R,
        new: impl FnOnce() -> NewInquiry,
    ) -> Result<Inquired<T, R>, Error> {
        let mut books = self.lock();
        if let Some(turn) = books.turn_ids.get(id).and_then(|it| books.turns.get(it)) {
            return Ok(Inquired::Turn(look(turn)));
        }
        if let Some(told) = books.calls.join(id) {
            return Ok(Inquired::Call(told));
        }
        let new = new();
        if let Err(error) = books.link.ready() {
            let place = &self.options.place;
            let about = |it: Draft| it.request(id).session(&new.session_id).place(place);
            return Err(error.with(about));
        }
        let key = Key {
            id: id.to_owned(),
            serial: books.draw(),
        };
        let frame = Arc::new(Outgoing::new(new.action, Some(id), new.text).keeping());
        books.link.submit(Arc::clone(&frame));
        let (told, answer) = oneshot::channel();
        let place = Arc::clone(&self.options.place);
        books.calls.start(Waiting {
            listener: Some(new.listener),
            others: vec![told],
            ..Waiting::new(key.clone(), Some(new.session_id), place, frame)
        });
        let router = Arc::clone(self);
        Ok(Inquired::Asked(answer, Asking { router, key }))
    }

    /// Ends after a while; never where that is zero.
    pub(crate) fn alarm(&self, delay: Duration) -> impl Future<Output = ()> + Send + use<T> {
        let (done, rings) = oneshot::channel::<()>();
        let timer = (!delay.is_zero()).then(|| {
            let runtime = self.lock().link.runtime().cloned();
            let _runtime = runtime.as_ref().map(Handle::enter);
            let ring = Box::new(move || drop(done));
            self.options.clock.schedule(delay, ring)
        });
        async move {
            match timer {
                Some(_timer) => drop(rings.await),
                None => std::future::pending().await,
            }
        }
    }

    /// An inquiry is asked again.
    pub(super) fn ask_again(&self, key: &Key) {
        let mut books = self.lock();
        if let Some(frame) = books.calls.ask_again(key) {
            books.link.submit(frame);
        }
    }
}

impl Calls {
    /// Hears what comes of the call that has an id, if any has it.
    fn join(&mut self, id: &str) -> Option<Told> {
        let call = self.waiting.get_mut(id)?;
        let (told, answer) = oneshot::channel();
        call.others.push(told);
        Some(answer)
    }

    /// Gives up the inquiry that has an id: its turn is taken up here.
    pub(super) fn displace(&mut self, id: &str) {
        let key = self.waiting.get(id).filter(|it| it.listener.is_some());
        if let Some(key) = key.map(|it| it.key.clone()) {
            self.abandon(&key);
        }
    }

    /// Hands a frame to the inquiry of its id; none where a call is no inquiry.
    pub(super) fn inquired(
        &mut self,
        id: &str,
        arrived: &Arrived<'_>,
        draw: &dyn Fn() -> f64,
    ) -> Option<Taken> {
        let call = self.waiting.get_mut(id)?;
        Some(match call.listener.as_mut()?.heard(arrived, draw) {
            Heard::Nothing => Taken::Done,
            Heard::Later(wait) => Taken::Later(call.key.clone(), wait),
            Heard::Answer => {
                self.answered(id, arrived.event.clone());
                Taken::Done
            }
        })
    }

    /// An inquiry waits before it is asked again.
    pub(super) fn pause(&mut self, key: &Key, timer: Timer) {
        if let Some(call) = self.waiting.get_mut(&key.id) {
            call.pause = Some(timer);
        }
    }

    fn ask_again(&mut self, key: &Key) -> Option<Arc<Outgoing>> {
        let call = self.waiting.get_mut(&key.id).filter(|it| it.key == *key)?;
        Some(call.ask_again())
    }
}

impl Waiting {
    /// The frame to be written once more.
    pub(super) fn ask_again(&mut self) -> Arc<Outgoing> {
        self.pause = None;
        if let Some(listener) = &mut self.listener {
            listener.asked_again();
        }
        self.frame = Arc::new(self.frame.again());
        Arc::clone(&self.frame)
    }
}
