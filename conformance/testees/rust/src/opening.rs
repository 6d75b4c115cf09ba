//! The command `open`: a client with the options that it names.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use smooth_operator::testing::VirtualClock;
use smooth_operator::{
    ClientBuilder, Error, Level, QueuePolicy, SmoothAgentClient, TokenIn, TurnPolicy,
};

use crate::bodies::{Body, error_body, show};
use crate::commands::{Refused, Reply, Testee, bad, ms, read, returned, word};
use crate::handlers::handlers;
use crate::output::event;
use crate::plain::listen;

impl Testee {
    pub fn open(&mut self, c: &Value) -> Reply {
        let name = word(c, "as")?.to_owned();
        let mut builder = seeking(limited(told(drawing(c)?, c)?, c)?, c)?;
        builder = asked(chance(builder, c)?, &name, c)?;
        if let Some(handlers) = handlers(c, &self.waiting)? {
            builder = builder.handlers(handlers);
        }
        if c["warnings"] == true {
            let on = name.clone();
            builder = builder.logger(move |record| {
                if record.level == Level::Warning {
                    event("warned", json!({"on": on}), Body::new());
                }
            });
        }
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
            "handler" => builder.handler_timeout(limit),
            other => return Err(bad(other)),
        };
    }
    match c["limits"]["maxMessageBytes"].as_u64() {
        Some(bytes) => Ok(builder.max_message_bytes(usize::try_from(bytes).map_err(bad)?)),
        None => Ok(builder),
    }
}

fn seeking(mut builder: ClientBuilder, c: &Value) -> Result<ClientBuilder, Refused> {
    for (key, value) in c["options"].as_object().into_iter().flatten() {
        builder = match key.as_str() {
            "autoReconnect" => builder.auto_reconnect(read(value)?),
            "retryInitialConnect" => builder.retry_initial_connect(read(value)?),
            "maxReconnectAttempts" => builder.max_reconnect_attempts(read::<Option<u32>>(value)?),
            "backoffBase" => builder.backoff_base(ms(value)?),
            "backoffMax" => builder.backoff_max(ms(value)?),
            "stableAfter" => builder.stable_after(ms(value)?),
            "pingInterval" => builder.ping_interval(ms(value)?),
            "handlerTimeout" => builder.handler_timeout(ms(value)?),
            "resendAfterOtp" => builder.resend_after_otp(read(value)?),
            "resumeTimeout" => builder.resume_timeout(ms(value)?),
            "pongTimeout" => builder.pong_timeout(ms(value)?),
            "queueLimit" => builder.queue_limit(read(value)?),
            "queuePolicy" if value == "fail_fast" => builder.queue_policy(QueuePolicy::FailFast),
            "queuePolicy" if value == "wait" => builder.queue_policy(QueuePolicy::Wait),
            "turnPolicy" if value == "queue" => builder.turn_policy(TurnPolicy::Queue),
            "turnPolicy" if value == "parallel" => builder.turn_policy(TurnPolicy::Parallel),
            other => return Err(bad(other)),
        };
    }
    Ok(builder)
}

/// The numbers of the command, then one half.
fn chance(builder: ClientBuilder, c: &Value) -> Result<ClientBuilder, Refused> {
    let numbers: Vec<f64> = match &c["random"] {
        Value::Null => Vec::new(),
        given => read(given)?,
    };
    let drawn = AtomicUsize::new(0);
    Ok(builder.random(move || {
        let index = drawn.fetch_add(1, Ordering::SeqCst);
        numbers.get(index).copied().unwrap_or(0.5)
    }))
}

/// A provider that gives the tokens of the command, the last one again and again.
fn asked(builder: ClientBuilder, name: &str, c: &Value) -> Result<ClientBuilder, Refused> {
    if c["tokens"].is_null() {
        return Ok(builder);
    }
    let tokens: Vec<Value> = read(&c["tokens"])?;
    let (on, asked) = (name.to_owned(), AtomicUsize::new(0));
    Ok(builder.token_provider(move |request| {
        event(
            "asked",
            json!({"on": on, "reason": request.reason.as_str()}),
            Body::new(),
        );
        let index = asked.fetch_add(1, Ordering::SeqCst).min(tokens.len() - 1);
        let token: Result<String, Box<dyn std::error::Error + Send + Sync>> =
            match (tokens[index].as_str(), tokens[index]["fail"].as_str()) {
                (Some(token), _) => Ok(token.to_owned()),
                (None, Some("authentication")) => Err(Error::authentication("told so").into()),
                (None, Some("value")) => Ok("a\nb".to_owned()),
                _ => Err("told so".into()),
            };
        std::future::ready(token)
    }))
}
