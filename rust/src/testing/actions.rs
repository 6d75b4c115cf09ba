//! The actions of clients, each answered as the specification says.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::{Map, Value, json};

use super::fields::{Refusal, checked, invalid, whole};
use super::frames::{self, text};
use super::reply::Step;
use super::state::{Answer, Session, Talk, World};
use super::turns::{Turn, body_of};

type Frame = Map<String, Value>;

impl World {
    /// Answers one message of a client; none for a binary one.
    pub(super) fn receive(&mut self, link: u64, message: Option<&str>) {
        if self.closed || !self.links.contains_key(&link) {
            return;
        }
        let mut frame = Frame::new();
        let done = match message.map(serde_json::from_str::<Value>) {
            None => Err(invalid("frames are text")),
            Some(Ok(Value::Object(read))) => {
                frame = read;
                self.sent.push(Value::Object(frame.clone()));
                self.act(link, &mut frame)
            }
            Some(_) => Err(invalid("a frame must be a JSON object")),
        };
        if let Err(refusal) = done {
            self.refuse(link, &frame, &refusal);
        }
    }

    fn act(&mut self, link: u64, frame: &mut Frame) -> Result<(), Refusal> {
        if self.tape.is_some() {
            return self.play_tape(link, frame);
        }
        *frame = checked(frame)?;
        let id = text(frame, "requestId");
        match text(frame, "action").unwrap_or_default() {
            "ping" => self.send(link, &frames::pong(id, self.now())),
            "create_conversation_session" => {
                let told = self.create(link, frame);
                self.value(link, frame, told);
            }
            "list_conversations" => {
                let told = self.list(frame)?;
                self.value(link, frame, told);
            }
            "rename_conversation" => {
                let told = self.rename(frame)?;
                self.value(link, frame, told);
            }
            "cancel" => self.cancel(link, frame),
            word => return self.on_session(link, word, frame),
        }
        Ok(())
    }

    fn on_session(&mut self, link: u64, word: &str, frame: &Frame) -> Result<(), Refusal> {
        let id = text(frame, "sessionId").unwrap_or_default().to_owned();
        let Some(session) = self.sessions.get(&id) else {
            return Err(match word {
                "confirm_tool_action" => nothing("NO_PENDING_CONFIRMATION"),
                "submit_interaction" => nothing("NO_PENDING_INTERACTION"),
                _ => Refusal("SESSION_NOT_FOUND", "the session is unknown".to_owned()),
            });
        };
        match word {
            "get_session" => {
                let told = self.described(link, &id, "spec_1_2");
                self.value(link, frame, told);
            }
            "get_conversation_messages" => {
                let told = self.history(session, frame)?;
                self.value(link, frame, told);
            }
            "send_message" => return self.send_message(link, &id, frame),
            "resume_turn" => return self.resume_turn(link, &id, frame),
            "confirm_tool_action" => return self.confirmed(link, &id, frame),
            "submit_interaction" => return self.submitted(link, &id, frame),
            _ => self.verified(link, &id, frame),
        }
        Ok(())
    }

    fn value(&self, link: u64, frame: &Frame, data: Value) {
        let id = text(frame, "requestId");
        self.send(link, &frames::immediate(id, self.now(), 200, data));
    }

    /// Tells why an action was refused. One that answers a verb of the turn that runs on this link is
    /// an event of that turn (REQ-SRV-24).
    fn refuse(&mut self, link: u64, frame: &Frame, refusal: &Refusal) {
        let Refusal(code, why) = refusal;
        let word = text(frame, "action");
        let turn = self.turn_of(frame).filter(|turn| {
            let it = &self.turns[*turn];
            it.holder == Some(link) && it.replays
        });
        if let Some(turn) = turn
            && word != Some("send_message")
            && word != Some("resume_turn")
        {
            let knows = self.sessions[&self.turns[turn].session].knows("spec_1_1");
            self.emit(turn, |id, now| {
                frames::error(Some(id), now, code, why, knows.then_some(false))
            });
            return;
        }
        let id = text(frame, "requestId");
        self.send(link, &frames::error(id, self.now(), code, why, None));
    }

