//! The public client: every turn is iterated to its end, then its result is compared.

use std::error::Error;
use std::time::{Duration, Instant};

use smooth_operator::{Event, SmoothAgentClient, Turn, action};

use crate::Plan;
use crate::measure::Tally;

type Failed = Box<dyn Error + Send + Sync>;

/// What one turn came to.
struct Read {
    events: u64,
    chars: u64,
    drain: Duration,
}

/// Runs all turns at once and adds them up.
pub async fn run(plan: &Plan) -> Result<Tally, Box<dyn Error>> {
    let mut clients = Vec::new();
    for _ in 0..plan.clients {
        let client = SmoothAgentClient::new(&plan.url)?;
        client.connect().await?;
        let created = client
            .create_conversation_session(action::CreateConversationSession::new("bench"))
            .await?;
        clients.push((client, created.session_id));
    }
    let mut tally = Tally::begin();
    let mut turns = Vec::new();
    for (client, session) in &clients {
        for _ in 0..plan.turns {
            let message = action::SendMessage::new(session, plan.events.to_string());
            turns.push(client.send_message(message));
        }
    }
    let late = plan.reader == "late";
    if late {
        tokio::time::sleep(plan.late).await;
        tally.idle = plan.late;
    }
    let pinging = plan.ping.then(|| tokio::spawn(ping(clients[0].0.clone())));
    let plan = plan.clone();
    let mut reads = Vec::new();
    if turns.len() == 1 {
        let turn = turns.remove(0);
        reads.push(
            read(turn, &plan, &mut tally)
                .await
                .map_err(|it| it.to_string())?,
        );
    } else {
        let started: Vec<_> = turns
            .into_iter()
            .map(|turn| tokio::spawn(read_beside(turn, plan.clone())))
            .collect();
        for one in started {
            reads.push(one.await?.map_err(|it| it.to_string())?);
        }
    }
    for one in &reads {
        tally.events += one.events;
        tally.chars += one.chars;
    }
    if late {
        tally.drain = reads.iter().map(|one| one.drain).max();
    }
    if let Some(pinging) = pinging {
        tally.ping = Some(pinging.await?.map_err(|it| it.to_string())?);
    }
    Ok(tally)
}

async fn ping(client: SmoothAgentClient) -> Result<Duration, Failed> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(client.ping().await?.round_trip)
}

async fn read_beside(turn: Turn, plan: Plan) -> Result<Read, Failed> {
    let mut unused = Tally::begin();
    read(turn, &plan, &mut unused).await
}

async fn read(mut turn: Turn, plan: &Plan, tally: &mut Tally) -> Result<Read, Failed> {
    let began = Instant::now();
    let mut done = Read {
        events: 0,
        chars: 0,
        drain: Duration::ZERO,
    };
    if plan.reader == "never" {
        let text = turn.result().await?.text;
        done.events = plan.events;
        done.chars = text.len() as u64;
        return Ok(done);
    }
    while let Some(event) = turn.next().await {
        if let Event::StreamToken(token) = event? {
            done.events += token.merged();
            done.chars += token.token().len() as u64;
            tally.first_token();
        }
    }
    done.drain = began.elapsed();
    let text = turn.result().await?.text;
    if text.len() as u64 != done.chars {
        return Err(format!("{} of {} characters in the result", text.len(), done.chars).into());
    }
    Ok(done)
}
