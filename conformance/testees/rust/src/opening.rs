//! The command `open`: a client with the options that it names.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use smooth_operator::testing::VirtualClock;
use smooth_operator::{ClientBuilder, SmoothAgentClient, TokenIn};

use crate::bodies::{Body, error_body, show};
use crate::commands::{Refused, Reply, Testee, bad, ms, read, returned, word};
use crate::plain::listen;

impl Testee {
    pub fn open(&mut self, c: &Value) -> Reply {
        let name = word(c, "as")?.to_owned();
        let mut builder = limited(told(drawing(c)?, c)?, c)?;
        if c["clock"] == "virtual" {
            let clock = VirtualClock::new();
            builder = builder.clock(clock.clone());
            self.clocks.insert(name.clone(), clock);
        }
        let client = match builder.build() {
            Ok(client) => client,
            Err(error) => {
                returned(&name, Err(error_body(&error)));
                return Ok(Body::new());
            }
        };
        listen(&client, &name, c["tap"] == true);
        self.clients.insert(name.clone(), client.clone());
        let connect = c["connect"] != false;
        let work = async move {
            if connect {
                client.connect().await
            } else {
                Ok(())
            }
        };
        self.issue(&name, work, |()| show(&()));
        Ok(Body::new())
    }
}

/// A builder that draws the ids of the command, then its own; the environment switches the fast
/// paths off.
fn drawing(c: &Value) -> Result<ClientBuilder, Refused> {
    let (ids, drawn) = (read::<Vec<String>>(&c["ids"])?, AtomicUsize::new(0));
    let builder = SmoothAgentClient::builder(word(c, "url")?).id_generator(move || {
        let index = drawn.fetch_add(1, Ordering::SeqCst);
        ids.get(index)
            .cloned()
            .unwrap_or_else(|| format!("req-auto-{}", index + 1 - ids.len()))
    });
    let off = |name: &str| std::env::var(name).is_ok_and(|it| it == "off");
    Ok(builder.fast_paths(!off("LEARNED_FRAMES"), !off("QUIET_TURNS")))
}

fn told(mut builder: ClientBuilder, c: &Value) -> Result<ClientBuilder, Refused> {
    for (key, value) in c.as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        builder = match key.as_str() {
            "token" => builder.token(text),
            "tokenIn" if value == "header" => builder.token_in(TokenIn::Header),
            "origin" => builder.origin(text),
            "supports" => builder.supports(read::<Vec<String>>(value)?),
            "lazy" => builder.lazy(value == true),
            "ca" => builder.add_root_certificates(std::fs::read(text).map_err(bad)?),
            _ => builder,
        };
    }
    for (key, value) in c["headers"].as_object().into_iter().flatten() {
        builder = builder.header(key, value.as_str().unwrap_or_default());
    }
    Ok(builder)
}

fn limited(mut builder: ClientBuilder, c: &Value) -> Result<ClientBuilder, Refused> {
    for (key, value) in c["timeouts"].as_object().into_iter().flatten() {
        let limit = ms(value)?;
        builder = match key.as_str() {
            "connect" => builder.connect_timeout(limit),
            "close" => builder.close_timeout(limit),
            "request" => builder.request_timeout(limit),
            "turn" => builder.turn_timeout(limit),
            "turnIdle" => builder.turn_idle_timeout(limit),
            "question" => builder.question_timeout(limit),
            "cancel" => builder.cancel_timeout(limit),
            other => return Err(bad(other)),
        };
    }
    match c["limits"]["maxMessageBytes"].as_u64() {
        Some(bytes) => Ok(builder.max_message_bytes(usize::try_from(bytes).map_err(bad)?)),
        None => Ok(builder),
    }
}