    /// The turn that runs in the session and under the id of an action.
    pub(super) fn turn_of(&self, frame: &Frame) -> Option<usize> {
        let session = self.sessions.get(text(frame, "sessionId")?)?;
        let running = self.talks[session.talk].running?;
        let same = Some(self.turns[running].request_id.as_str()) == text(frame, "requestId");
        same.then_some(running)
    }

    fn create(&mut self, link: u64, frame: &Frame) -> Value {
        let asked = text(frame, "conversationId");
        let known = self
            .talks
            .iter()
            .position(|it| Some(it.id.as_str()) == asked);
        let talk = known.unwrap_or_else(|| {
            let id = self.new_id();
            self.talks.push(Talk {
                id,
                ..Talk::default()
            });
            self.talks.len() - 1
        });
        let listed = frame.get("supports").and_then(Value::as_array);
        let lists =
            |word: &&'static str| listed.is_some_and(|it| it.iter().any(|one| one == *word));
        let words = self.capabilities().into_iter().filter(lists).collect();
        let id = self.new_id();
        let session = Session {
            id: id.clone(),
            agent_id: text(frame, "agentId").unwrap_or_default().to_owned(),
            email: text(frame, "userEmail").map(str::to_owned),
            person: self.new_id(),
            robot: self.new_id(),
            talk,
            words,
            verified: false,
            code: None,
        };
        self.sessions.insert(id.clone(), session);
        self.described(link, &id, "spec_1_1")
    }

    /// A session as it stands; its capabilities for clients that know this word.
    fn described(&mut self, link: u64, id: &str, word: &str) -> Value {
        let session = &self.sessions[id];
        let mut told = json!({
            "sessionId": session.id,
            "conversationId": self.talks[session.talk].id,
            "agentId": session.agent_id,
            "agentName": self.agent_name,
            "userParticipantId": session.person,
            "agentParticipantId": session.robot,
        });
        if session.knows(word) {
            told["capabilities"] = self.capabilities().into();
        }
        if session.knows("replay")
            && let Some(running) = self.talks[session.talk].running
        {
            let turn = &mut self.turns[running];
            if !turn.events.is_empty() {
                turn.told.insert(link);
                told["openTurn"] =
                    json!({"requestId": turn.request_id, "lastSeq": turn.events.len()});
            }
        }
        told
    }

    fn rename(&mut self, frame: &Frame) -> Answer {
        let asked = text(frame, "conversationId");
        let talk = self
            .talks
            .iter_mut()
            .find(|it| Some(it.id.as_str()) == asked)
            .ok_or_else(|| {
                Refusal(
                    "CONVERSATION_NOT_FOUND",
                    "the conversation is unknown".to_owned(),
                )
            })?;
        talk.title = text(frame, "title").map(str::to_owned);
        Ok(json!({"conversationId": talk.id, "title": talk.title}))
    }

