namespace SmooAI.SmoothOperator.Tests.Linking;

public sealed class CloseTests : ClientTest
{
    [Fact]
    public async Task REQ_CONN_05_CloseSendsItsCodeAndWaitsForThePeer()
    {
        var client = await ConnectedAsync();
        var closing = client.CloseAsync();
        client.State.ShouldBe(ConnectionState.Closed);
        closing.IsCompleted.ShouldBeFalse();
        (await Link.ClosedAsync()).ShouldBe(1000);
        await closing.Soon();
        await Task.WhenAll(client.CloseAsync(), client.CloseAsync()).Soon();
    }

    [Fact]
    public async Task REQ_CONN_05_ASilentPeerIsLeftAfterTheLimit()
    {
        var client = await ConnectedAsync();
        var closing = client.CloseAsync();
        await AdvanceAsync(4.9);
        closing.IsCompleted.ShouldBeFalse();
        await AdvanceAsync(0.1);
        await closing.Soon();
    }

    [Fact]
    public async Task REQ_CONN_05_WithoutALimitNothingIsWaitedFor()
    {
        var client = await ConnectedAsync(o => o with { CloseTimeout = TimeSpan.Zero });
        await client.CloseAsync().Soon();
        (await Link.ReceiveTextAsync()).ShouldBeNull();
        Link.CloseCode.ShouldBe(1000);
    }

    [Fact]
    public async Task REQ_CONN_06_CloseSettlesEverythingBeforeItReturns()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        var verb = turn.ConfirmAsync(true);
        var call = client.PingAsync();
        var closing = client.CloseAsync();
        Task[] all = [turn.Completion, verb, call];
        foreach (var task in all)
        {
            (await task.FailsAsync<ClientClosedException>()).Kind.ShouldBe("client_closed");
        }
        await Link.ClosedAsync();
        await closing.Soon();
    }

    [Fact]
    public async Task REQ_CONN_05_ClosingWhileConnectingEndsTheAttempt()
    {
        var hold = new TaskCompletionSource();
        Peer.Hold = hold.Task;
        var client = NewClient();
        var connecting = client.ConnectAsync();
        var call = client.PingAsync();
        await client.CloseAsync().Soon();
        await connecting.FailsAsync<ClientClosedException>();
        await call.FailsAsync<ClientClosedException>();
        client.State.ShouldBe(ConnectionState.Closed);
        hold.SetResult();
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(1011)]
    [InlineData(4400)]
    public async Task REQ_CONN_15_ALostLinkFailsWhatIsInFlight(int code)
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Token(turn.RequestId, "half"));
        await Waiting.UntilAsync(() => turn.PartialText == "half");
        var call = client.PingAsync();
        await Link.CloseAsync(code);
        var error = await turn.Completion.FailsAsync<TurnInterruptedException>();
        (error.CloseCode, error.Sent, error.PartialText, error.RequestId, error.SessionId, error.Details.OpenQuestion)
            .ShouldBe((code, true, "half", turn.RequestId, Frames.Session, null));
        (await call.FailsAsync<ConnectionLostException>()).CloseCode.ShouldBe(code);
    }

    [Fact]
    public async Task REQ_CONN_15_NoCodeIs1005AndNoCloseFrameIs1006()
    {
        var client = await ConnectedAsync();
        var first = client.PingAsync();
        await Link.ReceiveAsync();
        await Link.SendRawAsync(0x88, 0x00);
        (await first.FailsAsync<ConnectionLostException>()).CloseCode.ShouldBe(1005);
        await client.ConnectAsync().Soon();
        var second = client.PingAsync();
        (await Peer.LinkAsync()).Drop();
        (await second.FailsAsync<ConnectionLostException>()).CloseCode.ShouldBe(1006);
    }

    [Fact]
    public async Task REQ_CONN_15_4401MakesEverythingAuthentication()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        var call = client.PingAsync();
        await Link.CloseAsync(4401);
        (await turn.Completion.FailsAsync<SmoothAuthenticationException>()).CloseCode.ShouldBe(4401);
        await call.FailsAsync<SmoothAuthenticationException>();
    }

    [Fact]
    public async Task REQ_TURN_20_TheErrorCarriesTheOpenQuestion()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        Link.Drop();
        var error = await turn.Completion.FailsAsync<TurnInterruptedException>();
        error.Details.OpenQuestion!.Kind.ShouldBe(QuestionKind.Confirmation);
        turn.OpenQuestions.ShouldBeEmpty();
    }

    [Fact]
    public async Task REQ_WIRE_04_TenMalformedFramesInARowCloseTheLink()
    {
        var client = await ConnectedAsync();
        var call = client.PingAsync();
        await Link.ReceiveAsync();
        for (var round = 0; round < 9; round++)
        {
            await Link.SendAsync("no json");
        }
        await Link.SendAsync("""{"type":"stream_video"}""");
        for (var round = 0; round < 9; round++)
        {
            await Link.SendAsync([1, 2], System.Net.WebSockets.WebSocketMessageType.Binary);
        }
        client.State.ShouldBe(ConnectionState.Open);
        await Link.SendAsync("[]");
        (await Link.ClosedAsync()).ShouldBe(4400);
        (await call.FailsAsync<ConnectionLostException>()).CloseCode.ShouldBe(4400);
        Logged.Count(entry => entry.Severity == LogSeverity.Warning && entry.Message.Contains("A malformed frame", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Fact]
    public async Task REQ_WIRE_10_TextThatIsNotUtf8ClosesWith1007()
    {
        var client = await ConnectedAsync();
        var call = client.PingAsync();
        await Link.ReceiveAsync();
        await Link.SendAsync([(byte)'{', 0xC3, 0x28], System.Net.WebSockets.WebSocketMessageType.Text);
        (await Link.ClosedAsync()).ShouldBe(1007);
        (await call.FailsAsync<ConnectionLostException>()).CloseCode.ShouldBe(1007);
    }

    [Fact]
    public async Task REQ_WIRE_11_AMessageOverTheLimitCloses1009()
    {
        var client = await ConnectedAsync(o => o with { MaxMessageBytes = 1000 });
        var turn = await RunningAsync(client);
        var call = client.PingAsync();
        await Link.ReceiveAsync();
        await Link.SendAsync(Frames.Token(turn.RequestId, new string('x', 40_000)));
        (await Link.ClosedAsync()).ShouldBe(1009);
        var error = await turn.Completion.FailsAsync<MessageTooLargeException>();
        (error.Details.LimitBytes, error.Details.SizeBytes > 1000).ShouldBe((1000, true));
        await call.FailsAsync<MessageTooLargeException>();
    }

    [Fact]
    public async Task REQ_CONN_27_AListenerThatDoesNotReturnDoesNotHoldClosing()
    {
        using var stuck = new ManualResetEventSlim();
        var client = await ConnectedAsync();
        client.StateChanged += (_, _) => stuck.Wait();
        var closing = client.CloseAsync();
        await Link.ClosedAsync();
        await Waiting.UntilAsync(() => Clock.ActiveTimers > 0); // that of closing: those of the link went with it
        var advancing = Clock.AdvanceAsync(TimeSpan.FromSeconds(5));
        await closing.Soon();
        stuck.Set();
        await advancing.Soon();
    }
}
