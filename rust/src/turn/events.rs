//! Reading a turn: its events one by one, and its text.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;

use super::handle::Interest;
use super::items::{Batch, Taken};
use super::text::Pieces;
use crate::errors::{Draft, Error};
use crate::wire::errors::Leaf;
use crate::wire::events::Event;

/// One iteration over the events of a turn.
///
/// A reader that is far behind gets neighbouring `stream_token` events as one
/// ([`StreamToken::merged`](crate::event::StreamToken::merged) says how many); one that is too far
/// behind for that ends with [`Error::SlowConsumer`], alone (REQ-TURN-02, REQ-TURN-15).
pub struct TurnEvents {
    reader: u64,
    batch: Batch,
    ended: bool,
    /// Whether the items are wanted, and not the text alone.
    looks: bool,
    session_id: Arc<str>,
    interest: Interest,
}

impl TurnEvents {
    pub(super) fn new(interest: Interest, session_id: Arc<str>) -> Self {
        Self {
            reader: interest.cell.iterate(),
            batch: Batch::default(),
            ended: false,
            looks: true,
            session_id,
            interest,
        }
    }

    /// The next event; see [`Turn::next`](crate::Turn::next).
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn too_slow(&self) -> Error {
        Draft::default()
            .request(self.interest.id())
            .session(&self.session_id)
            .end(Leaf::SlowConsumer)
    }
}

impl Stream for TurnEvents {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(event) = self.batch.next() {
            return Poll::Ready(Some(Ok(event)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        if std::mem::take(&mut this.looks) {
            this.interest.cell.look_at();
        }
        let cell = &this.interest.cell;
        let taken = match cell.poll_items(this.reader, &mut this.batch, context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(taken) => taken,
        };
        let last = match taken {
            Ok(Taken::Some) => return Poll::Ready(this.batch.next().map(Ok)),
            Ok(Taken::Nothing) => None,
            Ok(Taken::TooSlow) => Some(Err(this.too_slow())),
            Err(error) => Some(Err(error)),
        };
        this.ended = true;
        Poll::Ready(last)
    }
}

impl Drop for TurnEvents {
    fn drop(&mut self) {
        self.interest.cell.end(self.reader);
    }
}

impl fmt::Debug for TurnEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnEvents")
            .field("request_id", &self.interest.id())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// The text of a turn as it is streamed.
#[derive(Debug)]
pub struct TextStream {
    events: TurnEvents,
    pieces: Pieces,
    failed: Option<Error>,
    any: bool,
}

impl TextStream {
    pub(super) fn new(mut events: TurnEvents) -> Self {
        events.looks = false;
        Self {
            events,
            pieces: Pieces::default(),
            failed: None,
            any: false,
        }
    }

    /// The next piece of text.
    pub async fn next(&mut self) -> Option<Result<String, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for TextStream {
    type Item = Result<String, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            let item = match Pin::new(&mut self.events).poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(item) => item,
            };
            match item {
                Some(Ok(Event::StreamToken(token))) => {
                    self.any = true;
                    return Poll::Ready(Some(Ok(self.pieces.next(&token))));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    // What ends the turn comes behind the half that stayed alone.
                    let rest = self.pieces.rest();
                    if rest.is_some() {
                        self.failed = Some(error);
                        return Poll::Ready(rest.map(Ok));
                    }
                    return Poll::Ready(Some(Err(error)));
                }
                None if self.any => return Poll::Ready(self.pieces.rest().map(Ok)),
                None => {
                    self.any = true;
                    return Poll::Ready(self.events.interest.cell.fallback_text().map(Ok));
                }
            }
        }
    }
}
