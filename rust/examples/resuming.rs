use smooth_operator::SmoothAgentClient;

const AGENT: &str = "11111111-1111-4111-8111-111111111111";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("SMOOTH_OPERATOR_URL")?;
    let phone = SmoothAgentClient::builder(&url).lazy(true).build()?;
    let chat = phone.start_conversation(AGENT).await?;
    let sent = chat.send("Tell it slow");
    sent.detach();
    sent.text_stream().next().await.transpose()?;
    phone.close().await;

    let laptop = SmoothAgentClient::builder(&url).lazy(true).build()?;
    let found = laptop.resume_session(chat.session_id()).await?;
    if let Some(turn) = found.open_turn() {
        let mut text = turn.text_stream();
        while let Some(piece) = text.next().await.transpose()? {
            print!("{piece}");
            if piece == "5 " {
                turn.cancel().await;
            }
        }
        println!("{}", turn.result().await?.outcome.as_str());
    }
    laptop.close().await;
    Ok(())
}
