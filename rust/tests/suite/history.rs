//! Pages of stored messages.

use serde_json::{Value, json};
use smooth_operator::ErrorKind;

use crate::peer::{Link, SESSION, client, soon};

fn message(id: &str) -> Value {
    json!({"id": id, "direction": "outbound", "content": {"text": id}, "createdAt": "2026-01-01T00:00:00Z", "later": true})
}

async fn page(link: &mut Link<tokio::net::TcpStream>, data: Value) -> Value {
    let action = link.action().await;
    link.tell(json!({"type": "immediate_response", "requestId": action["requestId"], "status": 200, "data": data})).await;
    action
}

async fn conversation() -> (
    smooth_operator::Conversation,
    smooth_operator::SmoothAgentClient,
    Link<tokio::net::TcpStream>,
) {
    let (client, mut link) = client().await;
    let known = client.resume_session(SESSION);
    let (chat, _) = tokio::join!(
        async move { known.await },
        page(
            &mut link,
            json!({"sessionId": SESSION, "conversationId": "c"})
        )
    );
    (chat.expect("resumed"), client, link)
}

#[tokio::test]
async fn req_hist_01_pages_come_one_at_a_time_and_only_when_needed() {
    let (chat, client, mut link) = conversation().await;
    let mut messages = chat.messages().limit(2);
    link.fence(&client).await; // nothing is asked for before the first message is
    let (first, action) = tokio::join!(
        messages.next(),
        page(
            &mut link,
            json!({"messages": [message("a"), message("b")], "hasMore": true, "nextCursor": "n"})
        )
    );
    assert_eq!((&action["limit"], action.get("cursor")), (&json!(2), None));
    let first = first.expect("a message").expect("good");
    assert_eq!(
        (first.id.as_str(), first.extra["later"].get()),
        ("a", "true")
    );
    assert_eq!(
        soon(messages.next())
            .await
            .expect("a message")
            .expect("good")
            .id,
        "b"
    );
    link.fence(&client).await;
    let (third, action) = tokio::join!(
        messages.next(),
        page(
            &mut link,
            json!({"messages": [message("c")], "hasMore": false, "nextCursor": "x"})
        )
    );
    assert_eq!(action["cursor"], "n");
    assert_eq!(third.expect("a message").expect("good").id, "c");
    assert!(soon(messages.next()).await.is_none());
    link.fence(&client).await;
}

#[tokio::test]
async fn req_hist_02_a_cursor_that_repeats_ends_the_iteration() {
    let (chat, _client, mut link) = conversation().await;
    let mut messages = chat.messages();
    let again = json!({"messages": [message("a")], "hasMore": true, "nextCursor": "same"});
    let (first, action) = tokio::join!(messages.next(), page(&mut link, again.clone()));
    assert!(action.get("limit").is_none());
    first.expect("a message").expect("good");
    let (second, _) = tokio::join!(messages.next(), page(&mut link, again));
    second
        .expect("a message")
        .expect("of the page whose cursor repeats");
    let error = soon(messages.next()).await.expect("raised");
    let error = error.expect_err("a loop");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEvent);
    assert!(soon(messages.next()).await.is_none());
}
