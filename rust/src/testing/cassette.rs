//! Cassettes: a session of a real server, kept in a file and given back by a fake one.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::fields::{Refusal, invalid};
use super::frames::text;
use super::state::World;
use crate::listeners::{Direction, FrameInfo, StateChange};
use crate::wire::actions::ACTION_SECRETS;
use crate::wire::steps::ConnectionState;
use crate::{ClientBuilder, Error, SmoothAgentClient};

/// The version of cassettes that this kit reads and writes.
const VERSION: u64 = 1;

/// Why a file is no cassette that can be played; names the file, and its line where one is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CassetteError(String);

impl fmt::Display for CassetteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CassetteError {}

/// A client of a real server whose session is kept in a file; see [`record`].
#[derive(Debug)]
pub struct Recording {
    /// The client; its frames are recorded from its first link on.
    pub client: SmoothAgentClient,
    path: PathBuf,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Debug)]
struct Lines {
    begun: Instant,
    link: u64,
    lines: Vec<Value>,
}

/// A client of a real server that writes every frame of both ways to a file. What the schema calls
/// secret is `***` there; tokens and headers are in no frame. The file is written by
/// [`Recording::close`], whole or not at all.
///
/// # Errors
/// An option is malformed.
pub fn record(options: ClientBuilder, path: impl Into<PathBuf>) -> Result<Recording, Error> {
    let client = options.build()?;
    let lines = Arc::new(Mutex::new(Lines {
        begun: Instant::now(),
        link: 0,
        lines: Vec::new(),
    }));
    let (moves, frames) = (Arc::clone(&lines), Arc::clone(&lines));
    client.on_state(move |change| lock(&moves).moved(&change));
    client.on_frame_text(move |frame| lock(&frames).saw(&frame));
    Ok(Recording {
        client,
        path: path.into(),
        lines,
    })
}

fn lock(lines: &Mutex<Lines>) -> std::sync::MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lines {
    fn at(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or_default()
    }

    fn moved(&mut self, change: &StateChange) {
        if change.current == ConnectionState::Open {
            self.link += 1;
        } else if change.previous == ConnectionState::Open && change.reason != "close" {
            let code = change.code.unwrap_or(1006);
            let line = json!({"at": self.at(), "link": self.link, "way": "end", "code": code});
            self.lines.push(line);
        }
    }

    fn saw(&mut self, frame: &FrameInfo) {
        let read = frame.text.as_deref().map(serde_json::from_str::<Value>);
        let Some(Ok(mut tree)) = read else {
            return; // a frame that is none cannot be told in this file
        };
        let way = match frame.direction {
            Direction::Out => "out",
            Direction::In => "in",
        };
        let word = tree["action"].as_str().unwrap_or_default().to_owned();
        for (_, pointer) in ACTION_SECRETS.iter().filter(|(known, _)| *known == word) {
            if let Some(secret) = tree.pointer_mut(pointer) {
                *secret = "***".into();
            }
        }
        let line = json!({"at": self.at(), "link": self.link.max(1), "way": way, "frame": tree});
        self.lines.push(line);
    }
}

impl Recording {
    /// Closes the client and writes the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn close(self) -> io::Result<()> {
        self.client.close().await;
        let beside = self.path.with_extension("cassette-part");
        let written = self.write(&beside);
        let written = written.and_then(|()| std::fs::rename(&beside, &self.path));
        if written.is_err() {
            let _ = std::fs::remove_file(&beside); // it may not be there
        }
        written
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = io::BufWriter::new(std::fs::File::create(path)?);
        writeln!(file, r#"{{"cassette": {VERSION}, "spec": "1.2"}}"#)?;
        for line in &lock(&self.lines).lines {
            writeln!(file, "{line}")?;
        }
        file.flush()
    }
}

/// What followed an action of the recording.
#[derive(Default)]
struct Take {
    id: Option<String>,
    lines: Vec<Value>,
}

/// A cassette that is played.
#[derive(Default)]
pub(super) struct Tape {
    /// What came before the first action.
    before: Vec<Value>,
    takes: HashMap<String, VecDeque<Take>>,
    /// Recorded ids of the client, and those in their place.
    ids: HashMap<String, String>,
}

impl Tape {
    pub(super) fn read(path: &Path) -> Result<Self, CassetteError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(path)
            .map_err(|_| CassetteError(format!("{name} cannot be read")))?;
        let wrong = |n: usize| CassetteError(format!("{name}: line {n} is no frame of a cassette"));
        if text.trim().is_empty() {
            return Err(CassetteError(format!("{name} is empty")));
        }
        let mut tape = Self::default();
        let mut last: Option<String> = None;
        for (place, row) in text.lines().enumerate() {
            let line: Value = serde_json::from_str(row).map_err(|_| wrong(place + 1))?;
            if place == 0 {
                let version = line["cassette"].as_u64().ok_or_else(|| wrong(1))?;
                if version != VERSION {
                    return Err(CassetteError(format!(
                        "{name} is of cassette version {version}; this kit reads {VERSION}"
                    )));
                }
                continue;
            }
            let frame = line["frame"].as_object();
            match (line["way"].as_str(), frame) {
                (Some("out"), Some(frame)) => {
                    let word = super::frames::text(frame, "action");
                    let word = word.ok_or_else(|| wrong(place + 1))?.to_owned();
                    let id = super::frames::text(frame, "requestId").map(str::to_owned);
                    let takes = tape.takes.entry(word.clone()).or_default();
                    takes.push_back(Take {
                        id,
                        ..Take::default()
                    });
                    last = Some(word);
                }
                (Some("in"), Some(_)) => tape.put(last.as_deref(), line),
                (Some("end"), None) if line["code"].is_u64() => tape.put(last.as_deref(), line),
                _ => return Err(wrong(place + 1)),
            }
        }
        Ok(tape)
    }

    fn put(&mut self, after: Option<&str>, line: Value) {
        let take = after
            .and_then(|word| self.takes.get_mut(word))
            .and_then(VecDeque::back_mut);
        match take {
            Some(take) => take.lines.push(line),
            None => self.before.push(line),
        }
    }
}

impl World {
    /// Sends what came before the first action, on the first link.
    pub(super) fn greet(&mut self, link: u64) {
        let before = self.tape.as_mut().map(|it| std::mem::take(&mut it.before));
        self.play_lines(link, &before.unwrap_or_default());
    }

    pub(super) fn play_tape(
        &mut self,
        link: u64,
        frame: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        let word = text(frame, "action").unwrap_or_default();
        let Some(tape) = &mut self.tape else {
            return Ok(());
        };
        let Some(take) = tape.takes.get_mut(word).and_then(VecDeque::pop_front) else {
            self.unmatched.push(word.to_owned());
            return Err(invalid("the cassette holds no further action of this type"));
        };
        if let (Some(recorded), Some(now)) = (take.id, text(frame, "requestId")) {
            tape.ids.insert(recorded, now.to_owned());
        }
        self.play_lines(link, &take.lines);
        Ok(())
    }

    fn play_lines(&mut self, link: u64, lines: &[Value]) {
        for line in lines {
            if line["way"] == "end" {
                let code = line["code"].as_u64().unwrap_or_default();
                self.part(link, u16::try_from(code).unwrap_or(1006));
                continue;
            }
            let mut text = line["frame"].to_string();
            for (recorded, now) in self.tape.iter().flat_map(|it| &it.ids) {
                let quoted = |id: &str| Value::from(id).to_string();
                text = text.replace(&quoted(recorded), &quoted(now));
            }
            self.send_text(link, text.into());
        }
    }
}
