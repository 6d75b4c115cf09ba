//! A turn as its waits share it: the items so far, and its end.

use std::future::poll_fn;
use std::ops::Deref;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use super::items::{Batch, Items, Taken};
use super::result::{Outcome, TurnResult, final_text};
use crate::errors::Error;
use crate::handlers::Handlers;
use crate::observer::Seen;
use crate::requests::Shown;
use crate::wire::events::Event;
use crate::wire::learned::{Fit, Pattern};
use crate::wire::steps::TurnState;

/// How a turn ended.
#[derive(Debug, Clone)]
pub(crate) enum Settled {
    Done(Box<TurnResult>),
    Failed(Error),
}

impl Settled {
    /// What an observer is told of it.
    pub(crate) fn seen(&self, id: &str) -> Seen {
        let (outcome, error) = match self {
            Self::Done(result) => (result.outcome.as_str(), None),
            Self::Failed(error) => ("failed", Some(error.clone())),
        };
        Seen::TurnSettled(id.to_owned(), outcome, error)
    }
}

/// What every iterator over a turn and every wait for its end looks at.
pub(crate) struct Cell {
    /// Host and port of the peer, for the texts of errors.
    pub(crate) place: Arc<str>,
    /// What answers its questions.
    pub(crate) handlers: Arc<Handlers>,
    /// The ids under which the message was sent again: because it came too early, and after a code.
    renewed: [OnceLock<String>; 2],
    state: Mutex<State>,
    /// The newest number that the turn had taken when it ended.
    last_seq: AtomicI64,
    /// Iterators and waits that keep the turn alive.
    interests: AtomicUsize,
}

#[derive(Default)]
struct State {
    items: Items,
    stage: Option<TurnState>,
    settled: Option<Settled>,
    /// Somebody saw the error.
    observed: bool,
    /// Somebody iterated the turn for its items.
    looked_at: bool,
    wakers: Vec<Waker>,
}

impl State {
    fn watch(&mut self, context: &Context<'_>) {
        if !self
            .wakers
            .iter()
            .any(|waker| waker.will_wake(context.waker()))
        {
            self.wakers.push(context.waker().clone());
        }
    }
}

impl Cell {
    pub(crate) fn new(place: Arc<str>, handlers: Arc<Handlers>) -> Self {
        Self {
            place,
            handlers,
            renewed: [const { OnceLock::new() }; 2],
            state: Mutex::default(),
            last_seq: AtomicI64::new(0),
            interests: AtomicUsize::new(0),
        }
    }

