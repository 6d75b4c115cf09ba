namespace SmooAI.SmoothOperator.Tests.Turns;

/// <summary>What RecoverAsync asks of the server: what no frame shows of it (REQ-RESUME-12).</summary>
public sealed class InquiryTests : ReplayTest
{
    [Fact]
    public async Task REQ_RESUME_12_ARecoveryThatIsCancelledLeavesNothing()
    {
        var turn = await InterruptedAsync();
        var timers = Clock.ActiveTimers;
        using var stop = new CancellationTokenSource();
        var recovery = turn.RecoverAsync(stop.Token);
        await ExpectAsync("resume_turn");
        Client.Router.LiveCount.ShouldBe(1);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => recovery.Soon());
        (Client.Router.LiveCount, Clock.ActiveTimers).ShouldBe((0, timers));
    }

    [Fact]
    public async Task REQ_RESUME_12_WhenTheFirstRecoveryIsCancelledTheSecondAsks()
    {
        var turn = await InterruptedAsync();
        using var stop = new CancellationTokenSource();
        var first = turn.RecoverAsync(stop.Token);
        await ExpectAsync("resume_turn");
        var second = turn.RecoverAsync();
        await stop.CancelAsync();
        await ExpectAsync("resume_turn");
        await Link.SendAsync(Frames.Resumed(turn.RequestId, 0, "never"));
        (await second.Soon()).Status.ShouldBe(RecoveryStatus.NotDelivered);
        await Should.ThrowAsync<OperationCanceledException>(() => first.Soon());
    }

    [Fact]
    public async Task REQ_RESUME_12_TwoRecoveriesGetOneAnswer()
    {
        var turn = await InterruptedAsync();
        var both = new[] { turn.RecoverAsync(), turn.RecoverAsync() };
        await ExpectAsync("resume_turn");
        await Link.SendAsync(Frames.Resumed(turn.RequestId, 0, "never"));
        (await Task.WhenAll(both).Soon()).ShouldAllBe(recovery => recovery.Status == RecoveryStatus.NotDelivered);
    }

    [Fact]
    public async Task REQ_RESUME_12_ACloseFailsWhatIsAsked()
    {
        var turn = await InterruptedAsync();
        var both = new[] { turn.RecoverAsync(), turn.RecoverAsync() };
        await ExpectAsync("resume_turn");
        _ = Client.CloseAsync();
        foreach (var recovery in both)
        {
            var closed = await Should.ThrowAsync<ClientClosedException>(() => recovery.Soon());
            closed.RequestId.ShouldBe(turn.RequestId);
        }
    }

    [Fact]
    public async Task REQ_RESUME_12_WhoeverRecoversARunningTurnIsNoReaderOfIt()
    {
        var turn = await SentAsync();
        using var stop = new CancellationTokenSource();
        var recovery = turn.RecoverAsync(stop.Token);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => recovery.Soon());
        turn.State.ShouldBe(TurnState.Sent);
        recovery = turn.RecoverAsync();
        await turn.DisposeAsync();
        await ExpectAsync("cancel");
        recovery.IsCompleted.ShouldBeFalse();
    }

    [Fact]
    public async Task REQ_RESUME_12_RecoveriesThatAreOverLeaveNothing()
    {
        var turn = await InterruptedAsync(options => options with { ResumeTimeout = TimeSpan.FromSeconds(1) });
        await AdvanceAsync(10); // the link is stable
        var (timers, written) = (Clock.ActiveTimers, Client.Counters.FramesOut);
        for (var round = 0; round < 100; round++)
        {
            var recovery = turn.RecoverAsync();
            await ExpectAsync("resume_turn");
            await AdvanceAsync(1);
            (await recovery.Soon()).Status.ShouldBe(RecoveryStatus.Unknown);
        }
        (Client.Router.LiveCount, Clock.ActiveTimers).ShouldBe((0, timers));
        (Client.Counters.FramesOut - written).ShouldBe(100); // the end of the time asks nobody again
    }

    /// <summary>Returns a turn that another link has.</summary>
    private async Task<ITurn> InterruptedAsync(Func<SmoothAgentClientOptions, SmoothAgentClientOptions>? with = null)
    {
        var turn = await SentAsync(with);
        await Link.SendAsync(Frames.Resumed(turn.RequestId, 0, "moved"));
        await Should.ThrowAsync<TurnInterruptedException>(() => turn.Completion.Soon());
        return turn;
    }
}
