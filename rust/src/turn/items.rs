//! What a turn has shown, in wire order, for every iterator over it. Bounded: beyond the bound
//! neighbouring tokens are merged, and an iterator that still is over it ends (REQ-TURN-21,
//! REQ-TURN-22).

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;

use super::text::{Accumulator, Halves};
use crate::wire::events::{Event, StreamToken};
use crate::wire::learned::{Fit, Numbers, Pattern, Printed, Varied};
use crate::wire::options::{ITERATOR_BYTES, ITERATOR_ITEMS};

/// Tokens that an iterator takes at once.
const BATCH: usize = 256;

#[derive(Default)]
pub(crate) struct Items {
    slots: VecDeque<Slot>,
    /// Number of the next item.
    next: u64,
    bytes: usize,
    /// Neighbours that are both tokens: what merging can gain.
    pairs: usize,
    streamed: Accumulator,
    patterns: Vec<Arc<Pattern>>,
    readers: Vec<Reader>,
    drawn: u64,
}

/// An iterator and the number of the item that it wants next.
struct Reader {
    id: u64,
    cursor: u64,
    /// Of an iterator that is too slow: the oldest items that it had not taken, as far as the bound
    /// goes (REQ-TURN-22).
    left: Option<VecDeque<Slot>>,
}

impl Reader {
    fn is_too_slow(&self) -> bool {
        self.left.is_some()
    }
}

/// One item, or several tokens that were merged.
#[derive(Clone)]
struct Slot {
    first: u64,
    bytes: usize,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// A part of the streamed text.
    Text(Run),
    Event(Event),
}

/// Tokens in a row: where their text lies, where that of the last one begins, that one itself and
/// the size of its frame.
#[derive(Clone)]
struct Run {
    start: usize,
    last: usize,
    end: usize,
    merged: u64,
    token: Token,
    frame: usize,
}

#[derive(Clone)]
enum Token {
    /// Like a learned one: the number of its pattern, and its spelling where that has escapes.
    Like(usize, Numbers, Option<Box<str>>),
    Read(StreamToken),
}

/// What became of an iterator's wish for more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Some,
    Nothing,
    /// Items that it had not seen are gone.
    TooSlow,
}

impl Items {
    /// The streamed text so far.
    pub(crate) fn text(&self) -> &str {
        self.streamed.newest()
    }

    /// The text begins anew, and the items go on: the message is sent again (REQ-ASK-11).
    pub(crate) fn renew(&mut self) {
        self.streamed.renew();
    }

    /// Adds an item.
    pub(crate) fn push(&mut self, event: Event) {
        match event {
            Event::StreamToken(token) => {
                let halves = Halves::of(&token);
                let (start, joined) = self.streamed.join(token.token(), halves);
                if joined {
                    self.cut_last(start);
                }
                let frame = token.raw().len();
                self.add_token(start, Token::Read(token), frame);
            }
            other => self.add(other.raw().len(), Kind::Event(other)),
        }
        self.bound();
    }

    /// Adds frames that fit a pattern, in their order.
    pub(crate) fn extend<T: Deref<Target = str>>(
        &mut self,
        pattern: &Arc<Pattern>,
        frames: impl Iterator<Item = (T, Fit)>,
    ) {
        if !matches!(pattern.event(), Event::StreamToken(_)) {
            for (frame, fit) in frames {
                self.push(pattern.event_of(&frame, fit));
            }
            return;
        }
        let known = self
            .patterns
            .iter()
            .position(|other| Arc::ptr_eq(other, pattern));
        let number = known.unwrap_or_else(|| {
            self.patterns.push(Arc::clone(pattern));
            self.patterns.len() - 1
        });
        for (frame, fit) in frames {
            let spelled = &frame[fit.text];
            let start = self.streamed.push(fit.plain.as_deref().unwrap_or(spelled));
            let spelled = fit.plain.is_some().then(|| spelled.into());
            let token = Token::Like(number, fit.numbers, spelled);
            self.add_token(start, token, frame.len());
        }
        self.bound();
    }

    fn add_token(&mut self, start: usize, token: Token, frame: usize) {
        let end = self.streamed.text().len();
        let run = Run {
            start,
            last: start,
            end,
            merged: 1,
            token,
            frame,
        };
        self.add(frame, Kind::Text(run));
    }

    fn add(&mut self, bytes: usize, kind: Kind) {
        let first = self.next;
        self.next += 1;
        self.append(Slot { first, bytes, kind });
    }

    fn append(&mut self, slot: Slot) {
        let after_token = self.slots.back().is_some_and(Slot::is_text);
        self.pairs += usize::from(after_token && slot.is_text());
        self.bytes += slot.bytes;
        self.slots.push_back(slot);
    }

