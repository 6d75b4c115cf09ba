//! The turns: steps are played, questions asked, events kept.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::facts::{Confirm, Finish, Otp};
use super::frames;
use super::reply::{Reply, Step, Usage};
use super::state::{Alarm, Code, Due, Session, Shown, World};

/// How long a turn runs on without a link (REQ-SRV-36).
const DETACHED: Duration = Duration::from_secs(90);

/// One turn.
pub(super) struct Turn {
    pub(super) session: String,
    pub(super) talk: usize,
    pub(super) request_id: String,
    /// Its `send_message`, to know the same one again.
    pub(super) body: Value,
    pub(super) streams: bool,
    pub(super) replays: bool,
    /// Place of its message in the conversation.
    pub(super) message: usize,
    /// The link that its events go to, and the newest one that has resumed it.
    pub(super) holder: Option<u64>,
    pub(super) since: u64,
    pub(super) told: HashSet<u64>,
    /// Events of a replay session, and how many of them the holder has.
    pub(super) events: Vec<Arc<str>>,
    pub(super) pumped: usize,
    pub(super) steps: VecDeque<Step>,
    /// For a time or a human.
    pub(super) waits: bool,
    pub(super) alarm: Option<Alarm>,
    pub(super) alone: Option<Alarm>,
    pub(super) asked: Option<Question>,
    /// Answers that were taken, by question.
    pub(super) answers: HashMap<String, String>,
    pub(super) outcome: Option<&'static str>,
    pub(super) text: String,
    pub(super) usage: Option<Usage>,
    pub(super) found: Vec<Value>,
}

/// What a human is asked.
pub(super) struct Question {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) then: Then,
    _lapse: Alarm,
}

/// Kinds of questions, with what an answer is held against.
pub(super) enum Kind {
    Confirmation,
    Otp(Code),
    Interaction(Shown),
}

/// What an answer leads to.
#[derive(Clone)]
pub(super) enum Then {
    /// The steps go on; after a no, those of this reply.
    Steps(Option<Reply>),
    /// The steps go on after the right code, and only then.
    Code,
    /// A tool of the script runs, or is denied; `true` for one that waited for a code.
    Tool(String, Value, Value, bool),
    /// A form's result is what a tool of the script gives.
    Form(String, Value),
}

/// What a human said.
pub(super) enum Said {
    Yes,
    No,
    Values(Value),
}

impl World {
    fn session_of(&self, turn: usize) -> &Session {
        &self.sessions[&self.turns[turn].session]
    }

    fn knows(&self, turn: usize, word: &str) -> bool {
        self.session_of(turn).knows(word)
    }

    /// Writes an event of a turn, numbers it, keeps it, and sends it to who holds the turn.
    pub(super) fn emit(&mut self, turn: usize, build: impl FnOnce(&str, u64) -> Value) {
        let now = self.now();
        let it = &mut self.turns[turn];
        let mut frame = build(&it.request_id, now);
        if it.replays {
            frame["seq"] = (it.events.len() + 1).into();
        }
        let text: Arc<str> = frame.to_string().into();
        if it.replays {
            it.events.push(text);
            self.pump(turn);
        } else if let Some(holder) = it.holder {
            self.send_text(holder, text);
        }
    }

    /// Sends the holder what it has not yet.
    fn pump(&mut self, turn: usize) {
        let it = &mut self.turns[turn];
        let Some(holder) = it.holder else { return };
        let new = it.events[it.pumped..].to_vec();
        it.pumped = it.events.len();
        for text in new {
            self.send_text(holder, text);
        }
    }

    /// Plays steps until one waits or ends the turn.
    pub(super) fn run(&mut self, turn: usize) {
        while self.turns[turn].outcome.is_none() && !self.turns[turn].waits {
            let Some(step) = self.turns[turn].steps.pop_front() else {
                return;
            };
            self.play(turn, step);
        }
    }

    fn play(&mut self, turn: usize, step: Step) {
        match step {
            Step::Token(word) => {
                self.turns[turn].text.push_str(&word);
                if self.turns[turn].streams {
                    self.emit(turn, |id, now| {
                        frames::piece("stream_token", id, now, &word)
                    });
                }
            }
            Step::Reasoning(word) => self.emit(turn, |id, now| {
                frames::piece("stream_reasoning", id, now, &word)
            }),
            Step::Preamble(word) => self.emit(turn, |id, now| {
                frames::piece("stream_preamble", id, now, &word)
            }),
            Step::Chunk(node, raw) => {
                self.emit(turn, |id, now| frames::chunk(id, now, &node, raw.as_ref()))
            }
            Step::Confirm(confirm) => {
                let then = Then::Steps(confirm.rejected.clone());
                self.confirm(turn, &confirm, then);
            }
            Step::Otp(otp) => self.otp(turn, &otp, Then::Code),
            Step::Interaction(form) => {
                if self.knows(turn, form.word) {
                    self.interaction(turn, form, "The agent asks.", Then::Steps(None));
                } else {
                    let (kind, word) = (form.kind, form.word);
                    let why = format!("interaction({kind}) needs a client that supports {word}.");
                    self.fail(turn, "AGENT_ERROR", &why);
                }
            }
            Step::Delay(time) => {
                self.turns[turn].waits = true;
                let alarm = self.later(time, Due::Step(turn));
                self.turns[turn].alarm = Some(alarm);
            }
            Step::Error(code, message) => self.fail(turn, &code, &message),
            Step::Cut(code) => {
                if let Some(holder) = self.turns[turn].holder {
                    self.part(holder, code);
                }
            }
            Step::Malformed(text) => {
                if let Some(holder) = self.turns[turn].holder {
                    self.send_text(holder, text.into());
                }
            }
            Step::Finish(answer) => self.finish(turn, answer),
            Step::Script => self.next_entry(turn),
            Step::Tool(name, arguments) => self.call_tool(turn, &name, arguments),
        }
    }

