//! Scripted handlers: what they are asked is reported, and they give what the case says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use smooth_operator::{Handlers, OtpAsk};
use tokio::sync::oneshot;

use crate::bodies::{Body, body, show};
use crate::commands::{Refused, Reply, read, word};
use crate::output::event;

/// What a handler fails with.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The calls that wait for `give`, by the name of their handler, the oldest first.
#[derive(Clone, Default)]
pub struct Waiting(Arc<Mutex<HashMap<String, Vec<oneshot::Sender<Value>>>>>);

impl Waiting {
    fn with<T>(
        &self,
        work: impl FnOnce(&mut HashMap<String, Vec<oneshot::Sender<Value>>>) -> T,
    ) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait(&self, name: &str) -> oneshot::Receiver<Value> {
        let (gives, given) = oneshot::channel();
        self.with(|all| all.entry(name.to_owned()).or_default().push(gives));
        given
    }

    pub fn give(&self, c: &Value) -> Reply {
        let name = word(c, "handler")?;
        let first = self.with(|all| {
            let calls = all.get_mut(name)?;
            calls.retain(|call| !call.is_closed());
            (!calls.is_empty()).then(|| calls.remove(0))
        });
        let call = first.ok_or(Refused("unknown-handle", name.to_owned()))?;
        let _ = call.send(c.clone());
        Ok(Body::new())
    }
}

/// One handler: its name, what it gives, and how often it was called.
#[derive(Clone)]
struct Script {
    name: String,
    gives: Arc<Vec<Value>>,
    called: Arc<Mutex<usize>>,
    waiting: Waiting,
}

/// Reports the end of a call that nobody waits for any more.
struct Signal(Option<String>);

impl Drop for Signal {
    fn drop(&mut self) {
        if let Some(name) = self.0.take() {
            event("signalled", json!({"as": name}), Body::new());
        }
    }
}

impl Script {
    fn of(told: &Value, waiting: &Waiting) -> Result<Self, Refused> {
        Ok(Self {
            name: word(told, "as")?.to_owned(),
            gives: Arc::new(read(&told["gives"])?),
            called: Arc::default(),
            waiting: waiting.clone(),
        })
    }

    /// Reports a call and gives what the script says for it; none declines.
    async fn called(self, head: Value, ask: Body) -> Result<Option<Value>, Failure> {
        let number = {
            let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
            *called += 1;
            *called
        };
        let given = self.gives[number.min(self.gives.len()) - 1].clone();
        let waits = (given["wait"] == true).then(|| self.waiting.wait(&self.name));
        let mut shown = body(head);
        shown.insert("ask".to_owned(), show(&ask));
        event("called", json!({"as": self.name}), shown);
        let given = match waits {
            Some(waits) => {
                let mut signal = Signal(Some(self.name));
                let given = waits.await?;
                signal.0 = None;
                given
            }
            None => given,
        };
        if given["raise"] == true || given["nonsense"] == true {
            return Err("as the case says".into());
        }
        Ok(given.get("value").cloned())
    }
}

fn head(question: &str, request: &str, session: &str) -> Value {
    json!({"question": question, "requestId": request, "sessionId": session})
}

fn otp_body(ask: &OtpAsk) -> Body {
    let channels = Some(&ask.available_channels).filter(|it| !it.is_empty());
    body(json!({
        "toolId": ask.tool_id, "actionDescription": ask.action_description,
        "availableChannels": channels, "authLevel": ask.auth_level, "channel": ask.channel,
        "maskedDestination": ask.masked_destination, "attemptsRemaining": ask.attempts_remaining,
        "error": ask.error, "message": ask.message,
    }))
}

/// The handlers of a command; none where it names none.
pub fn handlers(c: &Value, waiting: &Waiting) -> Result<Option<Handlers>, Refused> {
    let told = &c["handlers"];
    if told.is_null() {
        return Ok(None);
    }
    let mut made = Handlers::new();
    if !told["confirm"].is_null() {
        let script = Script::of(&told["confirm"], waiting)?;
        made =
            made.confirm(move |ask| {
                let head = head("confirmation", &ask.request_id, &ask.session_id);
                let shown =
                    json!({"toolId": ask.tool_id, "actionDescription": ask.action_description});
                let call = script.clone().called(head, body(shown));
                async move {
                    Ok::<_, Failure>(call.await?.and_then(|it| it.as_bool()).ok_or("no answer")?)
                }
            });
    }
    if !told["otp"].is_null() {
        let script = Script::of(&told["otp"], waiting)?;
        made = made.otp(move |ask| {
            let head = head("otp", &ask.request_id, &ask.session_id);
            let call = script.clone().called(head, otp_body(&ask));
            async move {
                let code = call.await?;
                Ok::<_, Failure>(code.and_then(|it| it.as_str().map(str::to_owned)))
            }
        });
    }
    for (kind, told) in told["interaction"].as_object().into_iter().flatten() {
        let script = Script::of(told, waiting)?;
        made = made.interaction(kind, move |ask| {
            let head = head("interaction", &ask.request_id, &ask.session_id);
            let errors = Some(&ask.errors).filter(|it| !it.is_empty());
            let mut shown = body(json!({
                "interactionId": ask.interaction_id, "kind": ask.kind, "reason": ask.reason,
                "errors": errors, "message": ask.message,
            }));
            shown.insert("spec".to_owned(), show(&ask.spec));
            script.clone().called(head, shown)
        });
    }
    Ok(Some(made))
}
