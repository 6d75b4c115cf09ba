using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SmooAI.SmoothOperator.Testing;

namespace SmooAI.SmoothOperator.Tests.Kit;

/// <summary>The verbs of a fake server, seen by the client that an application uses (conformance/TESTING-KIT.md).</summary>
public sealed class FakeServerTests : IAsyncDisposable
{
    private static readonly JsonObject Fields = new() { ["fields"] = new JsonArray(new JsonObject { ["key"] = "email", ["required"] = true }) };

    private readonly FakeServer _server = new();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task ARefundIsConfirmedAndDone()
    {
        _server.OnMessage("refund").Confirm("refund order 7").Tokens("Do", "ne").Finish();
        var chat = await _server.StartConversationAsync(FakeHandlers.ApproveAll);
        (await chat.AskAsync("refund").Soon()).Text.ShouldBe("Done");
        ((bool)_server.Sent("confirm_tool_action").Single()["approved"]!).ShouldBeTrue();
    }

    [Fact]
    public async Task ARejectedConfirmationTakesItsBranch()
    {
        _server.OnMessage().Confirm("delete", "delete_record", rejected: no => no.Finish("Kept.")).Finish("Gone.");
        var chat = await _server.StartConversationAsync(FakeHandlers.RejectAll);
        (await chat.AskAsync("delete").Soon()).Text.ShouldBe("Kept.");
    }

    [Fact]
    public async Task EveryStreamedVerbIsAnEvent()
    {
        _server.OnMessage().Preamble("Let me see. ").Reasoning("a ", "number").Chunk("look_up", new() { Name = "look_up" }, new() { Name = "look_up", Result = JsonElement.Parse("7") })
            .Tokens("sev", "en").Finish(
                citations: [new() { Id = "1", Title = "Orders", Snippet = "7", Score = 1 }],
                usage: new() { PromptTokens = 3 },
                suggestions: ["And 8?"]);
        var turn = (await _server.StartConversationAsync()).Send("which?");
        var seen = new List<string>();
        await foreach (var received in turn)
        {
            seen.Add(received.Type);
        }
        var result = await turn.Completion.Soon();
        seen.ShouldBe(["stream_preamble", "stream_reasoning", "stream_reasoning", "stream_chunk", "stream_token", "stream_token", "eventual_response"]);
        (result.Text, result.Citations!.Single().Title, result.Usage!.PromptTokens).ShouldBe(("seven", "Orders", 3));
    }

    [Fact]
    public async Task AWrongCodeLeavesTriesAndTheRightOneGoesOn()
    {
        _server.OnMessage().Otp("042", attempts: 2).Finish("Order 7.");
        var turn = (await _server.StartConversationAsync()).Send("my orders");
        await AskedAsync(turn, "otp_sent");
        (await turn.VerifyOtpAsync("000").Soon()).AttemptsRemaining.ShouldBe(1);
        (await turn.VerifyOtpAsync("042").Soon()).Verified.ShouldBeTrue();
        (await turn.Completion.Soon()).Text.ShouldBe("Order 7.");
    }

    [Fact]
    public async Task TheLastWrongCodeEndsTheTurn()
    {
        _server.OnMessage().Otp(attempts: 1).Finish("never");
        var turn = (await _server.StartConversationAsync()).Send("my orders");
        await AskedAsync(turn, "otp_sent");
        (await turn.VerifyOtpAsync("000").Soon()).Verified.ShouldBeFalse();
        (await Should.ThrowAsync<SmoothAgentException>(() => turn.Completion.Soon())).Code.ShouldBe("AGENT_ERROR");
    }

