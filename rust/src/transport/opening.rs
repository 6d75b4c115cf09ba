//! Opening a socket: TCP, TLS where it is due, the handshake, and what a refusal says.

use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::http::{self, HeaderMap, HeaderName, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::answer::{Answer, Body, Stream};
use super::dial::dial;
use super::end::End;
use super::{Socket, http_date};
use crate::opener::RefusedHandshake;
use crate::options::url::Target;
use crate::wire::codes::{Again, http_status};
use crate::wire::options::BUFFERED_BYTES;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What one attempt sends along with its request.
pub(crate) struct Handshake {
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) max_message_bytes: usize,
    pub(crate) security: Security,
}

/// How the socket is secured.
pub(crate) struct Security {
    #[cfg(feature = "rustls")]
    tls: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl Security {
    /// By TLS where the target asks for it.
    #[cfg(feature = "rustls")]
    pub(crate) fn of(
        target: &Target,
        roots: &crate::options::roots::Roots,
    ) -> Result<Self, Refusal> {
        if !target.tls {
            return Ok(Self { tls: None });
        }
        let config = roots
            .config()
            .map_err(|cause| Refusal::failed("TLS could not be set up", cause))?;
        Ok(Self { tls: Some(config) })
    }

    #[cfg(not(feature = "rustls"))]
    pub(crate) fn none() -> Self {
        Self {}
    }

    #[cfg(not(feature = "rustls"))]
    async fn secure(self, _: &Target, tcp: Box<dyn Stream>) -> Result<Box<dyn Stream>, Refusal> {
        Ok(tcp)
    }

    #[cfg(feature = "rustls")]
    async fn secure(
        self,
        target: &Target,
        tcp: Box<dyn Stream>,
    ) -> Result<Box<dyn Stream>, Refusal> {
        use rustls::pki_types::ServerName;
        let Some(config) = self.tls else {
            return Ok(tcp);
        };
        let name = ServerName::try_from(target.host.clone())
            .map_err(|cause| Refusal::failed("the host has no name that TLS can check", cause))?;
        match tokio_rustls::TlsConnector::from(config)
            .connect(name, tcp)
            .await
        {
            Ok(stream) => Ok(Box::new(stream)),
            Err(cause) => {
                let inner = cause
                    .get_ref()
                    .and_then(|it| it.downcast_ref::<rustls::Error>());
                let untrusted = matches!(inner, Some(rustls::Error::InvalidCertificate(_)));
                let mut refusal = Refusal::failed(format!("TLS: {cause}"), cause);
                refusal.retryable = Some(!untrusted);
                Err(refusal)
            }
        }
    }
}

/// Why no link came about.
#[derive(Default)]
pub(crate) struct Refusal {
    /// What the system says, without the URL; empty where the status says it.
    pub(crate) reason: String,
    pub(crate) source: Option<Source>,
    /// Whether another attempt may succeed; none = as the kind of the error says.
    pub(crate) retryable: Option<bool>,
    /// HTTP status of the answer, where there was one.
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) request_id: Option<String>,
    pub(crate) body: Option<String>,
}

impl Refusal {
    fn failed(reason: impl Into<String>, cause: impl Into<Source>) -> Self {
        Self {
            reason: reason.into(),
            source: Some(cause.into()),
            ..Self::default()
        }
    }

    /// The application's own opener failed; what its error says may hold a secret.
    pub(crate) fn of_opener(cause: Source) -> Self {
        let Some(refused) = cause.downcast_ref::<RefusedHandshake>() else {
            return Self::failed("the opener failed", cause);
        };
        let pairs = refused.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, value.parse().ok()?))
        });
        Self::answered(refused.status, &pairs.collect(), &[])
    }

    fn of(error: WsError, body: &Body) -> Self {
        match error {
            WsError::Http(answer) => {
                let body = body.lock().unwrap_or_else(PoisonError::into_inner);
                Self::answered(answer.status().as_u16(), answer.headers(), &body)
            }
            WsError::Io(cause) => Self::failed(cause.to_string(), cause),
            WsError::Protocol(cause) => Self::failed(cause.to_string(), cause),
            _ => Self {
                reason: "the handshake failed".to_owned(),
                ..Self::default()
            },
        }
    }

    /// A refusal by HTTP (REQ-CONN-22, REQ-CONN-23).
    fn answered(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
        Self {
            status: Some(status),
            retryable: http_status(status).map(|row| row.retry == Again::Yes),
            retry_after: text("retry-after").and_then(retry_after),
            request_id: text("x-request-id").map(str::to_owned),
            body: (!body.is_empty()).then(|| String::from_utf8_lossy(body).into_owned()),
            ..Self::default()
        }
    }
}

/// How long to wait: seconds, or a date.
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let until = http_date::parse(value.trim())?;
    Some(until.duration_since(SystemTime::now()).unwrap_or_default())
}

impl Socket {
    /// Opens a TCP connection and shakes hands. Redirects are not followed, no extension is
    /// offered and none is taken (REQ-CONN-12, REQ-CONN-14, REQ-WIRE-15).
    pub(crate) async fn open(target: &Target, handshake: Handshake) -> Result<Self, Refusal> {
        let uri: Uri = handshake
            .uri
            .parse()
            .map_err(|_| Refusal::failed("the URL is not valid", "bad URL"))?;
        let tcp = dial(&target.host, target.port)
            .await
            .map_err(|cause| Refusal::failed(cause.to_string(), cause))?;
        let stream = handshake.security.secure(target, Box::new(tcp)).await?;
        let request = handshake
            .headers
            .into_iter()
            .fold(ClientRequestBuilder::new(uri), |request, (name, value)| {
                request.with_header(name, value)
            });
        let limit = Some(handshake.max_message_bytes);
        let config = WebSocketConfig::default()
            .max_message_size(limit)
            .max_frame_size(limit)
            .max_write_buffer_size(BUFFERED_BYTES);
        let body = Body::default();
        let answer = Answer::over(stream, Body::clone(&body));
        let opened = tokio_tungstenite::client_async_with_config(request, answer, Some(config));
        let (ws, answer) = opened.await.map_err(|error| Refusal::of(error, &body))?;
        let mut socket = Self::new(End::Library(Box::new(ws)));
        if answer
            .headers()
            .contains_key(http::header::SEC_WEBSOCKET_EXTENSIONS)
        {
            socket.end.close(1002).await;
            return Err(Refusal {
                reason: "it uses an extension that nobody offered".to_owned(),
                retryable: Some(false),
                ..Refusal::default()
            });
        }
        Ok(socket)
    }
}
