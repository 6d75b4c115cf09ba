//! The commands of PROTOCOL.md, one call of the SDK each.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};
use smooth_operator::testing::VirtualClock;
use smooth_operator::{
    ConnectionState, Conversation, Error, Json, QuestionKind, SendOptions, SmoothAgentClient, Turn,
    TurnHandle, TurnState, action, types,
};
use tokio::task::JoinHandle;

use crate::bodies::{
    Body, body, conversation_body, counters_body, error_body, native_cancelled, otp_body,
    ping_body, recovery_body, result_body, show, submission_body,
};
use crate::handlers::{Waiting, handlers};
use crate::output::{event, mute};
use crate::plain::{checked, decoded, encoded, hello};
use crate::watch::{self, Gate};

/// A command that cannot be taken: kind and message.
pub struct Refused(pub &'static str, pub String);
pub type Reply = Result<Body, Refused>;

pub fn bad(message: impl ToString) -> Refused {
    Refused("bad-request", message.to_string())
}

pub fn word<'a>(command: &'a Value, name: &str) -> Result<&'a str, Refused> {
    command[name]
        .as_str()
        .ok_or_else(|| bad(format!("{name} is missing or no string")))
}

pub fn ms(value: &Value) -> Result<Duration, Refused> {
    value
        .as_u64()
        .map(Duration::from_millis)
        .ok_or_else(|| bad("a time is no integer"))
}

pub fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Refused> {
    serde_json::from_str(&value.to_string()).map_err(bad)
}

/// The handles of one case.
#[derive(Default)]
pub struct Testee {
    pub clients: HashMap<String, SmoothAgentClient>,
    pub clocks: HashMap<String, VirtualClock>,
    chats: std::sync::Arc<std::sync::Mutex<HashMap<String, Conversation>>>,
    turns: HashMap<String, TurnHandle>,
    parked: HashMap<String, Turn>,
    gates: HashMap<String, Gate>,
    tasks: HashMap<String, JoinHandle<()>>,
    pub waiting: Waiting,
}

pub fn returned(name: &str, outcome: Result<Json, Body>) {
    let (member, shown) = match outcome {
        Ok(value) => ("value", value),
        Err(error) => ("error", show(&error)),
    };
    event(
        "returned",
        json!({"as": name}),
        Body::from([(member.to_owned(), shown)]),
    );
}

impl Testee {
    fn client(&self, c: &Value) -> Result<SmoothAgentClient, Refused> {
        let name = word(c, "on")?;
        self.clients
            .get(name)
            .cloned()
            .ok_or(Refused("unknown-handle", name.to_owned()))
    }

    fn chat(&self, c: &Value) -> Result<Conversation, Refused> {
        let name = word(c, "on")?;
        let found = self
            .chats
            .lock()
            .ok()
            .and_then(|chats| chats.get(name).cloned());
        found.ok_or(Refused("unknown-handle", name.to_owned()))
    }

    fn turn(&self, c: &Value) -> Result<(String, TurnHandle), Refused> {
        let name = word(c, "turn")?;
        let found = self
            .turns
            .get(name)
            .cloned()
            .ok_or(Refused("unknown-handle", name.to_owned()))?;
        Ok((name.to_owned(), found))
    }