    /// Takes the half at the end of the last token away: the next one completes it.
    fn cut_last(&mut self, end: usize) {
        if let Some(run) = self.slots.iter_mut().rev().find_map(Slot::run_mut) {
            run.end = run.end.min(end);
            run.last = run.last.min(run.end);
            run.start = run.start.min(run.end);
        }
    }

    // --- iterators

    /// A new iterator, from the first item on.
    pub(crate) fn enter(&mut self) -> u64 {
        self.drawn += 1;
        let first = self.slots.front().map_or(self.next, |slot| slot.first);
        self.readers.push(Reader {
            id: self.drawn,
            cursor: first,
            left: (first > 0).then(VecDeque::new), // the first item is gone
        });
        self.drawn
    }

    pub(crate) fn leave(&mut self, id: u64) {
        self.readers.retain(|reader| reader.id != id);
    }

    /// Hands an iterator what it has not seen, up to a batch.
    pub(crate) fn take(&mut self, id: u64, out: &mut Batch) -> Taken {
        let Some(reader) = self.readers.iter_mut().find(|reader| reader.id == id) else {
            return Taken::Nothing;
        };
        if let Some(left) = &mut reader.left {
            let Some(slot) = left.pop_front() else {
                return Taken::TooSlow;
            };
            out.begin(&self.patterns);
            out.add(&slot, self.streamed.text());
            return Taken::Some;
        }
        let from = self
            .slots
            .partition_point(|slot| slot.first < reader.cursor);
        let texts = self.slots.range(from..).take_while(|slot| slot.is_text());
        let count = texts.take(BATCH).count().max(1);
        let until = (from + count).min(self.slots.len());
        if from == until {
            return Taken::Nothing;
        }
        out.begin(&self.patterns);
        for slot in self.slots.range(from..until) {
            out.add(slot, self.streamed.text());
        }
        reader.cursor = self.slots.get(until).map_or(self.next, |slot| slot.first);
        Taken::Some
    }

    // --- the bound

    fn bound(&mut self) {
        if self.slots.len() <= ITERATOR_ITEMS && self.bytes <= ITERATOR_BYTES {
            return;
        }
        if self.pairs > self.readers.len() {
            self.merge(self.kept());
        }
        for index in 0..self.readers.len() {
            let cursor = self.readers[index].cursor;
            let over = !self.within(cursor) && !self.could_fit(cursor);
            if over && !self.readers[index].is_too_slow() {
                self.readers[index].left = Some(self.oldest(cursor));
            }
        }
        let kept = self.kept();
        while (self.slots.len() - self.pairs > ITERATOR_ITEMS || self.bytes > ITERATOR_BYTES)
            && self.slots.front().is_some_and(|slot| slot.first < kept)
        {
            self.drop_first();
        }
    }

    /// The first item that an iterator within the bound has not taken.
    fn kept(&self) -> u64 {
        let live = self.readers.iter().filter(|reader| !reader.is_too_slow());
        let cursors = live.map(|reader| reader.cursor);
        let within = cursors.filter(|cursor| self.within(*cursor));
        within.min().unwrap_or(self.next)
    }

    /// Whether the items from a cursor on are within the bound.
    fn within(&self, cursor: u64) -> bool {
        let from = self.slots.partition_point(|slot| slot.first < cursor);
        let bytes = || {
            self.slots
                .range(from..)
                .map(|slot| slot.bytes)
                .sum::<usize>()
        };
        self.slots.len() - from <= ITERATOR_ITEMS
            && (self.bytes <= ITERATOR_BYTES || bytes() <= ITERATOR_BYTES)
    }

    /// Whether merging all neighbours would bring the items from a cursor on below the bound; they
    /// are not merged where another iterator is about to take them as they came.
    fn could_fit(&self, cursor: u64) -> bool {
        let from = self.slots.partition_point(|slot| slot.first < cursor);
        let (mut items, mut bytes, mut after_token) = (0, 0, 0);
        for slot in self.slots.range(from..) {
            let (text, frame) = slot.sizes();
            if after_token == 0 || !slot.is_text() {
                items += 1;
                after_token = 0;
            }
            bytes = bytes + text + frame - after_token;
            after_token = if slot.is_text() { frame } else { 0 };
        }
        items <= ITERATOR_ITEMS && bytes <= ITERATOR_BYTES
    }

