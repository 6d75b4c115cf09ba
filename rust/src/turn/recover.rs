//! What became of a message whose turn was interrupted, as the history tells it (REQ-TURN-30).

use std::sync::Arc;

use super::handle::Owner;
use super::inquiry::{Fate, Subject};
use crate::errors::Error;
use crate::requests::Pending;
use crate::wire::actions::GetConversationMessages;
use crate::wire::enums::{MessageDirection, StoredTurn};
use crate::wire::options::RECOVER_PAGES;
use crate::wire::types::ConversationMessage;

/// The capability of a server that writes requestIds into its history.
const TELLS: &str = "spec_1_2";

/// What became of a message; see [`TurnHandle::recover`](crate::TurnHandle::recover).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Recovery {
    /// The agent answered, with this message.
    Answered(Box<ConversationMessage>),
    /// The turn is over without an answer: it was cancelled, it failed, or it had nothing to say.
    NotAnswered,
    /// The server does not have the message: it may be sent again.
    NotDelivered,
    /// The history does not prove anything, or the turn still runs.
    Unknown,
}

impl Recovery {
    /// The word that is the same in every language.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Answered(_) => "answered",
            Self::NotAnswered => "not_answered",
            Self::NotDelivered => "not_delivered",
            Self::Unknown => "unknown",
        }
    }

    /// The answer, where there is one.
    pub fn message(&self) -> Option<&ConversationMessage> {
        match self {
            Self::Answered(message) => Some(message),
            _ => None,
        }
    }
}

/// Asks what became of a message: on a replay session the server first (REQ-RESUME-12), then the
/// history of its session, newest first.
pub(crate) fn recover(owner: Arc<dyn Owner>, of: Subject) -> Pending<Result<Recovery, Error>> {
    let fate = owner.fate(&of);
    Pending::new(async move {
        if let Some(fate) = fate {
            match fate.await? {
                Fate::Over => {}
                Fate::Never => return Ok(Recovery::NotDelivered),
                Fate::Unknown => return Ok(Recovery::Unknown),
            }
        }
        read(owner, &of).await
    })
}

async fn read(owner: Arc<dyn Owner>, of: &Subject) -> Result<Recovery, Error> {
    let (session_id, request_id) = (of.session_id.clone(), of.id().to_owned());
    let (mut answer, mut cursor) = (None, None);
    for _ in 0..RECOVER_PAGES {
        let mut action = GetConversationMessages::new(&session_id);
        action.cursor = cursor;
        let page = owner.page(action).await?;
        let of_turn = |it: &ConversationMessage| it.request_id.as_ref() == Some(&request_id);
        for message in page.messages.into_iter().filter(of_turn) {
            if message.direction == MessageDirection::Inbound {
                return Ok(told(message.turn.as_ref(), answer));
            }
            answer.get_or_insert(message);
        }
        let next = page.next_cursor.value().filter(|it| !it.is_empty());
        match next {
            Some(next) if page.has_more => cursor = Some(next.clone()),
            _ => {
                let missing = answer.is_none() && owner.offers(&session_id, TELLS);
                return Ok(match missing {
                    true => Recovery::NotDelivered,
                    false => Recovery::Unknown,
                });
            }
        }
    }
    Ok(Recovery::Unknown)
}

/// What a stored message says of its turn, with the newest answer that was found.
fn told(turn: Option<&StoredTurn>, answer: Option<ConversationMessage>) -> Recovery {
    match (turn, answer) {
        (Some(StoredTurn::Completed), Some(answer)) => Recovery::Answered(Box::new(answer)),
        (Some(StoredTurn::Completed | StoredTurn::Cancelled | StoredTurn::Failed), _) => {
            Recovery::NotAnswered
        }
        _ => Recovery::Unknown,
    }
}
