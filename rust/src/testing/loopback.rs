//! The server on a socket of this machine.

use std::sync::{Arc, Weak};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, http};

use super::links::{Link, accept};
use super::state::{Out, Shared};
use crate::opener::RefusedHandshake;

/// Takes links until the server is gone; every one has a task of its own.
pub(super) async fn serve(listener: TcpListener, shared: Weak<Shared>) {
    let mut links = tokio::task::JoinSet::new();
    loop {
        while links.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let Some(shared) = shared.upgrade() else {
            return;
        };
        links.spawn(link(stream, shared));
    }
}

#[allow(clippy::result_large_err)] // the library's own answer
async fn link(stream: TcpStream, shared: Arc<Shared>) {
    let mut link = None;
    let shake = |_: &Request, answer: Response| match accept(&shared) {
        Ok(opened) => {
            link = Some(opened);
            Ok(answer)
        }
        Err(why) => Err(refusal(why.downcast_ref::<RefusedHandshake>())),
    };
    let opened = tokio_tungstenite::accept_hdr_async(stream, shake).await;
    let (Ok(socket), Some(Link { number, mut out })) = (opened, link) else {
        return;
    };
    let (mut writer, mut reader) = socket.split();
    loop {
        tokio::select! {
            came = reader.next() => match came {
                Some(Ok(Message::Text(text))) => shared.lock().receive(number, Some(text.as_str())),
                Some(Ok(Message::Binary(_))) => shared.lock().receive(number, None),
                Some(Ok(Message::Close(_))) => {
                    shared.lock().part(number, 1000);
                    let _ = writer.close().await; // sends the answer to the close frame
                    return;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    shared.lock().part(number, 1006);
                    return;
                }
            },
            told = out.recv() => match told {
                Some(Out::Text(text)) => {
                    let sent = writer.send(Message::text(text.as_ref())).await;
                    if sent.is_err() {
                        shared.lock().part(number, 1006);
                        return;
                    }
                }
                Some(Out::End(1006)) | None => return,
                Some(Out::End(code)) => {
                    let frame = (code != 1005).then(|| CloseFrame {
                        code: CloseCode::from(code),
                        reason: "".into(),
                    });
                    let _ = writer.send(Message::Close(frame)).await; // the peer may be gone
                    let patience = std::time::Duration::from_secs(1);
                    let rest = async { while let Some(Ok(_)) = reader.next().await {} };
                    let _ = tokio::time::timeout(patience, rest).await; // for its close frame
                    return;
                }
            },
        }
    }
}

/// The answer to a handshake that is refused; 503 for a server that is closed.
fn refusal(refused: Option<&RefusedHandshake>) -> ErrorResponse {
    let mut answer = ErrorResponse::new(None);
    let status = refused.map_or(503, |it| it.status);
    *answer.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::SERVICE_UNAVAILABLE);
    for (name, value) in refused.into_iter().flat_map(|it| &it.headers) {
        let pair = (http::HeaderName::try_from(name), value.parse());
        if let (Ok(name), Ok(value)) = pair {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}
