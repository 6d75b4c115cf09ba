//! The modes without the client: frames that nobody parses, and an untyped loop.

use std::error::Error;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::Plan;
use crate::measure::Tally;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const LIMIT: usize = 16 * 1024 * 1024;
/// As long as the ids that the client draws: all modes read frames of one size.
const TURN: &str = "req-6f1c2a52-9d0b-4a51-8a3c-0c9d5b7e4f10";
const PING_AFTER: Duration = Duration::from_millis(50);

/// Reads one turn; with `parse` every frame becomes a tree and its token is looked at.
pub async fn run(plan: &Plan, parse: bool) -> Result<Tally, Box<dyn Error>> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(LIMIT))
        .max_frame_size(Some(LIMIT));
    let (mut socket, _) =
        tokio_tungstenite::connect_async_with_config(&plan.url, Some(config), true).await?;
    say(
        &mut socket,
        json!({"action": "create_conversation_session", "requestId": "c", "agentId": "bench"}),
    )
    .await?;
    let created: Value = serde_json::from_str(&text(&mut socket).await?)?;
    let session = &created["data"]["sessionId"];
    let mut tally = Tally::begin();
    say(&mut socket, json!({"action": "send_message", "requestId": TURN, "sessionId": session, "message": plan.events.to_string()})).await?;
    if parse {
        bare(&mut socket, plan, &mut tally).await?;
    } else {
        for seen in 0..plan.events + 2 {
            text(&mut socket).await?;
            if seen == 1 {
                tally.first_token();
            }
        }
        tally.events = plan.events;
    }
    Ok(tally)
}

async fn bare(socket: &mut Socket, plan: &Plan, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
    let mut ask: Option<Instant> = None;
    let mut asked: Option<Instant> = None;
    loop {
        let frame: Value = serde_json::from_str(&text(socket).await?)?;
        match frame["type"].as_str() {
            Some("stream_token") => {
                tally.events += 1;
                tally.chars += frame["token"].as_str().map_or(0, str::len) as u64;
                if tally.events == 1 {
                    tally.first_token();
                    ask = plan.ping.then(|| Instant::now() + PING_AFTER);
                }
            }
            Some("eventual_response") if ask.is_none() && asked.is_none() => return Ok(()),
            Some("eventual_response") => ask = ask.map(|_| Instant::now()),
            Some("pong") => {
                tally.ping = asked.take().map(|since| since.elapsed());
                if tally.events == plan.events {
                    return Ok(());
                }
            }
            _ => {}
        }
        if ask.is_some_and(|due| Instant::now() >= due) {
            (ask, asked) = (None, Some(Instant::now()));
            say(socket, json!({"action": "ping", "requestId": "p"})).await?;
        }
    }
}

async fn say(socket: &mut Socket, frame: Value) -> Result<(), Box<dyn Error>> {
    Ok(socket.send(Message::text(frame.to_string())).await?)
}

async fn text(socket: &mut Socket) -> Result<Utf8Bytes, Box<dyn Error>> {
    loop {
        match socket.next().await.ok_or("the socket ended")?? {
            Message::Text(text) => return Ok(text),
            Message::Close(_) => return Err("the server closed".into()),
            _ => {}
        }
    }
}
