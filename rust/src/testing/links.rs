//! Links without a network.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{Sink, Stream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::state::{Out, Shared};
use crate::opener::{Message, RefusedHandshake};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A link as its reader has it.
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) out: UnboundedReceiver<Out>,
}

/// Opens a link, or says what its handshake is refused with.
pub(super) fn accept(shared: &Shared) -> Result<Link, Cause> {
    let mut world = shared.lock();
    if world.closed {
        return Err("the fake server is closed".into());
    }
    if let Some((status, headers)) = world.refusals.pop_front() {
        return Err(Box::new(
            headers
                .into_iter()
                .fold(RefusedHandshake::new(status), |it, (name, value)| {
                    it.header(name, value)
                }),
        ));
    }
    world.opened += 1;
    let number = world.opened;
    let (to, out) = unbounded_channel();
    world.links.insert(number, to);
    world.greet(number);
    Ok(Link { number, out })
}

/// The client's end of a link in memory.
pub(super) struct Pipe {
    shared: Arc<Shared>,
    link: Link,
    ended: bool,
}

impl Pipe {
    pub(super) fn open(shared: &Arc<Shared>) -> Result<Self, Cause> {
        Ok(Self {
            shared: Arc::clone(shared),
            link: accept(shared)?,
            ended: false,
        })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.shared.lock().part(self.link.number, 1006);
    }
}

impl Stream for Pipe {
    type Item = Result<Message, Cause>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let out = std::task::ready!(self.link.out.poll_recv(context));
        Poll::Ready(match out {
            Some(Out::Text(text)) => Some(Ok(Message::Text(text.as_ref().to_owned()))),
            Some(Out::End(code)) if code != 1006 => {
                self.ended = true;
                let code = Some(code).filter(|code| *code != 1005);
                Some(Ok(Message::Close(code, String::new())))
            }
            _ => {
                self.ended = true;
                Some(Err(Box::new(io::Error::from(io::ErrorKind::UnexpectedEof))))
            }
        })
    }
}

impl Sink<Message> for Pipe {
    type Error = Cause;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Cause> {
        let mut world = self.shared.lock();
        match message {
            Message::Text(text) => world.receive(self.link.number, Some(&text)),
            Message::Binary => world.receive(self.link.number, None),
            Message::Close(code, _) => world.part(self.link.number, code.unwrap_or(1005)),
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        self.shared.lock().part(self.link.number, 1000);
        Poll::Ready(Ok(()))
    }
}
