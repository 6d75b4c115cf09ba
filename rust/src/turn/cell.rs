//! What a turn has seen so far, shared by every iterator over it and every wait for its end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::result::{Outcome, TurnResult, final_text};
use crate::errors::Error;
use crate::wire::events::Event;
use crate::wire::machine::TurnState;

/// How a turn ended.
#[derive(Debug, Clone)]
pub(crate) enum Settled {
    Done(Box<TurnResult>),
    Failed(Error),
}

/// The items of a turn in wire order, its streamed text and its end.
#[derive(Default)]
pub(crate) struct Cell {
    state: Mutex<State>,
    /// Iterators and waits that keep the turn alive.
    interests: AtomicUsize,
}

#[derive(Default)]
struct State {
    items: Vec<Event>,
    streamed: String,
    running: bool,
    settled: Option<Settled>,
    /// Somebody saw the error.
    observed: bool,
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

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn push(&self, event: Event) {
        self.change(|state| {
            if let Event::StreamToken(token) = &event {
                state.streamed.push_str(token.token());
            }
            state.items.push(event);
        });
    }

    pub(crate) fn set_running(&self) {
        self.lock().running = true;
    }

    pub(crate) fn state(&self) -> TurnState {
        let state = self.lock();
        match (&state.settled, state.running) {
            (Some(_), _) => TurnState::Settled,
            (None, true) => TurnState::Running,
            (None, false) => TurnState::Sent,
        }
    }

    /// The streamed text so far.
    pub(crate) fn partial_text(&self) -> String {
        self.lock().streamed.clone()
    }

    /// The text of the answer: what the terminal event says, else what was streamed.
    pub(crate) fn text_of(&self, terminal: &Event) -> String {
        final_text(terminal).unwrap_or_else(|| self.partial_text())
    }

    /// Settles the turn, once.
    pub(crate) fn settle(&self, settled: Settled) {
        self.change(|state| {
            state.settled.get_or_insert(settled);
        });
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

    /// The item at `index`, or the end of the iteration: nothing, or the error that it raises.
    pub(crate) fn poll_item(
        &self,
        index: usize,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Event>, Error>> {
        let mut state = self.lock();
        if let Some(event) = state.items.get(index) {
            return Poll::Ready(Ok(Some(event.clone())));
        }
        match state.settled.clone() {
            Some(Settled::Done(_)) => Poll::Ready(Ok(None)),
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
