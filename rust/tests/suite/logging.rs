//! What a logger is told, and what never.

use smooth_operator::Level;

use crate::peer::{Heard, Peer};

async fn records(payloads: bool) -> Vec<(Level, String, Option<String>)> {
    let peer = Peer::start().await;
    let log = Heard::default();
    let written = log.clone();
    let builder = peer
        .builder()
        .token("secret-token")
        .header("x-key", "secret-header")
        .log_payloads(payloads)
        .logger(move |record| {
            written.push((record.level, record.message.clone(), record.payload.clone()))
        });
    let (client, mut link) = peer.connected(builder).await;
    let (turn, id) = link.turn(&client).await;
    link.ask(
        &id,
        "otp_sent",
        serde_json::json!({"channel": "email", "maskedDestination": "a***"}),
    )
    .await;
    link.fence(&client).await;
    drop(turn.verify_otp("secret-code"));
    link.action().await;
    link.finish(&id, "done").await;
    let (_, ()) = tokio::join!(link.closed(), client.close());
    log.all()
}

#[tokio::test]
async fn req_log_01_payloads_are_logged_only_when_asked_for_and_secrets_never() {
    let quiet = records(false).await;
    assert!(quiet.iter().all(|(_, _, payload)| payload.is_none()));
    assert!(
        quiet
            .iter()
            .any(|(level, text, _)| *level == Level::Info && text.contains("connecting -> open"))
    );
    assert!(
        quiet
            .iter()
            .any(|(level, text, _)| *level == Level::Debug && text.starts_with("out send_message"))
    );
    let loud = records(true).await;
    assert!(
        loud.iter()
            .any(|(_, _, payload)| payload.as_ref().is_some_and(|it| it.contains("hello")))
    );
    assert!(
        !format!("{quiet:?} {loud:?}").contains("secret"),
        "{loud:?}"
    );
}
