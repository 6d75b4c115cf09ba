using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using SmooAI.SmoothOperator.Extensions.AI;

namespace SmooAI.SmoothOperator.Tests.Extensions;

/// <summary>A conversation behind IChatClient, on a real socket.</summary>
public sealed class ChatClientTests : ClientTest
{
    [Fact]
    public async Task AStreamIsAnUpdateAnEvent()
    {
        using var chat = await ChatAsync();
        var reading = chat.GetStreamingResponseAsync("hello").ToListAsync();
        var sent = await SentAsync();
        ((string)sent["message"]!, (bool)sent["stream"]!).ShouldBe(("hello", true));
        var id = (string)sent["requestId"]!;
        await Link.SendAsync(Frames.Streamed("stream_reasoning", id, "hm"));
        await Link.SendAsync(Frames.Chunk(id, """{"toolCall":{"name":"search","arguments":{"q":"x"},"callId":"c-1"}}"""));
        await Link.SendAsync(Frames.Chunk(id, """{"toolResult":{"name":"search","result":"found","callId":"c-1"}}"""));
        await Link.SendAsync(Frames.Token(id, "Do"));
        await Link.SendAsync(Frames.Token(id, "ne"));
        await Link.SendAsync(Frames.Final(id, more: ""","usage":{"promptTokens":12,"completionTokens":3},"citations":[{"id":"d","title":"T","snippet":"s","score":0.5,"url":"https://e.example/"}]"""));

        var updates = await reading.Soon();
        updates.ShouldAllBe(update => update.ResponseId == id && update.ConversationId == Frames.Conversation && update.AuthorName == "Aria");
        updates[..^1].ShouldAllBe(update => update.RawRepresentation is ServerEvent);
        updates[^1].RawRepresentation.ShouldBeOfType<TurnResult>().Text.ShouldBe("Done");
        var response = updates.ToChatResponse();
        (response.Text, response.FinishReason).ShouldBe(("Done", ChatFinishReason.Stop));
        (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount, response.Usage.TotalTokenCount).ShouldBe((12, 3, 15));
        var contents = response.Messages.ShouldHaveSingleItem().Contents;
        contents.OfType<TextReasoningContent>().Single().Text.ShouldBe("hm");
        var call = contents.OfType<FunctionCallContent>().Single();
        (call.CallId, call.Name, call.InformationalOnly, ((JsonElement)call.Arguments!["q"]!).GetString()).ShouldBe(("c-1", "search", true, "x"));
        contents.OfType<FunctionResultContent>().Single().CallId.ShouldBe("c-1");
        var citation = (CitationAnnotation)contents.SelectMany(content => content.Annotations ?? []).Single();
        (citation.Title, citation.Url, citation.Snippet).ShouldBe(("T", new Uri("https://e.example/"), "s"));
    }

    [Fact]
    public async Task AWholeAnswerIsAskedForWithoutTokens()
    {
        using var chat = await ChatAsync();
        var asking = chat.GetResponseAsync("hello", new() { ModelId = "m" });
        var sent = await SentAsync();
        ((bool)sent["stream"]!, (string)sent["model"]!).ShouldBe((false, "m"));
        await Link.SendAsync(Frames.Final((string)sent["requestId"]!));
        var response = await asking.Soon();
        (response.Text, response.ConversationId).ShouldBe(("Done", Frames.Conversation));
        response.RawRepresentation.ShouldBeOfType<TurnResult>();
    }

    [Fact]
    public async Task OnlyWhatIsNewIsSaidWithWhatIsAttached()
    {
        using var chat = await ChatAsync();
        List<ChatMessage> talk =
        [
            new(ChatRole.System, "be kind"),
            new(ChatRole.User, "old"),
            new(ChatRole.Assistant, "answered"),
            new(ChatRole.User, [new TextContent("new"), new UriContent("https://e.example/a.png", "image/png"), new UriContent("https://e.example/b%20c.pdf", "application/pdf")]),
            new(ChatRole.User, "and more"),
        ];
        var options = new ChatOptions { RawRepresentationFactory = _ => new SendOptions { Skill = "s" }, ConversationId = Frames.Conversation };
        var asking = chat.GetResponseAsync(talk, options);
        var sent = await SentAsync();
        ((string)sent["message"]!, (string)sent["skill"]!).ShouldBe(("new\n\nand more", "s"));
        ((string)sent["images"]![0]!["url"]!).ShouldBe("https://e.example/a.png");
        sent["files"]![0]!.ToJsonString().ShouldBe("""{"name":"b c.pdf","mimeType":"application/pdf","url":"https://e.example/b%20c.pdf"}""");
        await Link.SendAsync(Frames.Final((string)sent["requestId"]!));
        await asking.Soon();
    }

