//! One attempt to open a link: the token, the handshake, and what a refusal means.

use crate::clock::within;
use crate::errors::{Draft, Error};
use crate::opener::OpenRequest;
use crate::options::{Options, Token, TokenIn};
use crate::transport::{Handshake, Refusal, Security, Socket};
use crate::wire::codes::http_status;
use crate::wire::errors::Leaf;

/// Opens a socket within the limit of an attempt.
pub(super) async fn attempt(options: &Options) -> Result<Socket, Error> {
    let work = async {
        let token = token(options).await?;
        if let Some(token) = &token {
            options.check_token(token)?;
        }
        open(options, token).await.map_err(refused)
    };
    let done = match within(&*options.clock, options.limits.connect, work).await {
        Some(done) => done,
        None => Err(Draft::new("no answer in time").end(Leaf::ConnectFailed)),
    };
    done.map_err(|error| error.with(|draft| draft.place(&options.place)))
}

async fn token(options: &Options) -> Result<Option<String>, Error> {
    match &options.token {
        Token::None => Ok(None),
        Token::Static(token) => Ok(Some(token.to_string())),
        Token::Provider(provider) => provider().await.map(Some).map_err(|cause| {
            if let Some(own @ Error::Authentication(_)) = cause.downcast_ref::<Error>() {
                return own.clone();
            }
            Draft::new("the token provider failed")
                .source(cause)
                .end(Leaf::ConnectFailed)
        }),
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

fn refused(refusal: Refusal) -> Error {
    let row = refusal.status.and_then(http_status);
    let leaf = match row.is_some_and(|row| row.kind == "authentication") {
        true => Leaf::Authentication,
        false => Leaf::ConnectFailed,
    };
    Draft::refused(refusal.reason, refusal.retryable)
        .answer(
            refusal.status,
            refusal.retry_after,
            refusal.body,
            refusal.request_id,
        )
        .cause(refusal.source)
        .end(leaf)
}
