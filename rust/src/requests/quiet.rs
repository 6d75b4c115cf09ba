//! Frames that are items to their turn and nothing else, and go there as one.

use std::iter::Peekable;
use std::ops::Range;
use std::vec::Drain;

use crate::connection::Came;
use crate::transport::Text;
use crate::wire::codec::streaming;
use crate::wire::learned::{Fit, Frame, Pattern};

/// Where the number of an event in its turn lies in its frame.
const SEQ: &[&str] = &["seq"];

/// Which frames are an item to a turn and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Quiet {
    Never,
    Always,
    /// Those whose numbers follow each other, as far as that range goes (REQ-RESUME-06).
    Numbered(Range<i64>),
}

impl Quiet {
    /// Whether a frame is one of them; the next one has to follow it. `seq`: which of the numbers of
    /// its pattern is that of the event.
    fn takes(&mut self, seq: Option<usize>, fit: &Fit) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Numbered(range) => {
                let number = seq.and_then(|at| fit.numbers[at]);
                number == Some(range.start) && range.next().is_some()
            }
        }
    }

    /// The number of the newest frame of them, where they have any.
    pub(super) fn newest(&self) -> Option<i64> {
        match self {
            Self::Numbered(range) => Some(range.start - 1),
            _ => None,
        }
    }
}

/// The frames of one pattern that follow each other and are items alone, from one on.
pub(super) struct Run {
    number: usize,
    seq: Option<usize>,
    pub(super) quiet: Quiet,
}

impl Run {
    /// A run that begins with a frame; none where that is more than an item.
    pub(super) fn begin(
        number: usize,
        pattern: &Pattern,
        mut quiet: Quiet,
        first: &Fit,
    ) -> Option<Self> {
        let places = streaming(pattern.event().event_type());
        let seq = places.and_then(|it| it.numbers.iter().position(|it| it.contains(&SEQ)));
        let begins = quiet.takes(seq, first);
        begins.then_some(Self { number, seq, quiet })
    }

    /// All its frames.
    pub(super) fn frames(
        &mut self,
        first: (Text, Fit),
        frames: &mut Peekable<Drain<'_, Came>>,
    ) -> impl Iterator<Item = (Text, Fit)> {
        let mut follows = move |it: &Came| match it {
            Came::Text(_, Frame::Like(number, fit)) => {
                *number == self.number && self.quiet.takes(self.seq, fit)
            }
            _ => false,
        };
        let next = move || match frames.next_if(&mut follows) {
            Some(Came::Text(text, Frame::Like(_, fit))) => Some((text, fit)),
            _ => None,
        };
        std::iter::once(first).chain(std::iter::from_fn(next))
    }
}

#[cfg(test)]
mod tests {
    use super::{Fit, Quiet};

    fn fit(seq: Option<i64>) -> Fit {
        Fit {
            text: 0..0,
            plain: None,
            numbers: [Some(7), seq],
        }
    }

    #[test]
    fn req_resume_06_the_short_way_ends_at_a_number_that_does_not_follow_or_leads_to_more() {
        let mut quiet = Quiet::Numbered(3..6);
        let taken = [3, 4, 4, 6, 3, 5, 6].map(|it| quiet.takes(Some(1), &fit(Some(it))));
        assert_eq!(taken, [true, true, false, false, false, true, false]);
        assert_eq!(quiet.newest(), Some(5));
        let mut quiet = Quiet::Numbered(7..i64::MAX);
        assert!(!quiet.takes(Some(1), &fit(None)), "it has no number");
        assert!(!quiet.takes(None, &fit(Some(7))), "nor has any of its kind");
        assert!(quiet.takes(Some(0), &fit(None)));
    }

    #[test]
    fn req_turn_21_without_replay_numbers_say_nothing() {
        let mut quiet = Quiet::Always;
        assert!(quiet.takes(Some(1), &fit(Some(9))) && quiet.takes(None, &fit(None)));
        assert_eq!(quiet.newest(), None);
        assert!(!Quiet::Never.takes(Some(1), &fit(Some(9))));
    }
}
