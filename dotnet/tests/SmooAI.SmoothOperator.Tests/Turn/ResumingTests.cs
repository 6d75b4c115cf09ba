using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator.Tests.Turns;

/// <summary>A turn outlives its link: what no frame shows of it.</summary>
public sealed class ResumingTests : ReplayTest
{
    [Fact]
    public async Task REQ_RESUME_02_ReadersWaitWhileTheTurnIsSuspended()
    {
        var turn = await SentAsync();
        var events = Script(turn.RequestId, "a", "b");
        var (items, pieces, result) = (turn.ToListAsync(), turn.TextStream.ToListAsync(), turn.GetResultAsync());
        var states = new List<TurnState> { turn.State };
        await Link.SendAsync(events[0]);
        await Link.SendAsync(events[1]);
        await Waiting.UntilAsync(() => turn.PartialText == "a");
        states.Add(turn.State);
        await LoseAsync();
        states.Add(turn.State);
        await FindAsync();
        var asked = await ExpectAsync("resume_turn");
        asked.ToJsonString().ShouldBe(
            $$"""{"action":"resume_turn","requestId":"{{turn.RequestId}}","sessionId":"{{Frames.Session}}","afterSeq":2}""");
        (items.IsCompleted || pieces.IsCompleted || result.IsCompleted).ShouldBeFalse();
        await Link.SendAsync(Frames.Resumed(turn.RequestId, 3));
        foreach (var frame in events[1..])
        {
            await Link.SendAsync(frame);
        }
        (await pieces.Soon()).ShouldBe(["a", "b"]);
        (await result.Soon()).Text.ShouldBe("ab");
        (await items.Soon()).Select(item => item.Type).ShouldBe(["stream_token", "stream_token", "eventual_response"]);
        states.Append(turn.State).ShouldBe([TurnState.Sent, TurnState.Running, TurnState.Suspended, TurnState.Settled]);
        (Client.Counters.ResumedTurns, Client.Counters.OpenTurns).ShouldBe((1, 0));
    }

    [Fact]
    public async Task REQ_RESUME_02_WhatCameInOneBatchWithTheEndOfTheLinkIsShown()
    {
        var turn = await SentAsync();
        var items = turn.GetAsyncEnumerator();
        await Link.SendAsync(Script(turn.RequestId, "a")[1].Replace("\"seq\":2", "\"seq\":1", StringComparison.Ordinal));
        Link.Drop();
        (await items.MoveNextAsync().Soon()).ShouldBeTrue();
        await items.DisposeAsync();
    }

    [Fact]
    public async Task REQ_STOP_04_AReaderThatLeavesStopsASuspendedTurn()
    {
        var turn = await SentAsync();
        await LoseAsync();
        turn.State.ShouldBe(TurnState.Suspended);
        using var stop = new CancellationTokenSource();
        var wait = turn.GetResultAsync(stop.Token);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => wait);
        await FindAsync();
        await ExpectAsync("resume_turn");
        await ExpectAsync("cancel");
        await Link.SendAsync(Frames.Resumed(turn.RequestId, 0, "never"));
        var result = await turn.Completion.Soon();
        (result.Outcome, result.Confirmed).ShouldBe((TurnOutcome.Cancelled, false));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task REQ_RESUME_06_RandomCutsGiveTheWholeTextOnce(int seed)
    {
        var turn = await SentAsync(o => o with { ResumeTimeout = TimeSpan.Zero, BackoffMax = TimeSpan.FromSeconds(0.5) });
        var tokens = Enumerable.Range(0, 60).Select(number => $"{number} ").ToArray();
        var events = Script(turn.RequestId, tokens);
        var asked = await PlayWithCutsAsync(turn.RequestId, events, new Random(seed));
        var result = await turn.Completion.Soon();
        (result.Outcome, result.Text).ShouldBe((TurnOutcome.Completed, string.Concat(tokens)));
        turn.Items.Select(Number).ShouldBe(Enumerable.Range(2, events.Length - 1).Select(number => (long?)number));
        Client.Counters.ResumedTurns.ShouldBe(asked);
    }

    public static TheoryData<int> Seeds => new(Enumerable.Range(0, 12));

