
//! Frames that stream differ in a text and numbers alone. After one full decode of such a frame the
//! reader knows what stands before, between and after them; a frame that fits byte for byte is
//! read without a parse. Whatever does not fit exactly takes the full way.

#![allow(dead_code)] // a specification need not have events that stream

use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use super::codec::{DecodeError, correlation, decode, streaming};
use super::events::Event;
use super::json::{Kept, Received};
use super::mend;

/// Values of the numbers that vary, in the order of the specification.
pub(crate) type Numbers = [Option<i64>; 2];

/// Where the facts of an event that streams may lie in its frame.
pub(crate) struct Streaming {
    pub(crate) text: &'static [&'static [&'static str]],
    pub(crate) numbers: &'static [&'static [&'static [&'static str]]],
}

/// What varies between the frames of one pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hole {
    Text,
    Number(usize),
}

/// A frame that was read in full, cut at what varies.
pub(crate) struct Pattern {
    event: Event,
    id: Option<Box<str>>,
    first: Box<str>,
    rest: Vec<(Hole, Box<str>)>,
}

/// A frame that fits a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fit {
    /// Where the text lies in the frame, as it is spelled there.
    pub(crate) text: Range<usize>,
    /// The text itself, where escapes make it differ from its spelling.
    pub(crate) plain: Option<Box<str>>,
    pub(crate) numbers: Numbers,
}

/// An integer has at most as many digits as cannot leave its bounds.
const DIGITS: usize = 15;

impl Pattern {
    /// Cuts the frame of an event, and proves the cut: the frame itself and one with other values
    /// must come out as the full decode reads them.
    fn of(event: &Event, frame: &str) -> Option<Self> {
        let places = streaming(event.event_type())?;
        let mut cuts: Vec<(Range<usize>, Hole)> = Vec::new();
        for path in places.text {
            if let Some(raw) = at(frame, path) {
                let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
                cuts.push((span(frame, inner)?, Hole::Text));
            }
        }
        for (index, paths) in places.numbers.iter().enumerate() {
            for raw in paths.iter().filter_map(|path| at(frame, path)) {
                cuts.push((span(frame, raw)?, Hole::Number(index)));
            }
        }
        cuts.sort_unstable_by_key(|(range, _)| range.start);
        let ends = cuts.iter().skip(1).map(|(next, _)| next.start).chain([frame.len()]);
        let mut rest = Vec::with_capacity(cuts.len());
        for ((range, hole), end) in cuts.iter().zip(ends) {
            rest.push((*hole, frame.get(range.end..end)?.into()));
        }
        let made = Self {
            event: event.clone(),
            id: correlation(event).map(|id| (&*id).into()),
            first: frame.get(..cuts.first()?.0.start)?.into(),
            rest,
        };
        made.proven(frame).then_some(made)
    }

    fn proven(&self, frame: &str) -> bool {
        let Some((text, numbers)) = self.event.varying() else {
            return false;
        };
        let Some(own) = self.fit(frame) else {
            return false;
        };
        if own.plain.as_deref().unwrap_or(&frame[own.text]) != text || own.numbers != numbers {
            return false;
        }
        let other = numbers.map(|number| number.map(|it| it / 2 + 1));
        let probe = self.print("~\\n", &other);
        let read = decode(&probe);
        read.is_ok_and(|it| it.varying() == Some(("~\n", other)))
    }

    /// The id of the action that frames of this pattern belong to.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The event that was read in full.
    pub(crate) fn event(&self) -> &Event {
        &self.event
    }