    /// Does what a timer was for.
    pub(super) fn fire(&mut self, due: Due) {
        if self.closed {
            return;
        }
        match due {
            Due::Step(turn) => {
                self.turns[turn].waits = false;
                self.run(turn);
            }
            Due::Question(turn, id) => {
                let open = self.turns[turn]
                    .asked
                    .as_ref()
                    .is_some_and(|it| it.id == id);
                if open {
                    self.answered(turn, Said::No);
                }
            }
            Due::Alone(turn) if self.turns[turn].asked.is_some() => self.leave_alone(turn),
            Due::Alone(turn) => self.fail(turn, "AGENT_ERROR", "Nobody took the turn up again."),
        }
    }

    /// Opens a question.
    fn ask(&mut self, turn: usize, id: &str, kind: Kind, then: Then) {
        let lapse = self.later(self.question_time, Due::Question(turn, id.to_owned()));
        let it = &mut self.turns[turn];
        it.waits = true;
        it.asked = Some(Question {
            id: id.to_owned(),
            kind,
            then,
            _lapse: lapse,
        });
    }

    /// The details of a question, with what newer sessions are told of it.
    fn asking(&self, turn: usize, mut details: Value) -> Value {
        if self.knows(turn, "spec_1_1") {
            let lives = u64::try_from(self.question_time.as_millis()).unwrap_or_default();
            details["expiresAt"] = (self.now() + lives).into();
        }
        details
    }

    /// Ends the link while a question is open, where a cut follows it directly.
    fn cut_while_asked(&mut self, turn: usize) {
        let it = &mut self.turns[turn];
        if it.asked.is_some()
            && let Some(Step::Cut(_)) = it.steps.front()
            && let Some(cut) = it.steps.pop_front()
        {
            self.play(turn, cut);
        }
    }

    pub(super) fn confirm(&mut self, turn: usize, confirm: &Confirm, then: Then) {
        let id = self.new_id();
        self.ask(turn, &id, Kind::Confirmation, then);
        let mut details = self.asking(
            turn,
            json!({"toolId": confirm.tool_id, "actionDescription": confirm.description}),
        );
        if self.knows(turn, "spec_1_1") {
            details["confirmationId"] = id.into();
        }
        self.emit(turn, |id, now| {
            frames::nested("write_confirmation_required", id, now, details)
        });
        self.cut_while_asked(turn);
    }

    pub(super) fn interaction(&mut self, turn: usize, form: Shown, reason: &str, then: Then) {
        let id = self.new_id();
        let details = json!({
            "interactionId": id, "kind": form.kind, "spec": form.spec, "reason": reason,
        });
        self.ask(turn, &id, Kind::Interaction(form), then);
        let details = self.asking(turn, details);
        self.emit(turn, |id, now| {
            frames::nested("interaction_required", id, now, details)
        });
        self.cut_while_asked(turn);
    }

    /// Asks for a code, in this turn where the client knows how, else for the next one (REQ-OTP-03).
    pub(super) fn otp(&mut self, turn: usize, otp: &Otp, then: Then) {
        let parks = self.knows(turn, "otp_park");
        if !parks && self.session_of(turn).verified {
            return;
        }
        let id = self.new_id();
        let code = Code {
            right: otp.code.clone(),
            attempts: otp.attempts,
        };
        let mut kept = Some(code);
        if parks && let Some(code) = kept.take() {
            self.ask(turn, &id, Kind::Otp(code), then);
        }
        let details = self.asking(
            turn,
            json!({
                "toolId": otp.tool_id, "actionDescription": "Confirm who you are",
                "availableChannels": [otp.channel], "authLevel": "end_user",
            }),
        );
        self.emit(turn, |id, now| {
            frames::nested("otp_verification_required", id, now, details)
        });
        let sent = json!({"channel": otp.channel, "maskedDestination": otp.masked});
        self.emit(turn, |id, now| match otp.fails {
            true => {
                let why = "the code could not be delivered";
                frames::error(Some(id), now, "OTP_SEND_FAILED", why, None)
            }
            false => frames::nested("otp_sent", id, now, sent),
        });
        if let Some(session) = self.sessions.get_mut(&self.turns[turn].session)
            && kept.is_some()
        {
            session.code = kept;
            self.finish(turn, Finish::new());
        }
        self.cut_while_asked(turn);
    }

