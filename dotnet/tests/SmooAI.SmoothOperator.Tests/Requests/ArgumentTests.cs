using System.Text.Json;

namespace SmooAI.SmoothOperator.Tests.Requests;

/// <summary>What the schema asks of the caller is checked where it is written, before anything else happens.</summary>
public sealed class ArgumentTests : ClientTest
{
    private const string Half = "a\ud83d";

    public static TheoryData<string, ClientAction> Wrong => new()
    {
        { "CreateConversationSessionAction.AgentId is missing", new CreateConversationSessionAction { AgentId = "" } },
        { "GetSessionAction.SessionId is missing", new GetSessionAction { SessionId = "" } },
        { "GetConversationMessagesAction.Limit must be at most 100", new GetConversationMessagesAction { SessionId = "s", Limit = 101 } },
        { "GetConversationMessagesAction.Limit must be at least 1", new GetConversationMessagesAction { SessionId = "s", Limit = 0 } },
        { "RenameConversationAction.Title must be at most 200 characters", new RenameConversationAction { ConversationId = "c", Title = new('t', 201) } },
        { "SendMessageAction.Message is missing", new SendMessageAction { SessionId = "s", Message = "" } },
        { "SendMessageAction.Message must be at most 10000 characters", new SendMessageAction { SessionId = "s", Message = new('m', 10_001) } },
        { "SendMessageAction.Skill must match", new SendMessageAction { SessionId = "s", Message = "m", Skill = "no spaces" } },
        { "FileAttachment.Name", new SendMessageAction { SessionId = "s", Message = "m", Files = [new() { Name = "", Url = "u" }] } },
        { "ConfirmToolActionAction.RequestId is missing", new ConfirmToolActionAction { RequestId = "", SessionId = "s", Approved = true } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task REQ_CALL_12_TheArgumentErrorNamesTheMember(string text, ClientAction action)
    {
        var drawn = 0;
        var client = await ConnectedAsync(options => options with { IdGenerator = () => $"req-{++drawn}" });
        var error = await Should.ThrowAsync<ArgumentException>(() => SendAsync(client, action));
        error.Message.ShouldStartWith(text);
        drawn.ShouldBe(0);
        await SettledAsync(client); // the ping is the first that the peer sees
    }

    [Fact]
    public async Task REQ_CALL_12_LengthsAreCodePoints()
    {
        var client = await ConnectedAsync();
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = string.Concat(Enumerable.Repeat("\U0001F5D1", 10_000)) });
        await Link.AnswerAsync("send_message", id => Frames.Final(id));
        await turn.Completion.Soon();
    }

    [Fact]
    public async Task REQ_CALL_11_HalfOfASurrogatePairIsRefused()
    {
        var client = await ConnectedAsync();
        foreach (var action in (ClientAction[])
        [
            new SendMessageAction { SessionId = "s", Message = "line\n" + Half },
            new SendMessageAction { SessionId = "s", Message = "\udc00" },
            new CreateConversationSessionAction { AgentId = "a", UserName = Half },
            new CreateConversationSessionAction { AgentId = "a", Metadata = JsonElement.Parse("""{"x":"\ud83d"}""") },
        ])
        {
            await Should.ThrowAsync<ArgumentException>(() => SendAsync(client, action));
        }
        await SettledAsync(client);
    }

    [Fact]
    public async Task REQ_CALL_11_ALiveTurnRefusesThemToo()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.OtpAsked(id));
        Should.Throw<ArgumentException>(() => { _ = turn.VerifyOtpAsync(Half); });
        turn.OpenQuestions.Count.ShouldBe(1); // nothing was answered
        await SettledAsync(client);
    }

    private static Task SendAsync(SmoothAgentClient client, ClientAction action) => action switch
    {
        CreateConversationSessionAction opening => client.CreateConversationSessionAsync(opening),
        GetSessionAction reading => client.GetSessionAsync(reading),
        GetConversationMessagesAction paging => client.GetConversationMessagesAsync(paging),
        RenameConversationAction renaming => client.RenameConversationAsync(renaming),
        ConfirmToolActionAction confirming => client.ConfirmToolActionAsync(confirming),
        SendMessageAction message => client.SendMessage(message).Completion,
        _ => throw new InvalidOperationException(),
    };
}