    [Fact]
    public async Task REQ_RESUME_06_AThousandSuspensionsLeaveNothingBehind()
    {
        const int Rounds = 1000;
        var turn = await SentAsync();
        var events = Script(turn.RequestId, Enumerable.Repeat("x", Rounds));
        var timers = new HashSet<int>();
        await Link.SendAsync(events[0]);
        for (var number = 1; number <= Rounds; number++)
        {
            await Link.SendAsync(events[number + 1]);
            (await AskedAfterAsync()).ShouldBe(number);
            await Link.SendAsync(Frames.Resumed(turn.RequestId, number + 1));
            await Link.SendAsync(events[number]);
            await Waiting.UntilAsync(() => turn.PartialText.Length == number);
            timers.Add(Clock.ActiveTimers);
        }
        timers.Count.ShouldBe(1);
        (turn.State, Client.Counters.ResumedTurns).ShouldBe((TurnState.Running, Rounds));
        await Link.SendAsync(events[^1]);
        (await turn.Completion.Soon()).Text.ShouldBe(new string('x', Rounds));
        (Client.Router.LiveCount, Clock.ActiveTimers).ShouldBe((0, 1)); // whether the link is stable
    }

    [Fact]
    public async Task REQ_RESUME_06_TokensOfAKnownFormAreLookedAtByTheirNumbers()
    {
        var turn = await SentAsync();
        var events = Script(turn.RequestId, Enumerable.Range(0, 200).Select(number => $"{number}"));
        foreach (var frame in (string[])[.. events[..90], .. events[80..120], .. events[150..160]])
        {
            await Link.SendAsync(frame);
        }
        (await AskedAfterAsync()).ShouldBe(120);
        await Link.SendAsync(Frames.Resumed(turn.RequestId, events.Length));
        foreach (var frame in events[100..])
        {
            await Link.SendAsync(frame);
        }
        (await turn.Completion.Soon()).Text.ShouldBe(string.Concat(Enumerable.Range(0, 200)));
    }

    [Fact]
    public void REQ_RESUME_06_AShortWayTakesTheSameNumbers()
    {
        var tokens = Script("r", "a", "b", "c", "d").Select(frame => WireCodec.Decode(frame).Event!).ToArray();
        var options = new SmoothAgentClientOptions { Url = "ws://h" };
        var (brief, full) = (new TurnResuming(options, replays: true), new TurnResuming(options, replays: true));
        brief.Follows(tokens[1]).ShouldBeFalse();
        full.Takes(tokens[1], "stream_token", "running").ShouldBe(LocalEvent.Gap);
        (brief, full) = (new(options, replays: true), new(options, replays: true));
        foreach (var token in tokens[..4])
        {
            brief.Follows(token).ShouldBeTrue();
            full.Takes(token, token.Type, "running").ShouldBe(token.Type);
            (brief.Last, full.Last).ShouldBe((full.Last, brief.Last));
        }
        brief.Follows(tokens[2]).ShouldBeFalse();
        full.Takes(tokens[2], "stream_token", "running").ShouldBe(LocalEvent.Repeated);
        (brief.Last, full.Last).ShouldBe((4, 4));
        new TurnResuming(options, replays: false).Follows(tokens[3]).ShouldBeTrue();
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("1.0", true)]
    [InlineData("10e-1", true)]
    [InlineData("0", false)]
    [InlineData("-1", false)]
    [InlineData("1.5", false)]
    [InlineData("9007199254740992", false)]
    [InlineData("true", false)]
    [InlineData("\"1\"", false)]
    [InlineData("null", false)]
    [InlineData("1e999", false)]
    public void REQ_RESUME_06_ANumberIsAnIntegerFrom1On(string seq, bool isNumber)
    {
        var received = WireCodec.Decode($$"""{"type":"of_tomorrow","requestId":"r","seq":{{seq}}}""").Event!;
        var resuming = new TurnResuming(new() { Url = "ws://h" }, replays: true);
        resuming.Takes(received, "unknown", "running").ShouldBe(isNumber ? "unknown" : LocalEvent.OutOfOrder);
    }

