//! The answer to the handshake, collected until it is whole: it may come in pieces of any size
//! (REQ-CONN-29), and the body of a refusal is worth reading (REQ-CONN-22).

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::wire::options::REFUSAL_BODY_BYTES;

/// Bytes of a head that are read; a longer one is left to the WebSocket library, which refuses it.
const MAX_HEAD: usize = 64 * 1024;
/// Bytes that a control frame may carry.
const MAX_CONTROL: usize = 125;
/// How long the body of a refusal is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What lies under a WebSocket.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The body of a refusal, once it was read.
pub(super) type Body = Arc<Mutex<Vec<u8>>>;

/// A stream that gives nothing of the answer out before it has all of it, and then is itself.
pub(crate) struct Answer {
    inner: Box<dyn Stream>,
    came: Vec<u8>,
    given: usize,
    whole: bool,
    body: Body,
    /// The newest bytes: a close frame is the last that a peer sends.
    tail: Vec<u8>,
    patience: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    pub(super) fn over(inner: Box<dyn Stream>, body: Body) -> Self {
        Self {
            inner,
            came: Vec::new(),
            given: 0,
            whole: false,
            body,
            tail: Vec::new(),
            patience: None,
        }
    }

    /// Code and reason of the close frame that the newest bytes end with. The WebSocket library
    /// takes 1014, a code registered since RFC 6455, for a violation and hides it.
    pub(super) fn close_frame(&self) -> Option<(u16, &str)> {
        let size = self.tail.len();
        (2..=MAX_CONTROL).find_map(|length| {
            let start = size.checked_sub(length + 2)?;
            let frame = &self.tail[start..];
            let is_close = frame[0] == 0x88 && usize::from(frame[1]) == length;
            let reason = std::str::from_utf8(&frame[4..]).ok()?;
            is_close.then_some((u16::from_be_bytes([frame[2], frame[3]]), reason))
        })
    }

    fn remember(&mut self, bytes: &[u8]) {
        let newest = &bytes[bytes.len().saturating_sub(MAX_CONTROL + 2)..];
        self.tail.extend_from_slice(newest);
        let old = self.tail.len().saturating_sub(MAX_CONTROL + 2);
        self.tail.drain(..old);
    }

    /// Reads on until the answer is whole, or nothing more comes.
    fn poll_whole(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.whole {
            let head = self
                .came
                .windows(4)
                .position(|it| it == b"\r\n\r\n")
                .map(|at| at + 4);
            if let Some(head) = head
                && (is_accepted(&self.came) || self.is_body_whole(head, context))
            {
                self.keep_body(head);
                break;
            }
            let mut piece = [0_u8; 4096];
            let mut buffer = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer))?;
            let ended = buffer.filled().is_empty();
            self.came.extend_from_slice(buffer.filled());
            if ended || (head.is_none() && self.came.len() > MAX_HEAD) {
                self.keep_body(head.unwrap_or(self.came.len()));
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn is_body_whole(&mut self, head: usize, context: &mut Context<'_>) -> bool {
        let due = length(&self.came[..head])
            .unwrap_or(REFUSAL_BODY_BYTES)
            .min(REFUSAL_BODY_BYTES);
        if self.came.len() >= head + due {
            return true;
        }
        let sleep = || Box::pin(tokio::time::sleep(PATIENCE));
        let patience = self.patience.get_or_insert_with(sleep);
        patience.as_mut().poll(context).is_ready()
    }

    fn keep_body(&mut self, head: usize) {
        self.whole = true;
        self.patience = None;
        if !is_accepted(&self.came) {
            let body = &self.came[head.min(self.came.len())..];
            let body = match is_chunked(&self.came[..head]) {
                true => unchunked(body),
                false => body.to_vec(),
            };
            let kept = body.into_iter().take(REFUSAL_BODY_BYTES).collect();
            *self.body.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
    }
}

fn is_accepted(head: &[u8]) -> bool {
    head.get(8..12) == Some(b" 101")
}

/// The value of a header in a head.
fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let head = std::str::from_utf8(head).ok()?;
    head.split("\r\n").find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim())
    })
}

fn length(head: &[u8]) -> Option<usize> {
    header(head, "content-length")?.parse().ok()
}

fn is_chunked(head: &[u8]) -> bool {
    header(head, "transfer-encoding").is_some_and(|it| it.to_ascii_lowercase().contains("chunked"))
}

/// A body without the sizes of its chunks.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = body.windows(2).position(|it| it == b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).unwrap_or_default();
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).unwrap_or_default();
        let chunk = &body[end + 2..];
        out.extend_from_slice(&chunk[..size.min(chunk.len())]);
        if size == 0 || chunk.len() < size + 2 {
            break;
        }
        body = &chunk[size + 2..];
    }
    out
}

impl AsyncRead for Answer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_whole(context))?;
        let before = buffer.filled().len();
        if self.given < self.came.len() {
            let rest = &self.came[self.given..];
            let size = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..size]);
            self.given += size;
            if self.given == self.came.len() {
                (self.came, self.given) = (Vec::new(), 0);
            }
        } else {
            ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        }
        self.remember(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Answer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::unchunked;

    #[test]
    fn req_conn_22_the_sizes_of_chunks_are_no_part_of_a_body() {
        assert_eq!(unchunked(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), b"abcde");
        assert_eq!(unchunked(b"5\r\nab"), b"ab");
        assert_eq!(unchunked(b"zz\r\nab"), b"");
    }
}
