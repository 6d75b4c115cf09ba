//! Clocks and memory of this process, and the line that the runner reads.

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::Plan;

/// Jiffies of Linux' /proc; a hundred a second wherever this runs.
const JIFFY: f64 = 0.01;

/// What one run came to.
pub struct Tally {
    began: Instant,
    cpu_before: f64,
    rss_before: u64,
    /// Events that were seen.
    pub events: u64,
    /// Characters of their tokens.
    pub chars: u64,
    /// Time that was waited on purpose.
    pub idle: Duration,
    /// From the first read to the end, of a late reader.
    pub drain: Option<Duration>,
    /// From the ping to its answer.
    pub ping: Option<Duration>,
    /// From the start of the process to the first token.
    pub startup: Option<f64>,
}

impl Tally {
    /// Begins the measured span.
    pub fn begin() -> Self {
        Self {
            rss_before: status("VmRSS:"),
            cpu_before: cpu_seconds(),
            began: Instant::now(),
            events: 0,
            chars: 0,
            idle: Duration::ZERO,
            drain: None,
            ping: None,
            startup: None,
        }
    }

    /// Notes the first token.
    pub fn first_token(&mut self) {
        if self.startup.is_none() {
            self.startup = Some(since_start());
        }
    }

    /// The line of JSON, or what is wrong with the run.
    pub fn checked(self, plan: &Plan) -> Result<Value, Box<dyn Error>> {
        let seconds = self.began.elapsed().saturating_sub(self.idle).as_secs_f64();
        let cpu = cpu_seconds() - self.cpu_before;
        let expected = plan.events * plan.turns * plan.clients;
        if self.events != expected {
            return Err(format!("{} of {expected} events", self.events).into());
        }
        let mut line = json!({
            "events": self.events,
            "copies": plan.turns * plan.clients,
            "chars": self.chars,
            "seconds": seconds,
            "cpu_seconds": cpu,
            "rss_before_bytes": self.rss_before,
            "peak_rss_bytes": status("VmHWM:"),
        });
        if let Some(drain) = self.drain {
            line["drain_seconds"] = drain.as_secs_f64().into();
        }
        if let Some(ping) = self.ping {
            line["ping_ms"] = (ping.as_secs_f64() * 1000.0).into();
        }
        if let Some(startup) = self.startup {
            line["startup_ms"] = startup.into();
        }
        Ok(line)
    }
}

fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Numbers of /proc/self/stat behind the name of the program, the state left out.
fn stat(index: usize) -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let field = fields.split_whitespace().nth(index);
    field.and_then(|it| it.parse().ok()).unwrap_or_default()
}

fn cpu_seconds() -> f64 {
    (stat(11) + stat(12)) * JIFFY
}

/// Milliseconds since the runner started this process, or since the kernel says it did.
fn since_start() -> f64 {
    let began = std::env::var("BENCH_T0")
        .ok()
        .and_then(|t0| t0.parse::<u128>().ok());
    if let Some(began) = began {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanoseconds = now.map_or(0, |now| now.as_nanos().saturating_sub(began));
        return nanoseconds as f64 / 1e6;
    }
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let up: f64 = uptime
        .split_whitespace()
        .next()
        .and_then(|it| it.parse().ok())
        .unwrap_or_default();
    (up - stat(19) * JIFFY) * 1000.0
}