    pub(crate) fn enter(&self) {
        self.interests.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes an interest away; true when it was the last.
    pub(crate) fn leave(&self) -> bool {
        self.interests.fetch_sub(1, Ordering::SeqCst) == 1
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of the turn, which was `first` when it began.
    pub(crate) fn id<'a>(&'a self, first: &'a str) -> &'a str {
        let newest = self.renewed.iter().rev().find_map(OnceLock::get);
        newest.map_or(first, String::as_str)
    }

    /// The message is sent again under that id, and the text begins anew (REQ-ASK-11, REQ-TURN-32).
    pub(crate) fn renew(&self, id: &str) {
        if let Some(free) = self.renewed.iter().find(|it| it.get().is_none()) {
            let _ = free.set(id.to_owned());
        }
        self.lock().items.renew();
    }

    /// Somebody wants the items, not the text alone (REQ-ASK-10).
    pub(crate) fn look_at(&self) {
        self.lock().looked_at = true;
    }

    pub(crate) fn is_looked_at(&self) -> bool {
        self.lock().looked_at
    }

    /// Adds an item. Nobody is woken: that is done once for all that came together.
    pub(crate) fn push(&self, event: Event) {
        self.lock().items.push(event);
    }

    /// Shows where the turn stands.
    pub(crate) fn set(&self, stage: TurnState) {
        self.lock().stage = Some(stage);
    }

    pub(crate) fn state(&self) -> TurnState {
        let state = self.lock();
        match state.settled {
            Some(_) => TurnState::Settled,
            None => state.stage.unwrap_or(TurnState::Sent),
        }
    }

    /// The streamed text so far.
    pub(crate) fn partial_text(&self) -> String {
        self.lock().items.text().to_owned()
    }

    /// The text of the answer: what the terminal event says, else what was streamed.
    pub(crate) fn text_of(&self, terminal: &Event) -> String {
        final_text(terminal).unwrap_or_else(|| self.partial_text())
    }

    /// Settles the turn, once.
    pub(crate) fn settle(&self, settled: Settled) {
        self.lock().settled.get_or_insert(settled);
        self.wake();
    }

    /// The error that nobody has seen; asked for once.
    pub(crate) fn unseen_error(&self) -> Option<Error> {
        let mut state = self.lock();
        match &state.settled {
            Some(Settled::Failed(error)) if !state.observed => {
                let error = error.clone();
                state.observed = true;
                Some(error)
            }
            _ => None,
        }
    }

    /// The result of a settled turn that did not fail.
    pub(crate) fn settled(&self) -> Option<Settled> {
        self.lock().settled.clone()
    }

    /// A new iterator; [`end`](Self::end) takes it off.
    pub(crate) fn iterate(&self) -> u64 {
        self.lock().items.enter()
    }

    pub(crate) fn end(&self, reader: u64) {
        self.lock().items.leave(reader);
    }

    /// Takes what an iterator has not seen. Else the iteration is over: by nothing, by the error
    /// that it raises, or because the iterator was too slow.
    pub(crate) fn poll_items(
        &self,
        reader: u64,
        out: &mut Batch,
        context: &Context<'_>,
    ) -> Poll<Result<Taken, Error>> {
        let mut state = self.lock();
        match state.items.take(reader, out) {
            Taken::Nothing => {}
            taken => return Poll::Ready(Ok(taken)),
        }
        match state.settled.clone() {
            Some(Settled::Done(_)) => Poll::Ready(Ok(Taken::Nothing)),
            Some(Settled::Failed(error)) => {
                state.observed = true;
                Poll::Ready(Err(error))
            }
            None => {
                state.watch(context);
                Poll::Pending
            }
        }
    }

    /// The result.
    pub(crate) fn poll_result(&self, context: &Context<'_>) -> Poll<Result<TurnResult, Error>> {
        let mut state = self.lock();
        match state.settled.clone() {
            Some(Settled::Done(result)) => Poll::Ready(Ok(*result)),
            Some(Settled::Failed(error)) => {
                state.observed = true;
                Poll::Ready(Err(error))
            }
            None => {
                state.watch(context);
                Poll::Pending
            }
        }
    }

    /// Waits until the turn is over, for somebody who does not read it.
    pub(crate) async fn over(&self) {
        poll_fn(|context| {
            let mut state = self.lock();
            if state.settled.is_some() {
                return Poll::Ready(());
            }
            state.watch(context);
            Poll::Pending
        })
        .await;
    }

    /// Notes the newest number that the turn has taken.
    pub(crate) fn ends_at(&self, seq: i64) {
        self.last_seq.store(seq, Ordering::SeqCst);
    }

    pub(crate) fn last_seq(&self) -> i64 {
        self.last_seq.load(Ordering::SeqCst)
    }

    /// Whether a token was streamed, and the text of a completed answer.
    pub(crate) fn fallback_text(&self) -> Option<String> {
        match self.settled()? {
            Settled::Done(result)
                if result.outcome == Outcome::Completed && !result.text.is_empty() =>
            {
                Some(result.text)
            }
            _ => None,
        }
    }
}

impl Shown for Cell {
    fn extend<T: Deref<Target = str>>(
        &self,
        pattern: &Arc<Pattern>,
        frames: impl Iterator<Item = (T, Fit)>,
    ) {
        self.lock().items.extend(pattern, frames);
    }

    fn wake(&self) {
        let wakers = std::mem::take(&mut self.lock().wakers);
        wakers.into_iter().for_each(Waker::wake);
    }
}
