//! One attempt to open a link: the token, the address, the socket.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use super::failure::Failure;
use crate::clock::within;
use crate::errors::{Draft, Error};
use crate::opener::OpenRequest;
use crate::options::{Options, Token, TokenIn, TokenReason, TokenRequest};
use crate::transport::{Handshake, Refusal, Security, Socket};
use crate::wire::errors::Leaf;

/// Opens a socket within the limit of an attempt, when the socket before it is gone.
pub(super) async fn attempt(
    options: &Options,
    reason: TokenReason,
    before: impl Future<Output = ()>,
) -> Result<Socket, Failure> {
    let work = async {
        before.await;
        let token = token(options, reason).await?;
        if let Some(token) = &token {
            options.check_token(token).map_err(Failure::last)?;
        }
        open(options, token).await.map_err(Failure::refused)
    };
    let work = AssertUnwindSafe(work).catch_unwind();
    let done = match within(&*options.clock, options.limits.connect, work).await {
        Some(Ok(done)) => done,
        Some(Err(_)) => {
            let broken = Draft::new("the attempt panicked").end(Leaf::ConnectFailed);
            Err(Failure::passing(broken))
        }
        None => {
            let late = Draft::new("no answer in time").end(Leaf::ConnectFailed);
            Err(Failure::passing(late))
        }
    };
    done.map_err(|failure| failure.with(|draft| draft.place(&options.place)))
}

async fn token(options: &Options, reason: TokenReason) -> Result<Option<String>, Failure> {
    match &options.token {
        Token::None => Ok(None),
        Token::Static(token) => Ok(Some(token.to_string())),
        Token::Provider(provider) => {
            let given = provider(TokenRequest { reason }).await;
            given.map(Some).map_err(|cause| {
                if let Some(own @ Error::Authentication(_)) = cause.downcast_ref::<Error>() {
                    return Failure::last(own.clone());
                }
                let failed = Draft::new("the token provider failed").source(cause);
                Failure::passing(failed.end(Leaf::ConnectFailed))
            })
        }
    }
}

/// Opens the socket: by the application's opener where there is one.
async fn open(options: &Options, token: Option<String>) -> Result<Socket, Refusal> {
    let mut headers = options.headers.clone();
    let mut in_query = token.as_deref();
    if options.token_in == TokenIn::Header {
        in_query = None;
        if let Some(token) = &token {
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
    }
    let (url, max_message_bytes) = (options.target.uri(in_query), options.limits.message_bytes);
    if let Some(open) = &options.opener {
        let request = OpenRequest {
            url,
            headers,
            max_message_bytes,
        };
        let socket = open(request).await.map_err(Refusal::of_opener)?;
        return Ok(Socket::given(socket, max_message_bytes));
    }
    #[cfg(feature = "rustls")]
    let security = Security::of(&options.target, &options.roots)?;
    #[cfg(not(feature = "rustls"))]
    let security = Security::none();
    let handshake = Handshake {
        uri: url,
        headers,
        max_message_bytes,
        security,
    };
    Socket::open(&options.target, handshake).await
}