    /// Goes on after a question.
    pub(super) fn answered(&mut self, turn: usize, said: Said) {
        let Some(question) = self.turns[turn].asked.take() else {
            return;
        };
        self.turns[turn].waits = false;
        match (question.then, said) {
            (Then::Steps(Some(rejected)), Said::No) => {
                self.turns[turn].steps = rejected.serve("").unwrap_or_default();
            }
            (Then::Steps(_), _) | (Then::Code, Said::Yes) => {}
            (Then::Code, _) => self.fail(turn, "AGENT_ERROR", "The code was not given."),
            (Then::Tool(name, arguments, result, by_code), said) => {
                let allowed = matches!(said, Said::Yes);
                let session = self.turns[turn].session.clone();
                if let Some(session) = self.sessions.get_mut(&session)
                    && by_code
                {
                    session.verified = allowed;
                }
                self.tool_done(turn, &name, &arguments, allowed.then_some(result));
            }
            (Then::Form(name, arguments), said) => {
                let result = match said {
                    Said::Values(result) => result,
                    _ => json!({"status": "no_response"}),
                };
                self.tool_done(turn, &name, &arguments, Some(result));
            }
        }
        self.run(turn);
    }

    pub(super) fn finish(&mut self, turn: usize, mut answer: Finish) {
        let it = &self.turns[turn];
        let (talk, request_id) = (it.talk, it.request_id.clone());
        let text = answer.text.take().unwrap_or_else(|| it.text.clone());
        if answer.usage.is_none() {
            answer.usage.clone_from(&it.usage);
        }
        let message_id = self.say(talk, "outbound", &text, &request_id, None);
        self.settle(turn, "completed");
        self.emit(turn, |id, now| {
            frames::answer(id, now, &message_id, &text, &answer)
        });
    }

    pub(super) fn fail(&mut self, turn: usize, code: &str, message: &str) {
        let terminal = self.knows(turn, "spec_1_1").then_some(true);
        self.settle(turn, "failed");
        self.emit(turn, |id, now| {
            frames::error(Some(id), now, code, message, terminal)
        });
    }

    pub(super) fn cancelled(&mut self, turn: usize) {
        self.settle(turn, "cancelled");
        self.emit(turn, frames::cancelled);
    }

    /// Ends a turn, wherever it is.
    pub(super) fn settle(&mut self, turn: usize, outcome: &'static str) {
        let it = &mut self.turns[turn];
        it.outcome = Some(outcome);
        (it.asked, it.alarm, it.alone) = (None, None, None);
        let talk = &mut self.talks[it.talk];
        talk.messages[it.message].turn = Some(outcome);
        if talk.running == Some(turn) {
            talk.running = None;
        }
    }

    /// The turn's link ended: without replay the turn is lost with it.
    pub(super) fn orphaned(&mut self, turn: usize) {
        let it = &mut self.turns[turn];
        it.holder = None;
        if it.outcome.is_some() {
            return;
        }
        match it.replays {
            true => self.leave_alone(turn),
            false => self.settle(turn, "failed"),
        }
    }

    fn leave_alone(&mut self, turn: usize) {
        if self.closed {
            return;
        }
        let alarm = self.later(DETACHED, Due::Alone(turn));
        self.turns[turn].alone = Some(alarm);
    }

    /// Lets a link go on with a turn, after the events that it has, and its session answer the
    /// questions (REQ-SRV-26, REQ-SRV-30, REQ-SRV-31).
    pub(super) fn take_up(&mut self, turn: usize, session: &str, link: u64, after: usize) {
        let it = &mut self.turns[turn];
        let other = it
            .holder
            .filter(|holder| *holder != link && it.outcome.is_none());
        if other.is_some() && it.since > link && !it.told.contains(&link) {
            self.tell_resumed(turn, link, "moved");
            return;
        }
        session.clone_into(&mut it.session);
        (it.holder, it.since, it.pumped) = (Some(link), it.since.max(link), after);
        it.alone = None;
        it.told.clear();
        let state = it.outcome.map_or("running", |_| "settled");
        if let Some(other) = other {
            self.tell_resumed(turn, other, "moved");
        }
        self.tell_resumed(turn, link, state);
        self.pump(turn);
    }

    pub(super) fn tell_resumed(&self, turn: usize, link: u64, state: &str) {
        let it = &self.turns[turn];
        let frame = frames::resumed(&it.request_id, self.now(), state, it.events.len());
        self.send(link, &frame);
    }
}

/// What a message is, to know the same one again.
pub(super) fn body_of(frame: &Map<String, Value>) -> Value {
    let names = [
        "message",
        "images",
        "files",
        "stream",
        "sessionId",
        "model",
        "skill",
    ];
    names
        .iter()
        .map(|name| frame.get(*name).cloned().unwrap_or_default())
        .collect()
}
