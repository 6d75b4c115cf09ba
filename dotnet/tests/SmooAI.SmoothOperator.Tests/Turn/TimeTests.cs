namespace SmooAI.SmoothOperator.Tests.Turns;

public sealed class TimeTests : ClientTest
{
    [Fact]
    public async Task REQ_TURN_11_SilenceEndsTheTurnAfterOneCancel()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await AdvanceAsync(119);
        await Link.SendAsync(Frames.Keepalive(turn.RequestId));
        await Link.SendAsync(Frames.Token(turn.RequestId, "part"));
        await SettledAsync(client);
        await AdvanceAsync(119);
        turn.Outcome.ShouldBeNull();
        await AdvanceAsync(1);
        var error = await turn.Completion.FailsAsync<TurnTimeoutException>();
        (error.PartialText, error.Kind, error.Retryable).ShouldBe(("part", "turn_timeout", false));
        (await Link.ReceiveAsync())["action"]!.ToString().ShouldBe("cancel");
        await SettledAsync(client);
    }

    [Fact]
    public async Task REQ_TURN_11_TheClockStandsStillWhileAQuestionIsOpen()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        await AdvanceAsync(300);
        var verb = turn.ConfirmAsync(true);
        await Link.AnswerAsync("confirm_tool_action", id => Frames.Immediate(id, 200));
        await verb.Soon();
        await AdvanceAsync(119);
        turn.Outcome.ShouldBeNull();
        await AdvanceAsync(1);
        await turn.Completion.FailsAsync<TurnTimeoutException>();
    }

    [Fact]
    public async Task REQ_TURN_12_NothingExtendsTheTotalTime()
    {
        var client = await ConnectedAsync(o => o with { TurnTimeout = TimeSpan.FromSeconds(60) });
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        await AdvanceAsync(59);
        await Link.SendAsync(Frames.Keepalive(turn.RequestId));
        await SettledAsync(client);
        await AdvanceAsync(1);
        var error = await turn.Completion.FailsAsync<TurnTimeoutException>();
        error.Details.OpenQuestion!.Kind.ShouldBe(QuestionKind.Confirmation);
        (await Link.ReceiveAsync())["action"]!.ToString().ShouldBe("cancel");
    }

    [Theory]
    [InlineData("", 330)]
    [InlineData(",\"expiresAt\":64000,\"timestamp\":4000", 70)]
    [InlineData(",\"expiresAt\":1,\"timestamp\":4000", 10)]
    [InlineData(",\"expiresAt\":90000000,\"timestamp\":0", 330)]
    [InlineData(",\"expiresAt\":64000", 330)]
    public async Task REQ_TURN_13_AQuestionHasItsOwnTime(string more, int seconds)
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id, more));
        await AdvanceAsync(seconds - 1);
        turn.Outcome.ShouldBeNull();
        await AdvanceAsync(1);
        var error = await turn.Completion.FailsAsync<TurnTimeoutException>();
        error.Details.OpenQuestion!.Asked.ShouldBeOfType<WriteConfirmationRequiredEvent>();
        (await Link.ReceiveAsync())["action"]!.ToString().ShouldBe("cancel");
    }

    [Fact]
    public async Task REQ_TIME_01_ZeroTurnsEveryLimitOff()
    {
        var client = await ConnectedAsync(o => o with
        {
            RequestTimeout = TimeSpan.Zero,
            TurnIdleTimeout = TimeSpan.Zero,
            QuestionTimeout = TimeSpan.Zero,
            CancelTimeout = TimeSpan.Zero,
        });
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        var call = client.PingAsync();
        await Link.ReceiveAsync();
        await AdvanceAsync(1_000_000);
        Clock.ActiveTimers.ShouldBe(0);
        (turn.Outcome, call.IsCompleted).ShouldBe((null, false));
        await Link.SendAsync(Frames.Pong("req-2"));
        await call.Soon();
    }
}
