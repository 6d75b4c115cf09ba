namespace SmooAI.SmoothOperator.Tests.Support;

/// <summary>A client whose sessions are replay sessions: their turns outlive the link.</summary>
public abstract class ReplayTest : ClientTest
{
    private const string Words = """["replay","spec_1_2"]""";

    internal SmoothAgentClient Client { get; private set; } = null!;

    /// <summary>Opens a conversation; the answer of the server has more members where they are given.</summary>
    internal async Task<IConversation> TalkingAsync(
        Func<SmoothAgentClientOptions, SmoothAgentClientOptions>? with = null, string more = "")
    {
        var usual = with ?? (options => options);
        Client = await ConnectedAsync(options => usual(options with { AutoReconnect = true, Random = () => 0 }));
        var opening = Client.StartConversationAsync(new() { AgentId = Frames.Agent });
        await Link.AnswerAsync("create_conversation_session", id => Frames.SessionOpened(id, Words + more));
        return await opening.Soon();
    }

    /// <summary>A turn whose message the peer has read; nothing was answered yet.</summary>
    internal async Task<ITurn> SentAsync(Func<SmoothAgentClientOptions, SmoothAgentClientOptions>? with = null)
    {
        var turn = (await TalkingAsync(with)).Send("hello");
        await ExpectAsync("send_message");
        return turn;
    }

    internal async Task<System.Text.Json.Nodes.JsonObject> ExpectAsync(string action)
    {
        var received = await Link.ReceiveAsync();
        received["action"]!.ToString().ShouldBe(action);
        return received;
    }

    /// <summary>Cuts the link.</summary>
    internal async Task LoseAsync()
    {
        Link.Drop();
        await Waiting.UntilAsync(() => Client.State == ConnectionState.Reconnecting);
    }

    /// <summary>Lets the next link be found.</summary>
    internal async Task FindAsync()
    {
        await AdvanceAsync(1);
        await FoundAsync();
    }

    /// <summary>Returns the number after which the client asks for the events of a turn.</summary>
    internal async Task<int> AskedAfterAsync() => (int)(await ExpectAsync("resume_turn"))["afterSeq"]!;

    /// <summary>The numbered events of a whole turn.</summary>
    internal static string[] Script(string id, params IEnumerable<string> tokens)
    {
        string[] events = [Frames.Accepted(id), .. tokens.Select(token => Frames.Token(id, token)), Frames.Final(id, "null")];
        return [.. events.Select((frame, index) => Frames.Numbered(frame, index + 1))];
    }
}
