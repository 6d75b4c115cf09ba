//! The stored messages of a conversation as one iteration over its pages.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;

use super::Front;
use crate::errors::{Draft, Error};
use crate::wire::actions::GetConversationMessages;
use crate::wire::errors::Leaf;
use crate::wire::types::{ConversationMessage, MessagePage};

type Fetch = Pin<Box<dyn Future<Output = Result<MessagePage, Error>> + Send>>;

/// Stored messages, newest first. Asks for a page when the one before is used up, and for one at
/// a time.
#[must_use = "streams do nothing unless polled"]
pub struct Messages {
    client: Arc<dyn Front>,
    session_id: String,
    limit: Option<i64>,
    page: VecDeque<ConversationMessage>,
    next: Next,
    seen: HashSet<String>,
}

/// Where the next message comes from when the page is used up.
enum Next {
    /// From the page after this cursor, or the newest page.
    Page(Option<String>),
    /// From the page that is asked for.
    Fetching(Fetch),
    /// From a page that was read before.
    Repeated,
    /// From nowhere.
    End,
}

impl Messages {
    pub(crate) fn new(client: Arc<dyn Front>, session_id: String) -> Self {
        Self {
            client,
            session_id,
            limit: None,
            page: VecDeque::new(),
            next: Next::Page(None),
            seen: HashSet::new(),
        }
    }

    /// Messages on a page. Default: the server's.
    pub fn limit(mut self, messages: i64) -> Self {
        self.limit = Some(messages);
        self
    }

    /// The next message; none after the oldest.
    pub async fn next(&mut self) -> Option<Result<ConversationMessage, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn fetch(&self, cursor: Option<String>) -> Fetch {
        let mut action = GetConversationMessages::new(&self.session_id);
        action.limit = self.limit;
        action.cursor = cursor;
        Box::pin(self.client.page(action))
    }

    /// Takes a page; a cursor that repeats is an error after its messages (REQ-HIST-02).
    fn turn_page(&mut self, page: MessagePage) {
        self.page = page.messages.into();
        self.next = match page.next_cursor.value() {
            Some(cursor) if page.has_more && !cursor.is_empty() => {
                if self.seen.insert(cursor.clone()) {
                    Next::Page(Some(cursor))
                } else {
                    Next::Repeated
                }
            }
            _ => Next::End,
        };
    }

    fn repeated() -> Error {
        Draft::new("a page cursor repeated").end(Leaf::UnexpectedEvent)
    }
}

impl Stream for Messages {
    type Item = Result<ConversationMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(message) = self.page.pop_front() {
                return Poll::Ready(Some(Ok(message)));
            }
            match &mut self.next {
                Next::End => return Poll::Ready(None),
                Next::Repeated => {
                    self.next = Next::End;
                    return Poll::Ready(Some(Err(Self::repeated())));
                }
                Next::Page(cursor) => {
                    let cursor = cursor.take();
                    self.next = Next::Fetching(self.fetch(cursor));
                }
                Next::Fetching(fetch) => {
                    let page = ready!(fetch.as_mut().poll(context));
                    self.next = Next::End;
                    match page {
                        Ok(page) => self.turn_page(page),
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages")
            .field("session_id", &self.session_id)
            .finish_non_exhaustive()
    }
}