    /// The oldest items from a cursor on that are within the bound, neighbouring tokens merged.
    fn oldest(&self, cursor: u64) -> VecDeque<Slot> {
        let from = self.slots.partition_point(|slot| slot.first < cursor);
        let (mut oldest, mut bytes) = (VecDeque::<Slot>::new(), 0);
        for slot in self.slots.range(from..) {
            let (before, full) = (oldest.back().map_or(0, |it| it.bytes), oldest.len());
            match (oldest.back_mut(), &slot.kind) {
                (Some(last), Kind::Text(next)) if last.is_text() => {
                    last.absorb(next.clone());
                    bytes = bytes - before + last.bytes;
                }
                _ if full == ITERATOR_ITEMS || bytes + slot.bytes > ITERATOR_BYTES => break,
                _ => {
                    bytes += slot.bytes;
                    oldest.push_back(slot.clone());
                }
            }
        }
        oldest
    }

    fn drop_first(&mut self) {
        if let Some(gone) = self.slots.pop_front() {
            self.bytes -= gone.bytes;
            let both = gone.is_text() && self.slots.front().is_some_and(Slot::is_text);
            self.pairs -= usize::from(both);
        }
    }

    /// Merges neighbouring tokens before an item, never over the place where an iterator stands.
    fn merge(&mut self, before: u64) {
        let old = std::mem::take(&mut self.slots);
        let firsts = old.iter().skip(1).map(|slot| slot.first);
        let ends: Vec<u64> = firsts.chain([self.next]).collect();
        (self.bytes, self.pairs) = (0, 0);
        for (slot, end) in old.into_iter().zip(ends) {
            let stands = |reader: &Reader| reader.cursor == slot.first && !reader.is_too_slow();
            let apart = end > before || self.readers.iter().any(stands);
            match (self.slots.back_mut(), slot.kind) {
                (Some(last), Kind::Text(next)) if !apart && last.is_text() => {
                    self.bytes -= last.bytes;
                    last.absorb(next);
                    self.bytes += last.bytes;
                }
                (_, kind) => self.append(Slot { kind, ..slot }),
            }
        }
    }
}

impl Slot {
    fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text(_))
    }

    /// Bytes of its merged text, and of the one frame that stays beside that.
    fn sizes(&self) -> (usize, usize) {
        match &self.kind {
            Kind::Text(run) => (run.end - run.start, run.frame),
            Kind::Event(_) => (0, self.bytes),
        }
    }

    fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.kind {
            Kind::Text(run) => Some(run),
            Kind::Event(_) => None,
        }
    }

    /// Takes in the tokens that follow its own.
    fn absorb(&mut self, next: Run) {
        let Kind::Text(run) = &mut self.kind else {
            return;
        };
        *run = Run {
            start: run.start,
            merged: run.merged + next.merged,
            ..next
        };
        self.bytes = run.end - run.start + run.frame;
    }
}

/// Items that an iterator took and has not given out yet.
#[derive(Default)]
pub(crate) struct Batch {
    text: String,
    pieces: VecDeque<Piece>,
    patterns: Vec<Arc<Pattern>>,
}

enum Piece {
    Text(Run),
    Event(Event),
}

impl Batch {
    fn begin(&mut self, patterns: &[Arc<Pattern>]) {
        self.text.clear();
        let known = self.patterns.len();
        self.patterns.extend(patterns.iter().skip(known).cloned());
    }

    fn add(&mut self, slot: &Slot, streamed: &str) {
        self.pieces.push_back(match &slot.kind {
            Kind::Event(event) => Piece::Event(event.clone()),
            Kind::Text(run) => {
                let start = self.text.len();
                self.text.push_str(&streamed[run.start..run.end]);
                let last = start + run.last - run.start;
                Piece::Text(Run {
                    start,
                    last,
                    end: self.text.len(),
                    ..run.clone()
                })
            }
        });
    }

    pub(crate) fn next(&mut self) -> Option<Event> {
        Some(match self.pieces.pop_front()? {
            Piece::Event(event) => event,
            Piece::Text(run) => self.event(run),
        })
    }

    fn event(&self, run: Run) -> Event {
        let Run {
            start,
            last,
            end,
            merged,
            token,
            ..
        } = run;
        let text = &self.text[start..end];
        match token {
            Token::Read(token) if merged == 1 => Event::StreamToken(token),
            Token::Read(token) => {
                let event = Event::StreamToken(token);
                let numbers = event
                    .varying()
                    .map(|(_, numbers)| numbers)
                    .unwrap_or_default();
                event.varied(Varied {
                    text: text.into(),
                    numbers,
                    merged,
                    printed: None,
                })
            }
            Token::Like(pattern, numbers, spelled) => {
                let own = || (merged > 1).then(|| self.text[last..end].into());
                let pattern = &self.patterns[pattern];
                let printed = Printed::new(Arc::clone(pattern), spelled.or_else(own), numbers);
                let text = text.into();
                pattern.event().varied(Varied {
                    text,
                    numbers,
                    merged,
                    printed: Some(printed),
                })
            }
        }
    }
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