    /// Compares a frame with the pattern.
    pub(crate) fn fit(&self, frame: &str) -> Option<Fit> {
        let bytes = frame.as_bytes();
        let mut rest = bytes.strip_prefix(self.first.as_bytes())?;
        let mut fit = Fit { text: 0..0, plain: None, numbers: [None; 2] };
        let mut seen = false;
        for (hole, literal) in &self.rest {
            let start = bytes.len() - rest.len();
            let size = match hole {
                Hole::Text if seen => {
                    // the other copy of the same fact: spelled alike, or read in full
                    let spelled = &bytes[fit.text.clone()];
                    rest.starts_with(spelled).then_some(spelled.len())?
                }
                Hole::Text => {
                    let (size, escaped) = text_at(rest)?;
                    fit.text = start..start + size;
                    if escaped {
                        let quoted = frame.get(start - 1..=start + size)?;
                        fit.plain = Some(serde_json::from_str::<String>(quoted).ok()?.into());
                    }
                    seen = true;
                    size
                }
                Hole::Number(index) => {
                    let (size, value) = number_at(rest)?;
                    if fit.numbers[*index].is_some_and(|other| other != value) {
                        return None;
                    }
                    fit.numbers[*index] = Some(value);
                    size
                }
            };
            rest = rest.get(size..)?.strip_prefix(literal.as_bytes())?;
        }
        rest.is_empty().then_some(fit)
    }

    fn print(&self, spelled: &str, numbers: &Numbers) -> String {
        let mut out = String::from(&*self.first);
        for (hole, literal) in &self.rest {
            match hole {
                Hole::Text => out.push_str(spelled),
                Hole::Number(index) => out.push_str(&numbers[*index].unwrap_or_default().to_string()),
            }
            out.push_str(literal);
        }
        out
    }

    /// The event of a frame that fits.
    pub(crate) fn event_of(self: &Arc<Self>, frame: &str, fit: Fit) -> Event {
        let spelled = &frame[fit.text];
        let (text, spelled) = match fit.plain {
            Some(plain) => (plain, Some(spelled.into())),
            None => (spelled.into(), None),
        };
        let printed = Printed::new(Arc::clone(self), spelled, fit.numbers);
        self.event.varied(Varied { text, numbers: fit.numbers, merged: 1, printed: Some(printed) })
    }
}

fn at<'a>(frame: &'a str, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(frame, |inside, name| mend::member(inside, name))
}

/// Where a part of a text lies in it.
fn span(whole: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (whole.get(start..start + part.len())? == part).then_some(start..start + part.len())
}

/// Size of the text that ends before the next quote, and whether it has escapes.
fn text_at(bytes: &[u8]) -> Option<(usize, bool)> {
    let (mut at, mut escaped) = (0, false);
    loop {
        match *bytes.get(at)? {
            b'"' => return Some((at, escaped)),
            b'\\' => {
                escaped = true;
                at += 2;
            }
            0..=0x1f => return None,
            _ => at += 1,
        }
    }
}

/// Size and value of a whole number without a sign, spelled the one way that printing it gives.
fn number_at(bytes: &[u8]) -> Option<(usize, i64)> {
    let size = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if size == 0 || size > DIGITS || (size > 1 && bytes[0] == b'0') {
        return None;
    }
    let value = bytes[..size].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some((size, value))
}

/// What one frame came to.
pub(crate) enum Frame {
    /// It fits the pattern of that number.
    Like(usize, Fit),
    /// It was read in full.
    Read(Result<Event, DecodeError>),
}

/// Reads the frames of one link.
pub(crate) struct Reader {
    learns: bool,
    patterns: Vec<Arc<Pattern>>,
    hits: Vec<u32>,
    last: usize,
    pause: u32,
}

impl Reader {
    /// Patterns that are kept, one for each stream that runs.
    const KEPT: usize = 128;
    /// Frames that are read in full after a pattern went that nothing had fitted.
    const PAUSE: u32 = 256;

    pub(crate) fn new(learns: bool) -> Self {
        Self { learns, patterns: Vec::new(), hits: Vec::new(), last: 0, pause: 0 }
    }

    /// Makes room; the numbers of patterns hold until this is called again.
    pub(crate) fn begin(&mut self) {
        if self.patterns.len() < Self::KEPT {
            return;
        }
        if self.hits.contains(&0) {
            self.pause = Self::PAUSE;
        }
        self.patterns.drain(..Self::KEPT / 2);
        self.hits.drain(..Self::KEPT / 2);
        self.last = 0;
    }

    pub(crate) fn patterns(&self) -> &[Arc<Pattern>] {
        &self.patterns
    }

