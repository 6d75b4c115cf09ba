namespace SmooAI.SmoothOperator.Tests.Turns;

public sealed class LateLimitTests : ClientTest
{
    private readonly HeldClock _held = new();

    [Fact]
    public async Task REQ_TIME_02_AfterAStallWhatHasArrivedIsReadFirst()
    {
        var client = await ConnectedAsync(options => options with { TimeProvider = _held, TurnTimeout = TimeSpan.FromMinutes(2) });
        var turn = await RunningAsync(client);
        var ping = client.PingAsync();
        await Link.ReceiveAsync();
        await Waiting.UntilAsync(() => turn.State == TurnState.Running);
        _held.Stall(TimeSpan.FromMinutes(10));
        await Link.SendAsync(Frames.Pong("req-2"));
        await Link.SendAsync(Frames.Final(turn.RequestId));

        (await turn.Completion.Soon()).Text.ShouldBe("Done");
        await ping.Soon();
        await ClosedAsync(client);
    }

    [Fact]
    public async Task REQ_TIME_02_WhereNothingHasArrivedTheLimitHoldsSoonAfter()
    {
        var client = await ConnectedAsync(options => options with { TimeProvider = _held });
        var turn = await RunningAsync(client);
        await Waiting.UntilAsync(() => turn.State == TurnState.Running);
        _held.Stall(TimeSpan.FromMinutes(10));
        turn.State.ShouldBe(TurnState.Running);
        _held.Stall(TimeSpan.FromSeconds(0.5));

        (await turn.Completion.FailsAsync<SmoothTimeoutException>()).Kind.ShouldBe("turn_timeout");
        await ClosedAsync(client);
    }

    /// <summary>Closes here: the clock of the other tests does not move this client's.</summary>
    private async Task ClosedAsync(SmoothAgentClient client)
    {
        var closing = client.CloseAsync();
        await Link.ClosedAsync();
        await closing.Soon();
    }
}
