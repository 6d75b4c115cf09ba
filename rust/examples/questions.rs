use smooth_operator::{Event, SmoothAgentClient, action};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = SmoothAgentClient::new(std::env::var("SMOOTH_OPERATOR_URL")?)?;
    client.connect().await?;
    let agent_id = "11111111-1111-4111-8111-111111111111";
    let create = action::CreateConversationSession::new(agent_id).user_name("Alice");
    let session = client.create_conversation_session(create).await?;
    let message = action::SendMessage::new(&session.session_id, "Please delete record 42");
    let mut turn = client.send_message(message);
    while let Some(event) = turn.next().await {
        match event? {
            Event::StreamToken(token) => print!("{}", token.token()),
            Event::WriteConfirmationRequired(ask) => {
                println!("approved: {}", ask.action_description());
                let id = turn.request_id();
                let approve = action::ConfirmToolAction::new(&session.session_id, id, true);
                client.confirm_tool_action(approve).await?;
            }
            _ => {}
        }
    }
    let done = turn.result().await?;
    println!("\n{}", done.outcome.as_str());
    client.close().await;
    Ok(())
}
