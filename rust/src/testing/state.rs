//! What the server remembers: conversations, their sessions, their turns, and the links.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::cassette::Tape;
use super::fields::{Refusal, invalid, whole};
use super::forms::Form;
use super::frames::text;
use super::reply::Reply;
use super::script::Script;
use super::turns::Turn;

/// First of January 2000, UTC: when a server in memory begins.
const BEGIN_MS: u64 = 946_684_800_000;

/// One message of a conversation.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) direction: &'static str,
    pub(super) text: String,
    pub(super) request_id: String,
    /// How the turn of an inbound one stands.
    pub(super) turn: Option<&'static str>,
    pub(super) made: u64,
}

/// A conversation.
#[derive(Default)]
pub(super) struct Talk {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) messages: Vec<Message>,
    /// Place of its newest message among all.
    pub(super) updated: usize,
    /// Turns by their requestId, and the one that runs.
    pub(super) turns: HashMap<String, usize>,
    pub(super) running: Option<usize>,
    /// Ids that were promised to be never, with the link that was told so.
    pub(super) fences: HashMap<String, u64>,
}

impl Talk {
    /// The title, or the first message.
    pub(super) fn shown_title(&self) -> &str {
        let first = self.messages.first().map(|it| it.text.as_str());
        self.title.as_deref().or(first).unwrap_or_default()
    }
}

/// A code that outlives its turn (REQ-OTP-03).
pub(super) struct Code {
    pub(super) right: String,
    pub(super) attempts: u32,
}

/// A session on a conversation, with the words that both sides know.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) agent_id: String,
    pub(super) email: Option<String>,
    pub(super) person: String,
    pub(super) robot: String,
    pub(super) talk: usize,
    pub(super) words: Vec<&'static str>,
    pub(super) verified: bool,
    pub(super) code: Option<Code>,
}

impl Session {
    pub(super) fn knows(&self, word: &str) -> bool {
        self.words.contains(&word)
    }
}

/// What a link's reader is given.
pub(super) enum Out {
    Text(Arc<str>),
    End(u16),
}

/// What is done when a time has passed.
pub(super) enum Due {
    /// A delay of a turn is over.
    Step(usize),
    /// A question of a turn lapses.
    Question(usize, String),
    /// Nobody took a turn up.
    Alone(usize),
}

/// A timer, until it is dropped.
pub(super) struct Alarm(tokio::task::AbortHandle);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The server's memory behind its lock.
pub(super) struct Shared(Mutex<World>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn new(world: impl FnOnce(Weak<Self>) -> World) -> Arc<Self> {
        Arc::new_cyclic(|me| Self(Mutex::new(world(me.clone()))))
    }
}

/// Everything there is.
pub(super) struct World {
    pub(super) me: Weak<Shared>,
    pub(super) replay: bool,
    pub(super) agent_name: String,
    pub(super) question_time: Duration,
    pub(super) begun: Instant,
    /// On loopback the time is the machine's.
    pub(super) real_time: bool,
    pub(super) closed: bool,
    pub(super) ids: u64,
    pub(super) said: usize,
    pub(super) clients: u64,
    pub(super) replies: Vec<Reply>,
    pub(super) script: Option<Script>,
    pub(super) tape: Option<Tape>,
    pub(super) refusals: std::collections::VecDeque<(u16, Vec<(String, String)>)>,
    pub(super) opened: u64,
    pub(super) links: BTreeMap<u64, UnboundedSender<Out>>,
    pub(super) sessions: HashMap<String, Session>,
    pub(super) talks: Vec<Talk>,
    pub(super) turns: Vec<Turn>,
    pub(super) sent: Vec<Value>,
    pub(super) unmatched: Vec<String>,
}

impl World {
    pub(super) fn new(me: Weak<Shared>) -> Self {
        Self {
            me,
            replay: true,
            agent_name: "Fake Agent".to_owned(),
            question_time: Duration::from_secs(300),
            begun: Instant::now(),
            real_time: false,
            closed: false,
            ids: 0,
            said: 0,
            clients: 0,
            replies: Vec::new(),
            script: None,
            tape: None,
            refusals: std::collections::VecDeque::new(),
            opened: 0,
            links: BTreeMap::new(),
            sessions: HashMap::new(),
            talks: Vec::new(),
            turns: Vec::new(),
            sent: Vec::new(),
            unmatched: Vec::new(),
        }
    }

    /// The next id: they count from 1.
    pub(super) fn new_id(&mut self) -> String {
        self.ids += 1;
        format!("00000000-0000-4000-8000-{:012}", self.ids)
    }

