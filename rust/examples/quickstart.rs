use smooth_operator::{Event, SmoothAgentClient};

const AGENT: &str = "11111111-1111-4111-8111-111111111111";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = SmoothAgentClient::new(std::env::var("SMOOTH_OPERATOR_URL")?)?;
    client.connect().await?;
    let chat = client.start_conversation(AGENT).user_name("Ada").await?;
    let mut turn = chat.send("How long is your return window?");
    while let Some(event) = turn.next().await {
        if let Event::StreamToken(token) = event? {
            print!("{}", token.token());
        }
    }
    for source in turn.result().await?.citations.unwrap_or_default() {
        println!("\nfrom {}", source.title);
    }
    client.close().await;
    Ok(())
}
