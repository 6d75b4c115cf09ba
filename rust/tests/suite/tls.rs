//! `wss:` with a certificate authority that is made for the test and thrown away.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use smooth_operator::{ErrorKind, SmoothAgentClient};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::peer::{Link, Peer, soon};

/// The PEM of an authority, and a server that has a certificate of it.
fn authority() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).expect("good parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .expect("good parameters")
        .signed_by(&key, &issuer)
        .expect("a certificate");
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private)
        .expect("a server");
    (issuer.pem(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn req_conn_13_wss_works_with_an_added_root() {
    let (root, acceptor) = authority();
    let peer = Peer::start().await;
    let client = SmoothAgentClient::builder(peer.url.replace("ws://", "wss://"))
        .add_root_certificates(root)
        .build()
        .expect("good options");
    let serve = async {
        let stream = soon(acceptor.accept(peer.tcp().await)).await.expect("TLS");
        Link::over(stream).await
    };
    let (done, mut link) = tokio::join!(client.connect(), serve);
    done.expect("connected");
    link.fence(&client).await;
    let (code, ()) = tokio::join!(link.closed(), client.close());
    assert_eq!(code, 1000);
}

#[tokio::test]
async fn req_conn_12_an_untrusted_certificate_is_connect_failed() {
    let (_, acceptor) = authority();
    let peer = Peer::start().await;
    let client = SmoothAgentClient::new(peer.url.replace("ws://", "wss://")).expect("good options");
    let serve = async { drop(soon(acceptor.accept(peer.tcp().await)).await) };
    let (error, ()) = tokio::join!(client.connect(), serve);
    assert_eq!(
        error.expect_err("untrusted").kind(),
        ErrorKind::ConnectFailed
    );
}
