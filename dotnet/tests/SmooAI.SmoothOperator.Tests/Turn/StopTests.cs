namespace SmooAI.SmoothOperator.Tests.Turns;

public sealed class StopTests : ClientTest
{
    [Fact]
    public async Task REQ_STOP_01_AtMostOneCancelIsWritten()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        var first = turn.CancelAsync();
        var second = turn.CancelAsync();
        var sent = await Link.ReceiveAsync();
        (sent["action"]!.ToString(), sent["requestId"]!.ToString(), sent["sessionId"]!.ToString())
            .ShouldBe(("cancel", turn.RequestId, Frames.Session));
        first.IsCompleted.ShouldBeFalse();
        await Link.SendAsync(Frames.Cancelled(turn.RequestId));
        await Task.WhenAll(first, second).Soon();
        await turn.CancelAsync().Soon();
        (await turn).Confirmed.ShouldBe(true);
        await SettledAsync(client);
    }

    [Fact]
    public async Task REQ_STOP_02_WithoutATerminalItSettlesByItself()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Token(turn.RequestId, "part"));
        await SettledAsync(client);
        var cancel = turn.CancelAsync();
        await AdvanceAsync(5);
        await cancel.Soon();
        var result = await turn;
        (result.Outcome, result.Confirmed, result.Text, result.Event).ShouldBe((TurnOutcome.Cancelled, false, "part", null));
    }

    [Fact]
    public async Task REQ_STOP_03_ATerminalThatCameFirstKeepsItsOutcome()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        var cancel = turn.CancelAsync();
        await Link.SendAsync(Frames.Final(turn.RequestId));
        await Link.SendAsync(Frames.Cancelled(turn.RequestId));
        await cancel.Soon();
        (await turn).Outcome.ShouldBe(TurnOutcome.Completed);
    }

    [Fact]
    public async Task REQ_STOP_04_TheTokenOfSendStopsTheServer()
    {
        var client = await ConnectedAsync();
        using var stop = new CancellationTokenSource();
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = "long" }, stop.Token);
        await Link.AnswerAsync("send_message", Frames.Accepted);
        var reading = turn.ToListAsync();
        await stop.CancelAsync();
        (await turn.Completion.FailsAsync<OperationCanceledException>()).CancellationToken.ShouldBe(stop.Token);
        await reading.FailsAsync<OperationCanceledException>();
        (await Link.AnswerAsync("cancel", Frames.Cancelled))["requestId"]!.ToString().ShouldBe(turn.RequestId);
        await Waiting.UntilAsync(() => turn.Outcome == TurnOutcome.Cancelled);
        await SettledAsync(client);
    }

    [Fact]
    public async Task REQ_STOP_04_ATokenThatFiredBeforeSendsNothing()
    {
        var client = await ConnectedAsync();
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = "never" }, stop.Token);
        await turn.Completion.FailsAsync<OperationCanceledException>();
        turn.Outcome.ShouldBe(TurnOutcome.Cancelled);
        await SettledAsync(client);
    }

    [Fact]
    public async Task REQ_STOP_04_AMessageThatWasNotWrittenIsTakenBack()
    {
        var hold = new TaskCompletionSource();
        Peer.Hold = hold.Task;
        var client = NewClient();
        var connecting = client.ConnectAsync();
        using var stop = new CancellationTokenSource();
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = "never" });
        var wait = turn.GetResultAsync(stop.Token);
        await stop.CancelAsync();
        await wait.FailsAsync<OperationCanceledException>();
        (await turn.Completion.Soon()).Confirmed.ShouldBe(false);
        var ping = client.PingAsync();
        hold.SetResult();
        await connecting.Soon();
        await (await Peer.LinkAsync()).AnswerAsync("ping", Frames.Pong);
        await ping.Soon();
    }

    [Fact]
    public async Task REQ_STOP_04_CancellingOneWaitStopsNothingWhileOthersCare()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        using var stop = new CancellationTokenSource();
        await using var other = turn.GetAsyncEnumerator();
        var wait = turn.GetResultAsync(stop.Token);
        await stop.CancelAsync();
        await wait.FailsAsync<OperationCanceledException>();
        await SettledAsync(client); // no cancel before the ping
        await Link.SendAsync(Frames.Final(turn.RequestId));
        (await turn).Outcome.ShouldBe(TurnOutcome.Completed);
    }

    [Fact]
    public async Task REQ_STOP_04_CancellingTheWaitForAnItemStopsTheTurn()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        using var stop = new CancellationTokenSource();
        var items = turn.GetAsyncEnumerator(stop.Token);
        var next = items.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        (await next.FailsAsync<OperationCanceledException>()).CancellationToken.ShouldBe(stop.Token);
        await items.DisposeAsync();
        await Link.AnswerAsync("cancel", Frames.Cancelled);
        (await turn).Outcome.ShouldBe(TurnOutcome.Cancelled);
    }

    [Fact]
    public async Task REQ_STOP_05_LeavingTheIterationStopsTheTurn()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Token(turn.RequestId, "a"));
        await foreach (var item in turn)
        {
            break;
        }
        await Link.AnswerAsync("cancel", Frames.Cancelled);
        (await turn).Outcome.ShouldBe(TurnOutcome.Cancelled);
    }

    [Fact]
    public async Task REQ_STOP_05_ADisposedTurnIsStoppedUnlessItIsWanted()
    {
        var client = await ConnectedAsync();
        var wanted = await RunningAsync(client);
        var result = wanted.Completion;
        await wanted.DisposeAsync();
        var detached = await RunningAsync(client);
        detached.Detach();
        await detached.DisposeAsync();
        var unwanted = await RunningAsync(client);
        await unwanted.DisposeAsync();
        (await Link.ReceiveAsync())["requestId"]!.ToString().ShouldBe(unwanted.RequestId);
        await Link.SendAsync(Frames.Final(wanted.RequestId));
        await result.Soon();
        await SettledAsync(client);
    }

    [Fact]
    public async Task REQ_STOP_06_ARefusedCancelLeavesTheTurnAlive()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        var cancel = turn.CancelAsync();
        await Link.AnswerAsync("cancel", id => Frames.Error(id, "UNSUPPORTED_ACTION"));
        await Link.SendAsync(Frames.Token(turn.RequestId, "on"));
        await SettledAsync(client);
        (cancel.IsCompleted, turn.State).ShouldBe((false, TurnState.Running));
        await AdvanceAsync(5);
        await cancel.Soon();
        (await turn).Confirmed.ShouldBe(false);
    }
}