    /// Awaits beside the command loop what the SDK gave, and reports it.
    pub fn issue<T, F>(
        &mut self,
        name: &str,
        work: F,
        encode: impl FnOnce(T) -> Json + Send + 'static,
    ) where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let reporter = name.to_owned();
        let task = tokio::spawn(async move {
            let outcome = work.await;
            returned(
                &reporter,
                outcome.map(encode).map_err(|error| error_body(&error)),
            );
        });
        self.tasks.insert(name.to_owned(), task);
    }

    pub async fn take(&mut self, c: &Value) -> Reply {
        match word(c, "cmd")? {
            "hello" => hello(c),
            "open" => self.open(c),
            "connect" | "close" => self.link(c),
            "call" => self.call(c),
            "start" | "resume" => self.start(c),
            "turn" => self.send(c),
            "confirm" | "otp" | "submit" | "decline" | "cancel" => self.verb(c),
            "iterate" | "textstream" | "await" => self.read(c),
            "messages" => self.messages(c),
            "recover" => self.recover(c),
            "openturn" => self.open_turn(c),
            "counters" => {
                returned(
                    word(c, "as")?,
                    Ok(counters_body(&self.client(c)?.counters())),
                );
                Ok(Body::new())
            }
            "give" => self.waiting.give(c),
            "hold" | "take" | "drop" | "leave" => self.steer(c),
            "detach" => self
                .turn(c)
                .map(|(_, turn)| turn.detach())
                .map(|()| Body::new()),
            "abort" => self.abort(c),
            "advance" => {
                let clock = self.clocks.get(word(c, "on")?).cloned();
                clock
                    .ok_or(Refused("unknown-handle", "no virtual clock".to_owned()))?
                    .advance(ms(&c["ms"])?)
                    .await;
                Ok(Body::new())
            }
            "wake" => self
                .client(c)
                .map(|client| client.wake())
                .map(|()| Body::new()),
            "sync" => {
                for _ in 0..100 {
                    tokio::task::yield_now().await; // what was handed over is written in a few rounds
                }
                Ok(body(json!({"nonce": c["nonce"]})))
            }
            "census" => Ok(self.census()),
            "dump" => Ok(Body::new()),
            "reset" | "bye" => {
                self.reset().await;
                Ok(Body::new())
            }
            "decode" => Ok(decoded(word(c, "text")?)),
            "check" => Ok(checked(word(c, "text")?)),
            "encode" => encoded(c),
            other => Err(Refused("unknown-command", other.to_owned())),
        }
    }

    fn link(&mut self, c: &Value) -> Reply {
        let (client, open) = (self.client(c)?, c["cmd"] == "connect");
        let work = async move {
            if open {
                client.connect().await
            } else {
                client.close().await;
                Ok(())
            }
        };
        self.issue(word(c, "as")?, work, |()| show(&()));
        Ok(Body::new())
    }

    fn call(&mut self, c: &Value) -> Reply {
        let (client, op, name) = (self.client(c)?, word(c, "op")?, word(c, "as")?);
        let mut args = c.get("args").cloned().unwrap_or_else(|| json!({}));
        let verb = [
            "confirm_tool_action",
            "verify_otp",
            "submit_interaction",
            "cancel",
        ]
        .contains(&op);
        if let (false, Some(args)) = (verb, args.as_object_mut()) {
            args.remove("requestId");
        }
        if c["aborted"] == true {
            returned(name, Err(native_cancelled())); // a future that is dropped before its first poll
            return Ok(Body::new());
        }
        match op {
            "create_conversation_session" => self.issue(
                name,
                client.create_conversation_session(read(&args)?),
                |it| show(&it),
            ),
            "get_session" => self.issue(name, client.get_session(read(&args)?), |it| show(&it)),
            "get_conversation_messages" => {
                self.issue(name, client.get_conversation_messages(read(&args)?), |it| {
                    show(&it)
                })
            }
            "list_conversations" => {
                self.issue(name, client.list_conversations(read(&args)?), |it| {
                    show(&it)
                })
            }
            "rename_conversation" => {
                self.issue(name, client.rename_conversation(read(&args)?), |it| {
                    show(&it)
                })
            }
            "ping" => self.issue(name, client.ping(), ping_body),
            _ => return self.lone_verb(op, name, &client, &args),
        }
        Ok(Body::new())
    }

    /// A verb by its requestId, beside any turn.
    fn lone_verb(
        &mut self,
        op: &str,
        name: &str,
        client: &SmoothAgentClient,
        args: &Value,
    ) -> Reply {
        match op {
            "confirm_tool_action" => {
                self.issue(name, client.confirm_tool_action(read(args)?), |_| show(&()));
            }
            "verify_otp" => self.issue(name, client.verify_otp(read(args)?), otp_body),
            "submit_interaction" => {
                let work = client.submit_interaction(read(args)?);
                self.issue(name, work, submission_body);
            }
            "cancel" => self.issue(name, client.cancel(read(args)?), |()| show(&())),
            other => return Err(Refused("unknown-op", other.to_owned())),
        }
        Ok(Body::new())
    }

    fn start(&mut self, c: &Value) -> Reply {
        let (client, name, args) = (self.client(c)?, word(c, "as")?.to_owned(), &c["args"]);
        let (chats, key) = (std::sync::Arc::clone(&self.chats), name.clone());
        let keep = move |chat: Conversation| {
            let shown = conversation_body(&chat);
            if let Ok(mut chats) = chats.lock() {
                chats.insert(key, chat);
            }
            shown
        };
        if let (Some(session), "resume") = (args["sessionId"].as_str(), word(c, "cmd")?) {
            let mut opening = client.resume_session(session);
            if let Some(handlers) = handlers(c, &self.waiting)? {
                opening = opening.handlers(handlers);
            }
            self.issue(&name, async move { opening.await }, keep);
            return Ok(Body::new());
        }
        let agent = word(args, "agentId")?;
        let mut opening = match args["conversationId"].as_str() {
            Some(conversation) => client.resume_conversation(conversation, agent),
            None => client.start_conversation(agent),
        };
        if let Some(handlers) = handlers(c, &self.waiting)? {
            opening = opening.handlers(handlers);
        }
        for (member, value) in args.as_object().into_iter().flatten() {
            let text = value.as_str().unwrap_or_default();
            opening = match member.as_str() {
                "userName" => opening.user_name(text),
                "userEmail" => opening.user_email(text),
                "browserFingerprint" => opening.browser_fingerprint(text),
                "supports" => opening.supports(read::<Vec<String>>(value)?),
                "metadata" => opening.metadata(value.as_object().cloned().unwrap_or_default()),
                "authContext" => opening.auth_context(read::<types::AuthContext>(value)?),
                _ => opening,
            };
        }
        self.issue(&name, async move { opening.await }, keep);
        Ok(Body::new())
    }

    fn send(&mut self, c: &Value) -> Reply {
        let name = word(c, "as")?.to_owned();
        if c["aborted"] == true {
            returned(&name, Err(native_cancelled())); // a future that is dropped before its first poll
            return Ok(Body::new());
        }
        let turn = if c["via"] == "conversation" {
            let mut draft = SendOptions::new(word(c, "message")?);
            for (member, value) in c.as_object().into_iter().flatten() {
                draft = match member.as_str() {
                    "stream" => draft.stream(value == true),
                    "model" => draft.model(read::<String>(value)?),
                    "skill" => draft.skill(read::<String>(value)?),
                    "images" => draft.images(read::<Vec<types::ImageAttachment>>(value)?),
                    "files" => draft.files(read::<Vec<types::FileAttachment>>(value)?),
                    "requestId" => draft.request_id(read::<String>(value)?),
                    _ => draft,
                };
            }
            if let Some(handlers) = handlers(c, &self.waiting)? {
                draft = draft.handlers(handlers);
            }
            self.chat(c)?.send(draft)
        } else {
            let mut args = c.clone();
            args["sessionId"] = c["session"].clone();
            let mut draft = SendOptions::from(read::<action::SendMessage>(&args)?);
            if let Some(handlers) = handlers(c, &self.waiting)? {
                draft = draft.handlers(handlers);
            }
            self.client(c)?.send_message(draft)
        };
        let turn = match turn.started() {
            Ok(turn) => turn,
            Err(error) => {
                returned(&name, Err(error_body(&error)));
                return Ok(Body::new());
            }
        };
        self.follow(name, turn, c);
        Ok(Body::new())
    }

    fn open_turn(&mut self, c: &Value) -> Reply {
        let name = word(c, "as")?.to_owned();
        let Some(turn) = self.chat(c)?.open_turn() else {
            returned(&name, Ok(show(&())));
            return Ok(Body::new());
        };
        let id = turn.request_id().to_owned();
        returned(&name, Ok(show(&json!({"requestId": id}))));
        let known = |it: &&TurnHandle| it.request_id() == id && it.state() != TurnState::Settled;
        match self.turns.values().find(known).cloned() {
            Some(known) => drop(self.turns.insert(name, known)),
            None => self.follow(name, turn, c),
        }
        Ok(Body::new())
    }

    /// Reports what a turn shows, as the command asks.
    fn follow(&mut self, name: String, turn: Turn, c: &Value) {
        self.turns.insert(name.clone(), turn.handle());
        match c["watch"].as_str() {
            Some("none") => drop(self.parked.insert(name, turn)),
            Some("result") => self.watch(&name.clone(), watch::ended(name, turn, None)),
            _ => self.watch_items(&name, turn, None),
        }
    }

    fn watch(&mut self, name: &str, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.insert(name.to_owned(), tokio::spawn(work));
    }

    fn watch_items(&mut self, name: &str, turn: Turn, count: Option<u64>) {
        let gate = Gate::default();
        gate.hold(count);
        self.gates.insert(name.to_owned(), gate.clone());
        self.watch(name, watch::items(name.to_owned(), turn, gate));
    }

    fn verb(&mut self, c: &Value) -> Reply {
        let (turn, name) = (self.turn(c)?.1, word(c, "as")?);
        match word(c, "cmd")? {
            "confirm" => self.issue(name, turn.confirm(c["approved"] == true), |()| show(&())),
            "otp" => self.issue(name, turn.verify_otp(word(c, "code")?), otp_body),
            "submit" => self.issue(name, turn.submit(&c["values"]), submission_body),
            "decline" if c["question"] == "otp" => {
                self.issue(name, turn.decline(QuestionKind::Otp), |_| show(&()));
            }
            "decline" => {
                self.issue(
                    name,
                    turn.decline(QuestionKind::Interaction),
                    submission_body,
                );
            }
            _ => {
                let stopped = turn.cancel();
                self.issue(
                    name,
                    async move {
                        stopped.await;
                        Ok(())
                    },
                    |()| show(&()),
                );
            }
        }
        Ok(Body::new())
    }

    fn read(&mut self, c: &Value) -> Reply {
        let (turn, handle) = self.turn(c)?;
        let parked = self.parked.remove(&turn); // the first wait takes over what holds the turn
        let name = c["as"].as_str().unwrap_or_default().to_owned();
        match word(c, "cmd")? {
            "iterate" => {
                let gate = Gate::default();
                self.gates.insert(name.clone(), gate.clone());
                let events = handle.events();
                drop(parked);
                self.issue(
                    &name.clone(),
                    watch::follow(name, turn, handle, events, gate),
                    |()| show(&()),
                );
            }
            "textstream" => {
                let work = watch::text(name.clone(), turn, handle);
                self.issue(
                    &name,
                    async move {
                        let _parked = parked;
                        work.await
                    },
                    |()| show(&()),
                );
            }
            _ => {
                let result = handle.result();
                drop(parked);
                if c["abandon"] == true {
                    drop(tokio::spawn(result));
                } else {
                    self.issue(&name, result, |result| show(&result_body(&result)));
                }
            }
        }
        Ok(Body::new())
    }

    fn messages(&mut self, c: &Value) -> Reply {
        let (mut messages, name) = (self.chat(c)?.messages(), word(c, "as")?.to_owned());
        if let Some(limit) = c["limit"].as_i64() {
            messages = messages.limit(limit);
        }
        let (take, reporter) = (c["take"].as_u64(), name.clone());
        let work = async move {
            let mut count = 0;
            while take != Some(count)
                && let Some(message) = messages.next().await
            {
                let data = Body::from([("data".to_owned(), show(&message?))]);
                event("message", json!({"as": reporter}), data);
                count += 1;
            }
            Ok(())
        };
        self.issue(&name, work, |()| show(&()));
        Ok(Body::new())
    }

    fn recover(&mut self, c: &Value) -> Reply {
        let (turn, name) = (self.turn(c)?.1, word(c, "as")?);
        self.issue(name, turn.recover(), |it| recovery_body(&it));
        Ok(Body::new())
    }

    fn steer(&mut self, c: &Value) -> Reply {
        let (turn, _) = self.turn(c)?;
        let name = c["as"].as_str().unwrap_or(&turn).to_owned();
        let count = c["count"].as_u64().unwrap_or(0);
        if c["cmd"] == "leave" {
            drop(self.parked.remove(&name));
            self.tasks.remove(&name).iter().for_each(JoinHandle::abort); // drops what it iterates
        } else if let Some(parked) = self.parked.remove(&name) {
            self.watch_items(&name, parked, Some(count));
        } else {
            let gate = self
                .gates
                .get(&name)
                .ok_or(Refused("unknown-handle", name.clone()))?;
            gate.hold(Some(count));
        }
        Ok(Body::new())
    }

    fn abort(&mut self, c: &Value) -> Reply {
        let name = c["as"].as_str().or(c["turn"].as_str()).unwrap_or_default();
        let task = self
            .tasks
            .remove(name)
            .ok_or(Refused("unknown-handle", name.to_owned()))?;
        let name = name.to_owned();
        task.abort();
        drop(tokio::spawn(async move {
            if task.await.is_err_and(|end| end.is_cancelled()) {
                returned(&name, Err(native_cancelled()));
            }
        }));
        Ok(Body::new())
    }

    fn census(&self) -> Body {
        let alive = |it: &&SmoothAgentClient| {
            !matches!(it.state(), ConnectionState::Idle | ConnectionState::Closed)
        };
        let timers: usize = self.clocks.values().map(VirtualClock::timers).sum();
        body(json!({"clients": self.clients.values().filter(alive).count(), "timers": timers}))
    }

    pub async fn reset(&mut self) {
        let clients: Vec<SmoothAgentClient> = self.clients.values().cloned().collect();
        let closing = clients
            .into_iter()
            .map(|client| tokio::spawn(async move { client.close().await }));
        let mut waiting: Vec<JoinHandle<()>> = closing.collect();
        for clock in self.clocks.values() {
            clock.advance(Duration::from_millis(60_000)).await;
        }
        waiting.extend(self.tasks.drain().map(|(_, task)| task));
        for task in &mut waiting {
            let _ = tokio::time::timeout(Duration::from_millis(500), &mut *task).await;
            mute(task.is_finished().then_some(false).is_none()); // what is held reports nothing more
            task.abort();
        }
        *self = Self::default();
        mute(false);
    }
}