    [Fact]
    public async Task REQ_RESUME_08_AVerbThatIsTooLargeIsRefusedWhileSuspended()
    {
        var turn = await SentAsync();
        await Link.SendAsync(Script(turn.RequestId)[0]);
        await Link.SendAsync(Frames.Numbered(Frames.Interaction(turn.RequestId), 2));
        await Waiting.UntilAsync(() => turn.OpenQuestions.Count == 1);
        await LoseAsync();
        await turn.SubmitAsync(new System.Text.Json.Nodes.JsonObject { ["email"] = new string('x', Limits.OutboundBytes) })
            .FailsAsync<MessageTooLargeException>();
        turn.OpenQuestions.Count.ShouldBe(1);
        var answer = turn.SubmitAsync(new System.Text.Json.Nodes.JsonObject { ["email"] = "x" });
        await FindAsync();
        (await AskedAfterAsync()).ShouldBe(2);
        await Link.SendAsync(Frames.Resumed(turn.RequestId, 2));
        (await ExpectAsync("submit_interaction"))["values"]!.ToJsonString().ShouldBe("""{"email":"x"}""");
        _ = Client.CloseAsync();
        await answer.FailsAsync<ClientClosedException>();
    }

    [Fact]
    public async Task REQ_RESUME_09_ATurnThatNobodyTakesUpFailsAfterResumeTimeout()
    {
        var turn = await SentAsync(o => o with { ResumeTimeout = TimeSpan.FromSeconds(5), BackoffBase = TimeSpan.FromSeconds(9), Random = () => 0.9 });
        await LoseAsync();
        await AdvanceAsync(4.999);
        turn.State.ShouldBe(TurnState.Suspended);
        await AdvanceAsync(0.001);
        var error = await turn.Completion.FailsAsync<TurnInterruptedException>();
        (error.CloseCode, error.Sent).ShouldBe((1006, true));
    }

    [Fact]
    public async Task REQ_RESUME_11_AConversationGivesTheTurnThatItRuns()
    {
        var chat = await TalkingAsync(more: ""","openTurn":{"requestId":"old","lastSeq":3}""");
        var turn = chat.OpenTurn().ShouldNotBeNull();
        (turn.RequestId, turn.State).ShouldBe(("old", TurnState.Suspended));
        chat.OpenTurn().ShouldBeSameAs(turn);
        (await AskedAfterAsync()).ShouldBe(0);
        await Link.SendAsync(Frames.Resumed("old", 3, "gone"));
        (await turn.Completion.FailsAsync<TurnInterruptedException>()).Details.State.ShouldBe("gone");
        var again = chat.OpenTurn().ShouldNotBeNull();
        again.ShouldNotBeSameAs(turn);
        (await AskedAfterAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task REQ_RESUME_11_ThereIsNoneWhereTheAnswerNamedNone() => (await TalkingAsync()).OpenTurn().ShouldBeNull();

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, 0)]
    public async Task REQ_RESUME_01_SessionsOfAClientThatSeeksNoLinkDoNotReplay(bool seeks, int? attempts)
    {
        var chat = await TalkingAsync(
            o => o with { AutoReconnect = seeks, MaxReconnectAttempts = attempts }, ""","openTurn":{"requestId":"old","lastSeq":3}""");
        chat.OpenTurn().ShouldBeNull();
    }

    private static long? Number(ServerEvent received) =>
        received.Flatten().TryGetProperty("seq", out var seq) ? seq.GetInt64() : null;

    /// <summary>Sends all events; loses some at random, and sends some twice. Returns how often the turn was asked for.</summary>
    private async Task<int> PlayWithCutsAsync(string id, string[] events, Random chance)
    {
        var (at, newest, asked) = (0, 0, 0);
        while (true)
        {
            var end = chance.Next(newest + 1, events.Length + 1);
            foreach (var frame in events[at..end])
            {
                await Link.SendAsync(frame);
            }
            if (end == events.Length)
            {
                return asked;
            }
            if (end + 1 < events.Length && chance.NextDouble() < 0.5)
            {
                await Link.SendAsync(events[end + 1]); // a gap: the client asks on the same link
                newest = await AskedAfterAsync();
                newest.ShouldBe(end);
            }
            else
            {
                await LoseAsync();
                await FindAsync();
                var after = await AskedAfterAsync();
                after.ShouldBeInRange(newest, end); // what the cut link still held is lost
                newest = after;
            }
            asked++;
            at = chance.Next(0, newest + 1);
            await Link.SendAsync(Frames.Resumed(id, events.Length));
        }
    }
}
