namespace SmooAI.SmoothOperator.Tests.Conversations;

public sealed class ConversationTests : ClientTest
{
    [Fact]
    public async Task REQ_TURN_01_SendQueuesItsFrameAtTheCall()
    {
        var chat = await StartedAsync();
        var turn = chat.Send("Where is order 7?", new SendOptions { Model = "m", Skill = "s", Stream = false, RequestId = "mine" });
        (await Link.ReceiveAsync()).ToJsonString().ShouldBe(
            $$"""{"action":"send_message","requestId":"mine","sessionId":"{{Frames.Session}}","message":"Where is order 7?","stream":false,"model":"m","skill":"s"}""");
        await Link.SendAsync(Frames.Final("mine"));
        (await turn).Text.ShouldBe("Done");
        var asking = chat.AskAsync("again");
        await Link.AnswerAsync("send_message", id => Frames.Final(id, "\"yes\""));
        (await asking.Soon()).Text.ShouldBe("yes");
    }

    [Fact]
    public async Task REQ_CALL_08_ResumingNamesAConversationOrASession()
    {
        var client = await ConnectedAsync();
        var resuming = client.ResumeConversationAsync(new() { ConversationId = Frames.Conversation, AgentId = Frames.Agent });
        var sent = await Link.AnswerAsync("create_conversation_session", id => Frames.SessionOpened(id));
        sent["conversationId"]!.ToString().ShouldBe(Frames.Conversation);
        (await resuming.Soon()).AgentName.ShouldBe("Aria");

        var keeping = client.ResumeConversationAsync(new() { SessionId = Frames.Session });
        await Link.AnswerAsync("get_session", id => Frames.SessionOpened(id));
        (await keeping.Soon()).ConversationId.ShouldBe(Frames.Conversation);

        Should.Throw<ArgumentException>(() => { _ = client.ResumeConversationAsync(new()); });
        Should.Throw<ArgumentException>(() => { _ = client.ResumeConversationAsync(new() { ConversationId = "c" }); });
    }

    [Fact]
    public async Task REQ_HIST_01_PagesAreAskedForWhenTheyAreNeeded()
    {
        var chat = await StartedAsync();
        await using var pages = chat.MessagesAsync(2).GetAsyncEnumerator();
        var first = pages.MoveNextAsync().AsTask();
        var asked = await Link.AnswerAsync("get_conversation_messages", id => Page(id, "\"c1\"", "true", "a", "b"));
        (asked["limit"]!.GetValue<int>(), asked.ContainsKey("cursor")).ShouldBe((2, false));
        (await first.Soon()).ShouldBeTrue();
        (await pages.MoveNextAsync().Soon()).ShouldBeTrue();
        pages.Current.Content.Text.ShouldBe("b");
        var third = pages.MoveNextAsync().AsTask();
        (await Link.AnswerAsync("get_conversation_messages", id => Page(id, "null", "true", "c")))["cursor"]!.ToString().ShouldBe("c1");
        (await third.Soon()).ShouldBeTrue();
        (await pages.MoveNextAsync().Soon()).ShouldBeFalse();
    }

    [Fact]
    public async Task REQ_HIST_01_WithoutMoreThereIsNoSecondPage()
    {
        var chat = await StartedAsync();
        var reading = chat.MessagesAsync().ToListAsync();
        (await Link.AnswerAsync("get_conversation_messages", id => Page(id, "\"c1\"", "false", "a"))).ContainsKey("limit").ShouldBeFalse();
        (await reading.Soon()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task REQ_HIST_02_ARepeatedCursorEndsTheIteration()
    {
        var chat = await StartedAsync();
        var reading = chat.MessagesAsync().ToListAsync();
        await Link.AnswerAsync("get_conversation_messages", id => Page(id, "\"c1\"", "true", "a"));
        await Link.AnswerAsync("get_conversation_messages", id => Page(id, "\"c1\"", "true", "b"));
        (await reading.FailsAsync<UnexpectedEventException>()).Event.ShouldBeNull();
    }

    private static string Page(string id, string cursor, string more, params string[] texts)
    {
        var messages = texts.Select(text => $$"""{"id":"{{text}}","direction":"outbound","content":{"text":"{{text}}"},"createdAt":"now"}""");
        return Frames.Immediate(id, 200, $$"""{"messages":[{{string.Join(',', messages)}}],"nextCursor":{{cursor}},"hasMore":{{more}}}""");
    }

    private async Task<IConversation> StartedAsync()
    {
        var client = await ConnectedAsync();
        var starting = client.StartConversationAsync(new() { AgentId = Frames.Agent, UserName = "Ada" });
        await Link.AnswerAsync("create_conversation_session", id => Frames.SessionOpened(id));
        return await starting.Soon();
    }
}