    pub(crate) fn read(&mut self, frame: &str) -> Frame {
        if let Some((index, fit)) = self.find(frame) {
            self.last = index;
            self.hits[index] = self.hits[index].saturating_add(1);
            return Frame::Like(index, fit);
        }
        let read = decode(frame);
        if self.learns
            && let Ok(event) = &read
            && event.varying().is_some()
        {
            self.learn(event, frame);
        }
        Frame::Read(read)
    }

    fn find(&self, frame: &str) -> Option<(usize, Fit)> {
        let from = self.last;
        let others = (0..self.patterns.len()).filter(|index| *index != from);
        self.patterns.get(from)?;
        [from]
            .into_iter()
            .chain(others)
            .find_map(|index| self.patterns[index].fit(frame).map(|fit| (index, fit)))
    }

    fn learn(&mut self, event: &Event, frame: &str) {
        if self.pause > 0 {
            self.pause -= 1;
        } else if self.patterns.len() < Self::KEPT
            && event.raw() == event.to_json()
            && let Some(pattern) = Pattern::of(event, frame)
        {
            self.patterns.push(Arc::new(pattern));
            self.hits.push(0);
        }
    }
}

/// The facts of an event that were not read from the frame it is like.
pub(crate) struct Varied {
    pub(crate) text: Box<str>,
    pub(crate) numbers: Numbers,
    /// How many events this one stands for.
    pub(crate) merged: u64,
    /// Its frame, where that is another one than the frame it is like.
    pub(crate) printed: Option<Printed>,
}

/// A frame that is printed again when somebody asks.
pub(crate) struct Printed {
    pattern: Arc<Pattern>,
    spelled: Option<Box<str>>,
    numbers: Numbers,
    made: OnceLock<Box<str>>,
}

impl Printed {
    pub(crate) fn new(pattern: Arc<Pattern>, spelled: Option<Box<str>>, numbers: Numbers) -> Self {
        Self { pattern, spelled, numbers, made: OnceLock::new() }
    }

    fn frame(&self, text: &str) -> &str {
        self.made.get_or_init(|| {
            let spelled = self.spelled.as_deref().unwrap_or(text);
            self.pattern.print(spelled, &self.numbers).into()
        })
    }
}

/// An event that streams: read from its frame, or like one that was. Cheap to clone.
pub(crate) enum Streamed<T> {
    Read(Received<T>),
    Like(Arc<Like<T>>),
}

pub(crate) struct Like<T> {
    of: Received<T>,
    varied: Varied,
}

impl<T> Streamed<T> {
    pub(crate) fn varied(&self, varied: Varied) -> Self {
        let of = match self {
            Self::Read(of) => of.clone(),
            Self::Like(like) => like.of.clone(),
        };
        Self::Like(Arc::new(Like { of, varied }))
    }

    pub(crate) fn varying(&self) -> Option<&Varied> {
        match self {
            Self::Read(_) => None,
            Self::Like(like) => Some(&like.varied),
        }
    }

    pub(crate) fn raw(&self) -> &str {
        match self.varying().map(|it| (it.printed.as_ref(), &it.text)) {
            Some((Some(printed), text)) => printed.frame(text),
            _ => &self.raw,
        }
    }

    pub(crate) fn encoded(&self) -> &str {
        match self {
            Self::Read(of) => of.encoded(),
            Self::Like(like) if like.varied.printed.is_none() => like.of.encoded(),
            Self::Like(_) => self.raw(),
        }
    }
}

impl<T> From<Received<T>> for Streamed<T> {
    fn from(of: Received<T>) -> Self {
        Self::Read(of)
    }
}

impl<T> Clone for Streamed<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Read(of) => Self::Read(of.clone()),
            Self::Like(like) => Self::Like(Arc::clone(like)),
        }
    }
}

impl<T> Deref for Streamed<T> {
    type Target = Kept<T>;

    fn deref(&self) -> &Kept<T> {
        match self {
            Self::Read(of) => of,
            Self::Like(like) => &like.of,
        }
    }
}
