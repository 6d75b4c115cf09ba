//! The streamed text of an answer. A pair of surrogates that was cut in two by two tokens is joined
//! again (REQ-TURN-10).

use crate::wire::events::StreamToken;
use crate::wire::mend::member;

/// What a half of a pair is shown as, as long as its other half is not there.
const HALF: char = '\u{fffd}';

/// The halves of pairs at the edges of a token, as its frame spells them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Halves {
    low: Option<u16>,
    high: Option<u16>,
}

impl Halves {
    pub(crate) fn of(token: &StreamToken) -> Self {
        let (raw, read) = (token.raw(), token.to_json());
        if std::ptr::eq(raw, read) || !raw.contains("\\u") {
            return Self::default(); // nothing was replaced in it
        }
        let nested = member(raw, "data").and_then(|data| member(data, "token"));
        let spelled = nested.or_else(|| member(raw, "token")).unwrap_or_default();
        Self::spelled(spelled.trim_matches('"'))
    }

    fn spelled(text: &str) -> Self {
        let low = unit(text).filter(|unit| (0xDC00..0xE000).contains(unit));
        let tail = text
            .len()
            .checked_sub(6)
            .and_then(|at| text.split_at_checked(at));
        let high = tail.and_then(|(before, escape)| {
            let escaped = before
                .bytes()
                .rev()
                .take_while(|byte| *byte == b'\\')
                .count()
                % 2
                == 1;
            unit(escape).filter(|unit| !escaped && (0xD800..0xDC00).contains(unit))
        });
        Self { low, high }
    }
}

/// The code unit of the escape that a text begins with.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// Joins halves of pairs over the edges of tokens.
#[derive(Debug, Default)]
pub(crate) struct Joiner(Option<u16>);

impl Joiner {
    /// What a token adds to a text, and whether the text before it loses its last character: the
    /// half that the token completes.
    pub(crate) fn join(&mut self, token: &str, halves: Halves) -> (Option<char>, usize) {
        let joined = match (self.0, halves.low) {
            (Some(high), Some(low)) => char::decode_utf16([high, low]).next().and_then(Result::ok),
            _ => None,
        };
        self.0 = halves.high;
        let skipped = if joined.is_some() && token.starts_with(HALF) {
            HALF.len_utf8()
        } else {
            0
        };
        (joined, skipped)
    }
}

/// Joins the tokens of a text as they come, and holds a half back until the next one.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    joiner: Joiner,
    held: bool,
}

impl Pieces {
    /// The piece of text that a token stands for.
    pub(crate) fn next(&mut self, token: &StreamToken) -> String {
        let mut halves = Halves::of(token);
        let mut whole = false;
        if token.merged() > 1 {
            halves.low = None; // its frame is the last one's, and halves are joined in its text
            let mut units = token.token().encode_utf16();
            whole = self.held && units.next() == self.joiner.0;
        }
        let (joined, skipped) = self.joiner.join(token.token(), halves);
        let mut piece = String::new();
        match joined {
            Some(joined) => piece.push(joined),
            None if self.held && !whole => piece.push(HALF),
            None => {}
        }
        piece.push_str(&token.token()[skipped..]);
        self.held = halves.high.is_some() && piece.ends_with(HALF);
        if self.held {
            piece.pop();
        }
        piece
    }

    /// What was held back when nothing follows.
    pub(crate) fn rest(&mut self) -> Option<String> {
        std::mem::take(&mut self.held).then(|| HALF.to_string())
    }
}

/// All text that was streamed.
#[derive(Debug, Default)]
pub(crate) struct Accumulator {
    text: String,
    /// Where the text of the message begins that was sent last.
    since: usize,
    joiner: Joiner,
}

impl Accumulator {
    /// What follows answers another message.
    pub(crate) fn renew(&mut self) {
        (self.since, self.joiner) = (self.text.len(), Joiner::default());
    }

    /// The text of the newest message.
    pub(crate) fn newest(&self) -> &str {
        &self.text[self.since..]
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Adds a token without halves. Returns where it begins.
    pub(crate) fn push(&mut self, token: &str) -> usize {
        self.joiner = Joiner::default();
        let start = self.text.len();
        self.text.push_str(token);
        start
    }

    /// Adds a token that may have halves. Returns where it begins, and whether that is before the
    /// end of the token before: then that one lost the half at its end.
    pub(crate) fn join(&mut self, token: &str, halves: Halves) -> (usize, bool) {
        let (joined, skipped) = self.joiner.join(token, halves);
        if joined.is_some() {
            self.text.pop();
        }
        let start = self.text.len();
        self.text.extend(joined);
        self.text.push_str(&token[skipped..]);
        (start, joined.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::{Accumulator, Halves};

    fn joined(tokens: &[(&str, &str)]) -> String {
        let mut text = Accumulator::default();
        for (spelled, read) in tokens {
            text.join(read, Halves::spelled(spelled));
        }
        text.text().to_owned()
    }

    #[test]
    fn req_turn_10_halves_of_a_pair_in_two_tokens_are_joined() {
        let cut = [("a\\ud83d", "a\u{fffd}"), ("\\ude00b", "\u{fffd}b")];
        assert_eq!(joined(&cut), "a😀b");
        let chain = [
            ("\\ud83d", "\u{fffd}"),
            ("\\ude00\\ud83d", "\u{fffd}\u{fffd}"),
            ("\\ude01", "\u{fffd}"),
        ];
        assert_eq!(joined(&chain), "😀😁");
    }

    #[test]
    fn req_turn_10_a_half_that_stays_alone_is_replaced() {
        assert_eq!(joined(&[("\\ud83d", "\u{fffd}"), ("x", "x")]), "\u{fffd}x");
        assert_eq!(joined(&[("x", "x"), ("\\ude00", "\u{fffd}")]), "x\u{fffd}");
        let between = [("\\ud83d", "\u{fffd}"), ("", ""), ("\\ude00", "\u{fffd}")];
        assert_eq!(joined(&between), "\u{fffd}\u{fffd}");
        assert_eq!(
            joined(&[("\\\\ud83d", "\\ud83d"), ("\\ude00", "\u{fffd}")]),
            "\\ud83d\u{fffd}"
        );
    }
}
