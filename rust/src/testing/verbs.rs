//! Answers to questions.

use serde_json::{Map, Value, json};

use super::actions::nothing;
use super::fields::{Refusal, invalid};
use super::frames::{self, text};
use super::state::World;
use super::turns::{Kind, Question, Said};

type Frame = Map<String, Value>;

impl World {
    /// The turn and the question that wait in a session, when the question is of this sort.
    fn waiting(&self, session: &str, sort: fn(&Kind) -> bool) -> Option<(usize, &Question)> {
        let turn = self.talks[self.sessions[session].talk].running?;
        let it = &self.turns[turn];
        let question = it.asked.as_ref().filter(|it| sort(&it.kind))?;
        (it.session == session).then_some((turn, question))
    }

    /// Answers a verb: in the turn where that is numbered, and to who asked.
    fn reply_to(&mut self, link: u64, frame: &Frame, build: impl Fn(&str, u64) -> Value) {
        if let Some(turn) = self.turn_of(frame)
            && self.turns[turn].replays
        {
            self.emit(turn, &build);
            if self.turns[turn].holder == Some(link) {
                return;
            }
        }
        let id = text(frame, "requestId").unwrap_or_default();
        self.send(link, &build(id, self.now()));
    }

    /// Whether an answer was taken before on this link: then nothing is said (REQ-SRV-41).
    fn again(&self, link: u64, session: &str, frame: &Frame, question: &str, answer: &str) -> bool {
        let talk = &self.talks[self.sessions[session].talk];
        let turn = text(frame, "requestId").and_then(|id| talk.turns.get(id));
        turn.map(|turn| &self.turns[*turn]).is_some_and(|it| {
            let same = it
                .answers
                .get(question)
                .is_some_and(|known| known == answer);
            it.replays && it.holder == Some(link) && same
        })
    }

    pub(super) fn confirmed(
        &mut self,
        link: u64,
        session: &str,
        frame: &Frame,
    ) -> Result<(), Refusal> {
        let named = text(frame, "confirmationId");
        let approved = frame.get("approved") == Some(&Value::Bool(true));
        let answer = approved.to_string();
        let waiting = self
            .waiting(session, |kind| matches!(kind, Kind::Confirmation))
            .filter(|(_, question)| named.is_none_or(|id| id == question.id));
        let Some((turn, question)) = waiting else {
            let known = named.unwrap_or_default();
            return match self.again(link, session, frame, known, &answer) {
                true => Ok(()),
                false => Err(nothing("NO_PENDING_CONFIRMATION")),
            };
        };
        let id = question.id.clone();
        self.turns[turn].answers.insert(id, answer);
        let data = json!({"sessionId": session, "approved": approved});
        self.reply_to(link, frame, |id, now| {
            frames::immediate(Some(id), now, 200, data.clone())
        });
        self.answered(turn, if approved { Said::Yes } else { Said::No });
        Ok(())
    }

    pub(super) fn submitted(
        &mut self,
        link: u64,
        session: &str,
        frame: &Frame,
    ) -> Result<(), Refusal> {
        let asked = text(frame, "interactionId").unwrap_or_default();
        let values = frame.get("values").and_then(Value::as_object);
        let declined = frame.get("declined") == Some(&Value::Bool(true));
        let answer = json!([values, declined]).to_string();
        let waiting = self.waiting(session, |kind| matches!(kind, Kind::Interaction(_)));
        let taken_before = self.again(link, session, frame, asked, &answer);
        let Some((turn, question)) = waiting else {
            return match taken_before {
                true => Ok(()),
                false => Err(nothing("NO_PENDING_INTERACTION")),
            };
        };
        let Kind::Interaction(form) = &question.kind else {
            return Err(nothing("NO_PENDING_INTERACTION"));
        };
        let (id, form) = (question.id.clone(), form.clone());
        if id != asked || text(frame, "kind").is_some_and(|kind| kind != form.kind) {
            return match taken_before {
                true => Ok(()),
                false => Err(nothing("INTERACTION_MISMATCH")),
            };
        }
        let mut told = json!({"sessionId": session, "interactionId": id});
        let result = match (declined, values) {
            (true, _) => {
                told["declined"] = true.into();
                json!({"status": "declined"})
            }
            (false, None) => return Err(invalid("/values is missing")),
            (false, Some(values)) => match form.values(values) {
                Ok(clean) => json!({"status": "submitted", "values": clean}),
                Err(faults) => {
                    let details = json!({
                        "interactionId": id, "kind": form.kind, "errors": faults,
                        "message": "Some fields need attention.",
                    });
                    self.reply_to(link, frame, |id, now| {
                        frames::nested("interaction_invalid", id, now, details.clone())
                    });
                    return Ok(());
                }
            },
        };
        self.turns[turn].answers.insert(id, answer);
        self.reply_to(link, frame, |id, now| {
            frames::immediate(Some(id), now, 200, told.clone())
        });
        self.answered(turn, Said::Values(result));
        Ok(())
    }

    /// Looks at a code, or at a refusal to give one.
    pub(super) fn verified(&mut self, link: u64, session: &str, frame: &Frame) {
        let parked = self
            .waiting(session, |kind| matches!(kind, Kind::Otp(_)))
            .map(|(turn, _)| turn);
        let declined = frame.get("declined") == Some(&Value::Bool(true));
        let given = text(frame, "code").unwrap_or_default();
        let asked = parked.and_then(|turn| self.turns[turn].asked.as_mut());
        let code = match asked.map(|it| &mut it.kind) {
            Some(Kind::Otp(code)) => Some(code),
            _ => self
                .sessions
                .get_mut(session)
                .and_then(|it| it.code.as_mut()),
        };
        let Some(code) = code else {
            let told = wrong("NOT_FOUND", 0, "No code is waited for.");
            self.reply_to(link, frame, told);
            return;
        };
        let right = !declined && code.right == given;
        if !declined && !right {
            code.attempts -= 1;
        }
        let left = code.attempts;
        match (declined, right) {
            (true, _) => {
                let data = json!({"sessionId": session});
                self.reply_to(link, frame, |id, now| {
                    frames::immediate(Some(id), now, 200, data.clone())
                });
            }
            (_, true) => self.reply_to(link, frame, |id, now| {
                frames::nested(
                    "otp_verified",
                    id,
                    now,
                    json!({"message": "The code is right."}),
                )
            }),
            _ if left > 0 => {
                let told = wrong("INVALID_CODE", left, "The code is wrong.");
                self.reply_to(link, frame, told);
                return;
            }
            _ => {
                let why = "The code is wrong, and no tries are left.";
                self.reply_to(link, frame, wrong("MAX_ATTEMPTS", 0, why));
            }
        }
        match parked {
            Some(turn) => self.answered(turn, if right { Said::Yes } else { Said::No }),
            None => {
                if let Some(session) = self.sessions.get_mut(session) {
                    (session.code, session.verified) = (None, right);
                }
            }
        }
    }
}

fn wrong(why: &'static str, left: u32, message: &'static str) -> impl Fn(&str, u64) -> Value {
    move |id, now| {
        let details = json!({"error": why, "attemptsRemaining": left, "message": message});
        frames::nested("otp_invalid", id, now, details)
    }
}