    [Fact]
    public async Task AFormIsCheckedAndTaken()
    {
        _server.OnMessage().Interaction("identity_intake", Fields).Finish("Mailed.");
        var turn = (await _server.StartConversationAsync(with: options => options with { Supports = ["identity_form"] })).Send("mail it");
        await AskedAsync(turn, "interaction_required");
        (await turn.SubmitAsync(new JsonObject { ["email"] = "no" }).Soon()).Accepted.ShouldBeFalse();
        (await turn.SubmitAsync(new JsonObject { ["email"] = "ada@example.com" }).Soon()).Accepted.ShouldBeTrue();
        (await turn.Completion.Soon()).Text.ShouldBe("Mailed.");
    }

    [Fact]
    public async Task AFormThatTheClientCannotShowEndsTheTurn()
    {
        _server.OnMessage().Interaction("identity_intake", Fields).Finish("never");
        var chat = await _server.StartConversationAsync();
        (await Should.ThrowAsync<SmoothAgentException>(() => chat.AskAsync("mail it").Soon())).Code.ShouldBe("AGENT_ERROR");
        _server.Sent("submit_interaction").ShouldBeEmpty();
    }

    [Fact]
    public async Task ADelayWaitsForTheClockAlone()
    {
        _server.OnMessage().Delay(TimeSpan.FromMinutes(1)).Finish("late");
        var asked = (await _server.StartConversationAsync()).AskAsync("when?");
        await _server.Clock.AdvanceAsync(TimeSpan.FromSeconds(59));
        asked.IsCompleted.ShouldBeFalse();
        await _server.Clock.AdvanceAsync(TimeSpan.FromSeconds(1));
        (await asked.Soon()).Text.ShouldBe("late");
    }

    [Fact]
    public async Task ACutTurnIsResumedOnTheNextLink()
    {
        _server.OnMessage().Tokens("to", "day").Cut().Tokens(".").Finish();
        var asked = (await _server.StartConversationAsync()).AskAsync("when?");
        await ReconnectedAsync();
        (await asked.Soon()).Text.ShouldBe("today.");
        _server.Sent("send_message").Count.ShouldBe(1);
    }

    [Fact]
    public async Task WithoutReplayACutTurnIsLost()
    {
        await using var server = new FakeServer(options: new() { Replay = false });
        server.OnMessage("refund").Confirm("refund order 7").Cut();
        var chat = await server.StartConversationAsync();
        await Should.ThrowAsync<TurnInterruptedException>(() => chat.AskAsync("refund").Soon());
    }

    [Fact]
    public async Task AnErrorAndWhatFitsNoReplyEndTheTurn()
    {
        _server.OnMessage("model").Error("LLM_UNAVAILABLE");
        var chat = await _server.StartConversationAsync();
        (await Should.ThrowAsync<SmoothAgentException>(() => chat.AskAsync("model").Soon())).Code.ShouldBe("LLM_UNAVAILABLE");
        (await Should.ThrowAsync<SmoothAgentException>(() => chat.AskAsync("secret words").Soon())).Message.ShouldNotContain("secret");
        _server.Unmatched.ShouldBe(["secret words"]);
    }

    [Fact]
    public async Task AMalformedFrameIsTheClientsToPassOver()
    {
        _server.OnMessage().Malformed().Finish("still here");
        (await (await _server.StartConversationAsync()).AskAsync("hello").Soon()).Text.ShouldBe("still here");
    }

    [Fact]
    public async Task ATurnWithoutAnEndIsCancelled()
    {
        _server.OnMessage().Tokens("a");
        var turn = (await _server.StartConversationAsync()).Send("hello");
        await turn.CancelAsync();
        (await turn.Completion.Soon()).Outcome.ShouldBe(TurnOutcome.Cancelled);
        _server.Sent("cancel").Count.ShouldBe(1);
    }

    [Fact]
    public async Task MatchersAndOnceChooseTheReply()
    {
        _server.OnMessage("order").Once().Finish("first");
        _server.OnMessage(new Regex("^order [0-9]$")).Finish("pattern");
        _server.OnMessage(text => text.Length == 2).Finish("function");
        var chat = await _server.StartConversationAsync();
        (await chat.AskAsync("order 7").Soon()).Text.ShouldBe("first");
        (await chat.AskAsync("order 7").Soon()).Text.ShouldBe("pattern");
        (await chat.AskAsync("hi").Soon()).Text.ShouldBe("function");
    }

