//! The three questions that a turn can ask a human, each with its machine (REQ-VERB-01).

use std::time::Duration;

use crate::clock::Timer;
use crate::errors::QuestionKind;
use crate::wire::events::Event;
use crate::wire::machine::{
    CONFIRMATION, ConfirmationState as QuestionState, INTERACTION, Machine, OTP, Verb,
};

impl QuestionKind {
    pub(crate) const ALL: [Self; 3] = [Self::Confirmation, Self::Otp, Self::Interaction];

    pub(crate) fn machine(self) -> &'static Machine<QuestionState> {
        match self {
            Self::Confirmation => &CONFIRMATION,
            Self::Otp => &OTP,
            Self::Interaction => &INTERACTION,
        }
    }

    /// The code by which a server says that no such question waits.
    pub(crate) fn no_pending(self) -> Option<&'static str> {
        match self {
            Self::Confirmation => Some("NO_PENDING_CONFIRMATION"),
            Self::Otp => None,
            Self::Interaction => Some("NO_PENDING_INTERACTION"),
        }
    }

    /// The question that a verb answers.
    pub(crate) fn of(verb: Verb) -> Option<Self> {
        match verb {
            Verb::Confirm => Some(Self::Confirmation),
            Verb::VerifyOtp | Verb::DeclineOtp => Some(Self::Otp),
            Verb::Submit | Verb::Decline => Some(Self::Interaction),
            Verb::Cancel => None,
        }
    }
}

/// An open question, as a caller sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Question {
    /// What a human is asked for.
    pub kind: QuestionKind,
    /// The event that asked, the newest one where it was updated.
    pub event: Event,
}

/// One question of a turn.
pub(crate) struct Asked {
    pub(crate) kind: QuestionKind,
    pub(crate) state: QuestionState,
    pub(crate) event: Option<Event>,
    /// What an interaction's answer must name, and a confirmation's may.
    pub(crate) echo: Echo,
    /// How long the question lives by its own words, and since when.
    pub(crate) duration: Option<Duration>,
    pub(crate) since: Duration,
    pub(crate) timer: Option<Timer>,
}

/// Ids that an answer sends back.
#[derive(Default, Clone)]
pub(crate) struct Echo {
    pub(crate) confirmation_id: Option<String>,
    pub(crate) interaction: Option<(String, String)>,
}

impl Asked {
    pub(crate) fn new(kind: QuestionKind) -> Self {
        Self {
            kind,
            state: kind.machine().initial,
            event: None,
            echo: Echo::default(),
            duration: None,
            since: Duration::ZERO,
            timer: None,
        }
    }

    /// Keeps what an event asks; the question's time starts anew with the event's own words.
    pub(crate) fn keep(&mut self, event: &Event, now: Duration) {
        self.duration = duration_of(event);
        self.since = now;
        self.echo = match event {
            Event::WriteConfirmationRequired(event) => Echo {
                confirmation_id: event.confirmation_id().map(str::to_owned),
                interaction: None,
            },
            Event::InteractionRequired(event) => Echo {
                confirmation_id: None,
                interaction: Some((event.interaction_id().to_owned(), event.kind().to_owned())),
            },
            _ => Echo::default(),
        };
        self.event = Some(event.clone());
    }

    /// Forgets the question; its machine goes on.
    pub(crate) fn shut(&mut self) {
        self.event = None;
        self.duration = None;
        self.timer = None;
    }

    /// How long the turn waits from now: what the question says, else the default. A default of
    /// zero switches both off.
    pub(crate) fn limit(&self, default: Duration) -> Option<Duration> {
        const GRACE: Duration = Duration::from_millis(10_000);
        let own = self.duration.map(|duration| duration + GRACE);
        (!default.is_zero()).then(|| own.unwrap_or(default))
    }

    /// Whether the question lapsed; one that says no time lapses by a token alone (REQ-VERB-10).
    pub(crate) fn expired(&self, now: Duration, token: bool) -> bool {
        self.duration
            .map_or(token, |duration| now >= self.since + duration)
    }
}

/// How long a question lives: the distance of two times of the server (REQ-TURN-13). A negative
/// one is zero, one over a day says nothing.
fn duration_of(event: &Event) -> Option<Duration> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let (expires, written) = match event {
        Event::WriteConfirmationRequired(event) => (event.expires_at(), event.timestamp()),
        Event::OtpVerificationRequired(event) => (event.expires_at(), event.timestamp()),
        Event::InteractionRequired(event) => (event.expires_at(), event.timestamp()),
        _ => (None, None),
    };
    let distance = u64::try_from(expires?.saturating_sub(written?)).unwrap_or(0);
    (distance <= DAY_MS).then(|| Duration::from_millis(distance))
}
