namespace SmooAI.SmoothOperator.Tests.Turns;

public sealed class TurnTests : ClientTest
{
    [Fact]
    public async Task REQ_TURN_02_EveryIteratorSeesEveryItem()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        var early = turn.ToListAsync();
        await Link.SendAsync(Frames.Token(turn.RequestId, "a"));
        await Link.SendAsync(Frames.Keepalive(turn.RequestId));
        var middle = turn.ToListAsync();
        await Link.SendAsync(Frames.Streamed("stream_reasoning", turn.RequestId, "hm"));
        await Link.SendAsync("""{"type":"stream_video","data":{"requestId":"req-1"}}""");
        await Link.SendAsync(Frames.Final(turn.RequestId));
        await early.Soon();
        var late = await turn.ToListAsync().Soon();
        late.Select(item => item.Type).ShouldBe(["stream_token", "stream_reasoning", "unknown", "eventual_response"]);
        (await early).ShouldBe(late);
        (await middle.Soon()).ShouldBe(late);
        turn.Items.ShouldBe(late);
    }

    [Fact]
    public async Task REQ_TURN_03_TheTerminalIsTheLastItemAndTheErrorFollows()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Token(turn.RequestId, "par"));
        await Link.SendAsync(Frames.Error(turn.RequestId, "AGENT_ERROR"));
        var seen = new List<string>();
        var error = await Should.ThrowAsync<ServerFaultException>(async () =>
        {
            await foreach (var item in turn)
            {
                seen.Add(item.Type);
            }
        });
        seen.ShouldBe(["stream_token", "error"]);
        (error.PartialText, error.RequestId, error.SessionId, turn.PartialText, turn.Outcome)
            .ShouldBe(("par", turn.RequestId, Frames.Session, "par", TurnOutcome.Failed));
        await Should.ThrowAsync<ServerFaultException>(async () => await turn);
    }

    [Fact]
    public async Task REQ_TURN_04_AStatusOf400AndAboveFails()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Final(turn.RequestId, status: 503));
        (await turn.Completion.FailsAsync<ProtocolException>()).Details.Status.ShouldBe(503);
    }

    [Fact]
    public async Task REQ_TURN_05_ACancelNobodyAskedForRaisesNothing()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Cancelled(turn.RequestId));
        var result = await turn.Completion.Soon();
        (result.Outcome, result.Confirmed).ShouldBe((TurnOutcome.Cancelled, true));
    }

    [Fact]
    public async Task REQ_TURN_06_LateFramesChangeNothing()
    {
        var client = await ConnectedAsync();
        var pushed = 0;
        client.EventReceived += (_, _) => pushed++;
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Final(turn.RequestId));
        var result = await turn.Completion.Soon();
        await Link.SendAsync(Frames.Token(turn.RequestId, "late"));
        await Link.SendAsync(Frames.Error(turn.RequestId, "AGENT_ERROR"));
        await SettledAsync(client);
        (turn.Items.Count, turn.PartialText, pushed).ShouldBe((1, "", 0));
        (await turn).ShouldBeSameAs(result); // REQ-TURN-15
    }

    [Theory]
    [InlineData("OTP_SEND_FAILED", "")]
    [InlineData("AGENT_ERROR", ",\"terminal\":false")]
    public async Task REQ_TURN_07_SomeErrorsSpareTheTurn(string code, string more)
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Error(turn.RequestId, code, more));
        await Link.SendAsync(Frames.Final(turn.RequestId));
        (await turn.ToListAsync().Soon()).Select(item => item.Type).ShouldBe(["error", "eventual_response"]);
    }

    [Fact]
    public async Task REQ_TURN_07_AnUnknownCodeEndsTheTurn()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Error(turn.RequestId, "BRAND_NEW"));
        (await turn.Completion.FailsAsync<ProtocolException>()).Code.ShouldBe("BRAND_NEW");
    }

    [Fact]
    public async Task REQ_TURN_08_NoImmediateResponseEndsATurn()
    {
        var client = await ConnectedAsync();
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = "hi" });
        await Link.AnswerAsync("send_message", id => Frames.Immediate(id, 500));
        await SettledAsync(client);
        turn.State.ShouldBe(TurnState.Sent);
        await Link.SendAsync(Frames.Accepted(turn.RequestId));
        await Link.SendAsync(Frames.Final(turn.RequestId));
        (await turn.ToListAsync().Soon()).Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("\"\"", "")]
    [InlineData("\"Hi\"", "Hi")]
    [InlineData("""{"responseParts":["a",7,"b"]}""", "a\n\nb")]
    [InlineData("""{"responseParts":[]}""", "streamed")]
    [InlineData("""{"responseParts":null}""", "streamed")]
    [InlineData("null", "streamed")]
    [InlineData("[1]", "streamed")]
    public async Task REQ_TURN_09_TheTextOfTheAnswer(string response, string text)
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Streamed("stream_preamble", turn.RequestId, "pre"));
        await Link.SendAsync(Frames.Token(turn.RequestId, "stream"));
        await Link.SendAsync(Frames.Streamed("stream_reasoning", turn.RequestId, "why"));
        await Link.SendAsync(Frames.Token(turn.RequestId, "ed"));
        await Link.SendAsync(Frames.Final(turn.RequestId, response));
        (await turn.Completion.Soon()).Text.ShouldBe(text);
    }

    [Fact]
    public async Task REQ_TURN_10_TheTextStreamYieldsTokensOrTheFinalTextOnce()
    {
        var client = await ConnectedAsync();
        var streamed = await RunningAsync(client);
        await Link.SendAsync(Frames.Token(streamed.RequestId, "é"));
        await Link.SendAsync(Frames.Token(streamed.RequestId, ""));
        await Link.SendAsync(Frames.Token(streamed.RequestId, "😀"));
        await Link.SendAsync(Frames.Final(streamed.RequestId));
        (await streamed.TextStream.ToListAsync().Soon()).ShouldBe(["é", "", "😀"]);
        var silent = await RunningAsync(client);
        await Link.SendAsync(Frames.Final(silent.RequestId));
        (await silent.TextStream.ToListAsync().Soon()).ShouldBe(["Done"]);
        var empty = await RunningAsync(client);
        await Link.SendAsync(Frames.Final(empty.RequestId, "\"\""));
        (await empty.TextStream.ToListAsync().Soon()).ShouldBeEmpty();
    }

    [Fact]
    public async Task REQ_TURN_14_ASecondSendIsPassedThrough()
    {
        var client = await ConnectedAsync();
        var first = await RunningAsync(client);
        var second = client.SendMessage(new() { SessionId = Frames.Session, Message = "again" });
        await Link.AnswerAsync("send_message", id => Frames.Error(id, "TURN_IN_PROGRESS"));
        (await second.Completion.FailsAsync<TurnInProgressException>()).Retryable.ShouldBeTrue();
        await Link.SendAsync(Frames.Final(first.RequestId));
        (await first.Completion.Soon()).Text.ShouldBe("Done");
    }

    [Fact]
    public async Task REQ_TURN_16_AFailureNobodyAwaitsIsLoggedOnceAndNothingElse()
    {
        var unobserved = 0;
        void Count(object? sender, UnobservedTaskExceptionEventArgs fault) => unobserved++;
        TaskScheduler.UnobservedTaskException += Count;
        try
        {
            var client = await ConnectedAsync();
            await FailAsync(client);
            await Waiting.UntilAsync(() =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return Logged.Any(entry => entry.Message.Contains("nobody awaited", StringComparison.Ordinal));
            });
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Logged.Count(entry => entry.Message.Contains("nobody awaited", StringComparison.Ordinal)).ShouldBe(1);
            unobserved.ShouldBe(0);
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Count;
        }
    }

    [Fact]
    public async Task REQ_TURN_17_ASlowReaderDelaysNobody()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await using var slow = turn.GetAsyncEnumerator();
        for (var n = 0; n < 500; n++)
        {
            await Link.SendAsync(Frames.Token(turn.RequestId, "x"));
        }
        await Link.SendAsync(Frames.Final(turn.RequestId, "null"));
        (await turn.Completion.Soon()).Text.Length.ShouldBe(500);
        (await slow.MoveNextAsync()).ShouldBeTrue();
    }

    [Fact]
    public async Task REQ_TURN_18_AResultCarriesWhatTheAnswerSaid()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Final(
            turn.RequestId,
            more: ""","needsEscalation":true,"usage":{"promptTokens":3,"completionTokens":4,"costUsd":0.5},"citations":[{"id":"c","title":"t","snippet":"s","score":0.9}]"""));
        var result = await turn;
        (result.MessageId, result.RequestId, result.SessionId, result.Confirmed, result.NeedsEscalation, result.Usage!.PromptTokens, result.Citations[0].Score)
            .ShouldBe(("m-1", turn.RequestId, Frames.Session, null, true, 3, 0.9));
        result.Response.ShouldBeSameAs(turn.Items[0]);
    }

    [Fact]
    public async Task REQ_TURN_19_ToolCallsAndResultsAreTyped()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Chunk(turn.RequestId, """{"toolCall":{"name":"pay","arguments":"{\"sum\":5}","callId":"c1"}}"""));
        await Link.SendAsync(Frames.Chunk(turn.RequestId, """{"toolCall":{"name":"pay","arguments":{"sum":6}}}"""));
        await Link.SendAsync(Frames.Chunk(turn.RequestId, """{"toolResult":{"name":"pay","isError":false,"result":null}}"""));
        await Link.SendAsync(Frames.Chunk(turn.RequestId, "\"text\""));
        await Link.SendAsync(Frames.Final(turn.RequestId));
        var chunks = (await turn.ToListAsync().Soon()).OfType<StreamChunkEvent>().ToList();
        (chunks[0].ToolCall!.Name, chunks[0].ToolCall!.CallId, chunks[0].ToolCall!.Arguments!.Value.GetProperty("sum").GetInt32()).ShouldBe(("pay", "c1", 5));
        chunks[1].ToolCall!.Arguments!.Value.GetProperty("sum").GetInt32().ShouldBe(6);
        (chunks[2].ToolResult!.IsError, chunks[2].ToolResult!.Result).ShouldBe((false, null));
        (chunks[3].ToolCall, chunks[3].ToolResult).ShouldBe((null, null));
    }

    [Fact]
    public async Task REQ_WIRE_03_ABrokenTerminalFailsTheTurnAtOnce()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync("""{"type":"stream_token","data":{"requestId":"req-1","token":1}}""");
        await Link.SendAsync("""{"type":"eventual_response","requestId":"req-1","data":{"requestId":"req-1","status":200,"data":{"response":1}}}""");
        var error = await turn.Completion.FailsAsync<InvalidFrameException>();
        error.Details.Pointer.ShouldBe("/data/data/messageId");
        ((UnknownEvent)turn.Items.Single()).Problem.ShouldBe(new FrameProblem("type", "/data/token"));
        Logged.Count(entry => entry.Message.Contains("'stream_token' is broken", StringComparison.Ordinal)).ShouldBe(1);
    }

    [Fact]
    public async Task NothingIsLeftAfterAThousandTurns()
    {
        var client = await ConnectedAsync();
        var serving = Task.Run(async () =>
        {
            for (var n = 0; n < 1000; n++)
            {
                await Link.AnswerAsync("send_message", id => Frames.Final(id));
            }
        });
        for (var n = 0; n < 1000; n++)
        {
            await client.SendMessage(new() { SessionId = Frames.Session, Message = "hi" }).Completion.Soon();
        }
        await serving;
        (client.Router.LiveCount, client.Router.TailCount, Clock.ActiveTimers).ShouldBe((0, 0, 1)); // whether the link is stable
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private async Task FailAsync(SmoothAgentClient client)
    {
        var turn = await RunningAsync(client);
        _ = turn.CancelAsync();
        await Link.ReceiveAsync();
        await Link.SendAsync(Frames.Error(turn.RequestId, "AGENT_ERROR"));
        await SettledAsync(client);
        turn.Outcome.ShouldBe(TurnOutcome.Failed);
    }
}