    /// Accepts a message and runs its turn, or finds the turn that it was (REQ-SRV-28, REQ-SRV-29).
    fn send_message(&mut self, link: u64, session: &str, frame: &Frame) -> Result<(), Refusal> {
        let said = text(frame, "message").unwrap_or_default();
        let holds = |name| {
            let list = frame.get(name).and_then(Value::as_array);
            list.is_some_and(|it| !it.is_empty())
        };
        if said.is_empty() && !holds("images") && !holds("files") {
            return Err(invalid("/message is empty"));
        }
        let id = match text(frame, "requestId") {
            Some(id) => id.to_owned(),
            None => self.new_id(),
        };
        let (talk, replays) = {
            let session = &self.sessions[session];
            (session.talk, session.knows("replay"))
        };
        if replays {
            if let Some(known) = self.talks[talk].turns.get(&id).copied() {
                if self.turns[known].body != body_of(frame) {
                    return Err(invalid("/requestId names another message"));
                }
                self.take_up(known, session, link, 0);
                return Ok(());
            }
            let fence = self.talks[talk].fences.get(&id);
            if fence.is_some_and(|told| *told != link) {
                return Ok(());
            }
        }
        if self.talks[talk].running.is_some() {
            return Err(Refusal(
                "TURN_IN_PROGRESS",
                "another turn still runs".to_owned(),
            ));
        }
        if let Some(session) = self.sessions.get_mut(session) {
            session.code = None;
        }
        self.say(talk, "inbound", said, &id, Some("running"));
        let turn = self.turns.len();
        self.turns.push(Turn {
            session: session.to_owned(),
            talk,
            request_id: id.clone(),
            body: body_of(frame),
            streams: frame.get("stream") != Some(&Value::Bool(false)),
            replays,
            message: self.talks[talk].messages.len() - 1,
            holder: Some(link),
            since: link,
            told: HashSet::new(),
            events: Vec::new(),
            pumped: 0,
            steps: VecDeque::new(),
            waits: false,
            alarm: None,
            alone: None,
            asked: None,
            answers: HashMap::new(),
            outcome: None,
            text: String::new(),
            usage: None,
            found: Vec::new(),
        });
        self.talks[talk].running = Some(turn);
        self.talks[talk].turns.insert(id, turn);
        self.emit(turn, |id, now| {
            frames::immediate(Some(id), now, 202, json!({}))
        });
        self.begin(turn, said);
        Ok(())
    }

    /// Gives a turn its steps and plays them.
    fn begin(&mut self, turn: usize, said: &str) {
        let steps = match self.script {
            Some(_) => Some(VecDeque::from([Step::Script])),
            None => self.replies.iter().find_map(|reply| reply.serve(said)),
        };
        match steps {
            Some(steps) => {
                self.turns[turn].steps = steps;
                self.run(turn);
            }
            None => {
                self.unmatched.push(said.to_owned());
                self.fail(turn, "AGENT_ERROR", "No reply fits the message.");
            }
        }
    }

    /// Stops the turn that is named, if there is one (REQ-SRV-15).
    fn cancel(&mut self, link: u64, frame: &Frame) {
        let id = text(frame, "requestId");
        let session = text(frame, "sessionId");
        let in_talk = session.map(|it| self.sessions.get(it).map(|it| it.talk));
        let named = |turn: &usize| {
            let it = &self.turns[*turn];
            let here = match in_talk {
                None => it.holder == Some(link),
                Some(talk) => talk == Some(it.talk),
            };
            here && id.is_none_or(|id| it.request_id == id)
        };
        let running = self.talks.iter().filter_map(|it| it.running);
        let found: Vec<usize> = running.filter(named).collect();
        let [turn] = found[..] else { return };
        let holder = self.turns[turn].holder;
        self.cancelled(turn);
        if holder != Some(link) {
            let frame = frames::cancelled(&self.turns[turn].request_id, self.now());
            self.send(link, &frame);
        }
    }

    /// Lets a link go on with a turn (REQ-SRV-26 to REQ-SRV-31).
    fn resume_turn(&mut self, link: u64, named: &str, frame: &Frame) -> Result<(), Refusal> {
        let session = &self.sessions[named];
        if !session.knows("replay") {
            return Err(Refusal(
                "UNSUPPORTED_ACTION",
                "the session has no replay".to_owned(),
            ));
        }
        let id = text(frame, "requestId").unwrap_or_default();
        let after = frame
            .get("afterSeq")
            .and_then(Value::as_number)
            .and_then(whole);
        let after = usize::try_from(after.unwrap_or_default()).unwrap_or_default();
        let talk = session.talk;
        match self.talks[talk].turns.get(id).copied() {
            None => {
                self.talks[talk].fences.insert(id.to_owned(), link);
                self.send(link, &frames::resumed(id, self.now(), "never", 0));
            }
            Some(turn) => {
                let kept = self.turns[turn].events.len();
                match kept == 0 || after > kept {
                    true => self.tell_resumed(turn, link, "gone"),
                    false => self.take_up(turn, named, link, after),
                }
            }
        }
        Ok(())
    }
}

/// A refusal of an answer that nothing waits for.
pub(super) fn nothing(code: &'static str) -> Refusal {
    Refusal(code, "nothing waits for this answer".to_owned())
}
