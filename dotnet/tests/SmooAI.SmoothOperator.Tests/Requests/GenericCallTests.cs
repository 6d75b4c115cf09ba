namespace SmooAI.SmoothOperator.Tests.Calls;

/// <summary>The one way of all calls: what the specification adds can be called without a line here.</summary>
public sealed class GenericCallTests : ClientTest
{
    [Fact]
    public async Task REQ_CALL_01_AnyActionWithAnAnswerIsCalledUnderADrawnOrAGivenId()
    {
        var client = await ConnectedAsync();
        Task<GetSessionResult> drawn = client.CallAsync(new GetSessionAction { SessionId = Frames.Session });
        var sent = await Link.AnswerAsync("get_session", id => Frames.SessionOpened(id));
        ((string?)sent["requestId"], (await drawn.Soon()).SessionId).ShouldBe(("req-1", Frames.Session));

        var given = client.CallAsync(new RenameConversationAction { ConversationId = "c", Title = "t", RequestId = "mine" });
        Should.Throw<ArgumentException>(() => { _ = client.CallAsync(new PingAction { RequestId = "mine" }); });
        sent = await Link.AnswerAsync("rename_conversation", id => Frames.Immediate(id, 200, """{"conversationId":"c","title":"t"}"""));
        ((string?)sent["requestId"], (await given.Soon()).Title).ShouldBe(("mine", "t"));

        Task<PongEvent> whole = client.CallAsync(new PingAction());
        await Link.AnswerAsync("ping", Frames.Pong);
        (await whole.Soon()).Timestamp.ShouldBe(1_700_000_000_000); // the event itself is the answer
    }

    [Fact]
    public async Task REQ_CALL_03_ACallFailsAsTheNamedMethodsDo()
    {
        var client = await ConnectedAsync();
        var refused = client.CallAsync(new GetConversationMessagesAction { SessionId = "s" });
        await Link.AnswerAsync("get_conversation_messages", id => Frames.Error(id, "SESSION_NOT_FOUND"));
        var error = await refused.FailsAsync<SessionNotFoundException>();
        (error.RequestId, error.SessionId).ShouldBe(("req-1", "s"));

        var odd = client.CallAsync(new ListConversationsAction());
        await Link.AnswerAsync("list_conversations", Frames.Pong);
        (await odd.FailsAsync<UnexpectedEventException>()).SessionId.ShouldBeNull();
    }

    [Fact]
    public async Task REQ_CALL_07_ASessionOpenedByACallListsTheCapabilitiesToo()
    {
        var client = await ConnectedAsync();
        var call = client.CallAsync(new CreateConversationSessionAction { AgentId = Frames.Agent, Supports = ["alpha"] });
        var sent = await Link.AnswerAsync("create_conversation_session", id => Frames.SessionOpened(id, """["otp_park"]"""));
        sent["supports"]!.ToJsonString().ShouldBe("""["alpha","otp_park","spec_1_1","spec_1_2"]""");
        await call.Soon();
        var turn = await AskedAsync(client, id => Frames.OtpAsked(id));
        var declined = turn.DeclineAsync(QuestionKind.Otp); // the client learned that the server knows declined codes
        (await Link.AnswerAsync("verify_otp", id => Frames.Immediate(id, 200, """{"declined":true}""")))["declined"]!.GetValue<bool>().ShouldBeTrue();
        await declined.Soon();
    }

    [Fact]
    public async Task REQ_CALL_09_CancellationOnlyEndsTheWaitOfACall()
    {
        var client = await ConnectedAsync();
        using var stop = new CancellationTokenSource();
        var call = client.CallAsync(new PingAction(), stop.Token);
        await Link.ReceiveAsync();
        await stop.CancelAsync();
        await call.FailsAsync<OperationCanceledException>();
        await SettledAsync(client);
    }

    /// <summary>The parameter of the call is the closed record: the compiler refuses what belongs to a turn.</summary>
    [Fact]
    public void REQ_TURN_01_WhatBelongsToATurnIsNoCall()
    {
        var actions = typeof(ClientAction).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(ClientAction)) && !type.IsAbstract);
        var others = actions.Where(type => !IsCall(type)).Select(type => type.Name).Order(StringComparer.Ordinal);
        others.ShouldBe(["CancelAction", "ConfirmToolActionAction", "SendMessageAction", "SubmitInteractionAction", "VerifyOtpAction"]);
    }

    private static bool IsCall(Type type) => type.BaseType is { IsGenericType: true } parent && parent.GetGenericTypeDefinition() == typeof(CallAction<>);
}