    [Fact]
    public async Task RefusedHandshakesAreNoConnections()
    {
        _server.Refuse(403);
        var error = await Should.ThrowAsync<SmoothAgentException>(() => _server.StartConversationAsync());
        (error.Details!.Status, _server.Connections).ShouldBe((403, 0));
    }

    [Fact]
    public async Task WhatIsOpenIsCountedAndEnded()
    {
        _server.OnMessage().Finish("hello");
        var chat = await _server.StartConversationAsync();
        _server.OpenConnections.ShouldBe(1);
        _server.Disconnect(1012);
        _server.OpenConnections.ShouldBe(0);
        await ReconnectedAsync();
        (await chat.AskAsync("hello").Soon()).Text.ShouldBe("hello");
    }

    [Fact]
    public async Task WhatWasSaidIsStored()
    {
        _server.OnMessage().Finish("Hello Ada.");
        var chat = await _server.StartConversationAsync();
        await chat.AskAsync("Hi").Soon();
        _server.Messages(chat.SessionId).Select(message => (message.Direction, message.Text, message.Turn))
            .ShouldBe([("inbound", "Hi", "completed"), ("outbound", "Hello Ada.", null)]);
        Should.Throw<KeyNotFoundException>(() => _server.Messages("nobody"));
    }

    [Fact]
    public async Task TwoRunsShowTheSameFrames()
    {
        async Task<string> RunAsync()
        {
            await using var server = new FakeServer(options: new() { Seed = 7 });
            server.OnMessage().Confirm("go").Finish("gone");
            await (await server.StartConversationAsync(FakeHandlers.ApproveAll)).AskAsync("go").Soon();
            return string.Concat(server.Sent().Select(frame => frame.ToJsonString()));
        }
        (await RunAsync()).ShouldBe(await RunAsync());
    }

    [Fact]
    public async Task AScriptOfTheReferenceServerIsPlayed()
    {
        _server.Script(JsonNode.Parse("""
            {"model": [{"toolCall": {"name": "delete_record", "arguments": {"id": 42}}}, {"text": "42 is gone."}],
             "tools": [{"name": "delete_record", "description": "Deletes a record", "result": "deleted", "confirm": true}]}
            """)!.AsObject());
        var chat = await _server.StartConversationAsync(FakeHandlers.ApproveAll);
        var result = await chat.AskAsync("delete 42").Soon();
        (result.Text, result.Usage!.PromptTokens).ShouldBe(("42 is gone.", 20));
        (await Should.ThrowAsync<SmoothAgentException>(() => chat.AskAsync("more").Soon())).Code.ShouldBe("AGENT_ERROR");
    }

    [Fact]
    public async Task OnLoopbackAnyClientTalksToIt()
    {
        _server.OnMessage().Tokens("over a ", "socket").Finish();
        var url = await _server.ListenAsync();
        await using var client = new SmoothAgentClient(new() { Url = url });
        await client.ConnectAsync().Soon();
        var chat = await client.StartConversationAsync(new() { AgentId = FakeServer.AgentId }).Soon();
        (await chat.AskAsync("hello").Soon()).Text.ShouldBe("over a socket");
        _server.Url.ShouldBe(url);
    }

    private static async Task AskedAsync(ITurn turn, string type)
    {
        var events = turn.GetAsyncEnumerator();
        do
        {
            (await events.MoveNextAsync().AsTask().Soon()).ShouldBeTrue();
        }
        while (events.Current.Type != type);
    }

    private async Task ReconnectedAsync()
    {
        var opened = _server.WhenConnectedAsync(2);
        while (!opened.IsCompleted)
        {
            await _server.Clock.AdvanceAsync(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }
    }
}