    [Fact]
    public async Task WhatCannotBeSaidIsRefusedAndNothingIsSent()
    {
        using var chat = await ChatAsync();
        await chat.GetResponseAsync([new(ChatRole.User, "old"), new(ChatRole.Assistant, "answered")]).FailsAsync<ArgumentException>();
        await chat.GetResponseAsync("hello", new() { ConversationId = "another" }).FailsAsync<ArgumentException>();
        chat.Dispose();
        await chat.GetResponseAsync("hello").FailsAsync<ObjectDisposedException>();
        Client.Counters.FramesOut.ShouldBe(1); // the session's
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AConfirmationIsAnApprovalAndTheSameTurnGoesOn(bool approved)
    {
        using var chat = await ChatAsync();
        var (id, response) = await AskedAsync(chat, id => Frames.Confirm(id));
        var request = (ToolApprovalRequestContent)response.Messages[^1].Contents[^1];
        request.ToolCall.ShouldBeOfType<FunctionCallContent>().InformationalOnly.ShouldBeTrue(); // no loop above may run it
        chat.GetService<ITurn>()!.RequestId.ShouldBe(id);

        var refused = await chat.GetResponseAsync("something else").FailsAsync<InvalidOperationException>();
        refused.Message.ShouldContain(request.RequestId);
        var asking = chat.GetResponseAsync([new(ChatRole.User, [request.CreateResponse(approved)])]);
        var answer = await Link.AnswerAsync("confirm_tool_action", asked => Frames.Immediate(asked, 200));
        ((string)answer["requestId"]!, (bool)answer["approved"]!).ShouldBe((id, approved));
        await Link.SendAsync(Frames.Final(id));
        (await asking.Soon()).Text.ShouldBe("Done");
        chat.GetService<ITurn>().ShouldBeNull();
    }

    [Fact]
    public async Task ACodeIsAskedForUntilItIsRightAndShowsInNoText()
    {
        using var chat = await ChatAsync();
        var (id, response) = await AskedAsync(chat, id => Frames.OtpAsked(id), Frames.OtpSent);
        var first = (OtpRequestContent)response.Messages[^1].Contents[^1];
        (first.MaskedDestination, first.AttemptsRemaining).ShouldBe(("a***@example.com", null));
        first.CreateResponse("000000").ToString().ShouldNotContain("000000");

        var wrong = chat.GetResponseAsync([new(ChatRole.User, [first.CreateResponse("000000")])]);
        (await Link.AnswerAsync("verify_otp", asked => Frames.OtpInvalid(asked, 2)))["code"]!.ToString().ShouldBe("000000");
        var second = (OtpRequestContent)(await wrong.Soon()).Messages[^1].Contents[^1];
        (second.AttemptsRemaining, second.Error, second.Message).ShouldBe((2, OtpInvalidReason.InvalidCode, "wrong"));
        second.RequestId.ShouldNotBe(first.RequestId);

        var right = chat.GetResponseAsync([new(ChatRole.User, [second.CreateResponse("123456")])]);
        await Link.AnswerAsync("verify_otp", Frames.OtpVerified);
        await Link.SendAsync(Frames.Final(id));
        (await right.Soon()).Text.ShouldBe("Done");
    }

    [Fact]
    public async Task AnInteractionIsAskedForUntilItsValuesAreTaken()
    {
        using var chat = await ChatAsync();
        var (id, response) = await AskedAsync(chat, id => Frames.Interaction(id));
        var first = (InteractionRequestContent)response.Messages[^1].Contents[^1];
        (first.Kind, first.Reason, first.Errors.Count).ShouldBe(("identity_intake", "who", 0));

        var wrong = chat.GetResponseAsync([new(ChatRole.User, [first.CreateResponse(new JsonObject { ["email"] = "x" })])]);
        (await Link.AnswerAsync("submit_interaction", Frames.InteractionInvalid))["values"]!["email"]!.ToString().ShouldBe("x");
        var second = (InteractionRequestContent)(await wrong.Soon()).Messages[^1].Contents[^1];
        (second.Errors.Single().Field, second.Message).ShouldBe(("email", "once more"));

        var declined = chat.GetResponseAsync([new(ChatRole.User, [second.CreateRefusal()])]);
        ((bool)(await Link.AnswerAsync("submit_interaction", asked => Frames.Immediate(asked, 200)))["declined"]!).ShouldBeTrue();
        await Link.SendAsync(Frames.Final(id));
        (await declined.Soon()).Text.ShouldBe("Done");
    }

    [Fact]
    public async Task WhatAHandlerAnswersIsNotAsked()
    {
        using var chat = await ChatAsync(new Handlers { Confirm = (_, _) => new(true) });
        var asking = chat.GetResponseAsync("hello");
        var id = (string)(await SentAsync())["requestId"]!;
        await Link.SendAsync(Frames.Confirm(id));
        await Link.AnswerAsync("confirm_tool_action", asked => Frames.Immediate(asked, 200));
        await Link.SendAsync(Frames.Final(id));
        var response = await asking.Soon();
        response.Text.ShouldBe("Done");
        response.Messages.SelectMany(message => message.Contents).OfType<InputRequestContent>().ShouldBeEmpty();
    }

    [Theory]
    [InlineData("token")]
    [InlineData("leaving")]
    [InlineData("disposal")]
    public async Task WhoStopsStopsTheServer(string way)
    {
        using var chat = await ChatAsync();
        using var stop = new CancellationTokenSource();
        if (way == "disposal")
        {
            await AskedAsync(chat, id => Frames.Confirm(id));
            chat.Dispose();
        }
        else
        {
            var updates = chat.GetStreamingResponseAsync("hello", cancellationToken: stop.Token).GetAsyncEnumerator();
            var first = updates.MoveNextAsync();
            var id = (string)(await SentAsync())["requestId"]!;
            await Link.SendAsync(Frames.Token(id, "Do"));
            (await first.Soon()).ShouldBeTrue();
            if (way == "token")
            {
                var next = updates.MoveNextAsync().AsTask();
                await stop.CancelAsync();
                (await next.FailsAsync<OperationCanceledException>()).CancellationToken.ShouldBe(stop.Token);
            }
            await updates.DisposeAsync();
        }
        ((string)(await Link.ReceiveAsync())["action"]!).ShouldBe("cancel");
    }

    [Fact]
    public async Task AFailedTurnThrowsTheClientsOwnError()
    {
        using var chat = await ChatAsync();
        var asking = chat.GetResponseAsync("hello");
        var id = (string)(await SentAsync())["requestId"]!;
        await Link.SendAsync(Frames.Error(id, "AGENT_ERROR"));
        (await asking.FailsAsync<SmoothAgentException>()).Code.ShouldBe("AGENT_ERROR");
    }

    [Fact]
    public async Task ServicesAreThoseOfTheConversation()
    {
        using var chat = await ChatAsync();
        chat.GetService<ChatClientMetadata>()!.ProviderName.ShouldBe("smooth-operator");
        chat.GetService<IConversation>()!.ConversationId.ShouldBe(Frames.Conversation);
        chat.GetService<ConversationChatClient>().ShouldBeSameAs(chat);
        chat.GetService<ITurn>().ShouldBeNull();
        chat.GetService<IConversation>("key").ShouldBeNull();
    }

    private SmoothAgentClient Client { get; set; } = null!;

    private async Task<IChatClient> ChatAsync(Handlers? handlers = null)
    {
        Client = await ConnectedAsync();
        var starting = Client.StartConversationAsync(new() { AgentId = Frames.Agent }, handlers);
        await Link.AnswerAsync("create_conversation_session", id => Frames.SessionOpened(id));
        return (await starting.Soon()).AsChatClient();
    }

    private Task<JsonObject> SentAsync() => Link.AnswerAsync("send_message", Frames.Accepted);

    /// <summary>Says something that the agent has a question about; the response ends with it.</summary>
    private async Task<(string Id, ChatResponse Response)> AskedAsync(IChatClient chat, params Func<string, string>[] questions)
    {
        var asking = chat.GetResponseAsync("hello");
        var id = (string)(await SentAsync())["requestId"]!;
        foreach (var question in questions)
        {
            await Link.SendAsync(question(id));
        }
        return (id, await asking.Soon());
    }
}