    /// Milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        let since = match self.real_time {
            true => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            false => Duration::from_millis(BEGIN_MS) + self.begun.elapsed(),
        };
        u64::try_from(since.as_millis()).unwrap_or_default()
    }

    /// The words that the server lists.
    pub(super) fn capabilities(&self) -> Vec<&'static str> {
        let mut words = vec![
            "otp_park",
            "spec_1_1",
            "identity_form",
            "choice_chips",
            "spec_1_2",
        ];
        words.extend(self.replay.then_some("replay"));
        words
    }

    /// Keeps a message.
    pub(super) fn say(
        &mut self,
        talk: usize,
        direction: &'static str,
        said: &str,
        request_id: &str,
        turn: Option<&'static str>,
    ) -> String {
        let (id, made) = (self.new_id(), self.now());
        self.said += 1;
        let talk = &mut self.talks[talk];
        talk.updated = self.said;
        talk.messages.push(Message {
            id: id.clone(),
            direction,
            text: said.to_owned(),
            request_id: request_id.to_owned(),
            turn,
            made,
        });
        id
    }

    /// Does something when a time has passed, unless the alarm is dropped before.
    pub(super) fn later(&self, time: Duration, due: Due) -> Alarm {
        let me = self.me.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep(time).await;
            if let Some(shared) = me.upgrade() {
                shared.lock().fire(due);
            }
        });
        Alarm(task.abort_handle())
    }

    pub(super) fn send(&self, link: u64, frame: &Value) {
        self.send_text(link, frame.to_string().into());
    }

    pub(super) fn send_text(&self, link: u64, frame: Arc<str>) {
        if let Some(to) = self.links.get(&link) {
            let _ = to.send(Out::Text(frame)); // a reader that is gone has ended the link
        }
    }

    /// Ends a link, from either side.
    pub(super) fn part(&mut self, link: u64, code: u16) {
        let Some(to) = self.links.remove(&link) else {
            return;
        };
        let _ = to.send(Out::End(code));
        for turn in 0..self.turns.len() {
            if self.turns[turn].holder == Some(link) {
                self.orphaned(turn);
            }
        }
    }

    /// A page of a history, newest first.
    pub(super) fn history(&self, session: &Session, frame: &Map<String, Value>) -> Answer {
        let newer = session.knows("spec_1_2");
        let rows = self.talks[session.talk].messages.iter().rev();
        let rows = rows.map(|it| (it.id.clone(), it.shown(newer))).collect();
        page(rows, frame, 100, "messages")
    }

    /// A page of the conversations in which something was said.
    pub(super) fn list(&self, frame: &Map<String, Value>) -> Answer {
        let query = text(frame, "query").unwrap_or_default().to_lowercase();
        let mut talks: Vec<&Talk> = self
            .talks
            .iter()
            .filter(|it| !it.messages.is_empty())
            .filter(|it| it.shown_title().to_lowercase().contains(&query))
            .collect();
        talks.sort_by_key(|it| std::cmp::Reverse(it.updated));
        let rows = talks.into_iter().map(|it| {
            let newest = it.messages.last().map_or(0, |it| it.made);
            let shown = json!({
                "conversationId": it.id, "title": it.shown_title(), "updatedAt": stamp(newest),
                "messageCount": it.messages.len(),
            });
            (it.id.clone(), shown)
        });
        page(rows.collect(), frame, 200, "conversations")
    }
}

/// What a call is answered with.
pub(super) type Answer = Result<Value, Refusal>;

impl Message {
    fn shown(&self, newer: bool) -> Value {
        let mut told = json!({
            "id": self.id, "direction": self.direction, "content": {"text": self.text},
            "createdAt": stamp(self.made),
        });
        if newer {
            told["requestId"] = self.request_id.as_str().into();
            if let Some(turn) = self.turn {
                told["turn"] = turn.into();
            }
        }
        told
    }
}

/// Cuts rows at a cursor: the id of the row before the page.
fn page(rows: Vec<(String, Value)>, frame: &Map<String, Value>, most: usize, name: &str) -> Answer {
    let limit = frame
        .get("limit")
        .and_then(Value::as_number)
        .and_then(whole);
    let limit = limit.map_or(50, |it| usize::try_from(it).unwrap_or(most).min(most));
    let start = match text(frame, "cursor") {
        None => 0,
        Some(cursor) => rows
            .iter()
            .position(|row| row.0 == cursor)
            .map(|at| at + 1)
            .ok_or_else(|| invalid("/cursor is unknown"))?,
    };
    let more = start + limit < rows.len();
    let cut: Vec<_> = rows.into_iter().skip(start).take(limit).collect();
    let next = cut.last().filter(|_| more).map(|row| row.0.clone());
    let shown: Vec<_> = cut.into_iter().map(|row| row.1).collect();
    Ok(json!({name: shown, "nextCursor": next, "hasMore": more}))
}

/// A time as histories and lists show it.
fn stamp(ms: u64) -> String {
    let (days, rest) = (ms / 86_400_000, ms % 86_400_000);
    // Civil date of a day since 1970, after Howard Hinnant: years begin in March.
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let part = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * part + 2) / 5 + 1;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The form that a question shows, for its answers.
pub(super) type Shown = Arc<Form>;

#[cfg(test)]
mod tests {
    use super::{BEGIN_MS, stamp};

    #[test]
    fn a_time_is_shown_as_a_date() {
        assert_eq!(stamp(BEGIN_MS), "2000-01-01T00:00:00.000Z");
        assert_eq!(stamp(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
    }
}
