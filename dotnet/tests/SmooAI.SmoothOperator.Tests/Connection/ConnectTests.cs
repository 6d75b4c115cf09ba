namespace SmooAI.SmoothOperator.Tests.Linking;

public sealed class ConnectTests : ClientTest
{
    [Fact]
    public async Task REQ_CONN_03_ConcurrentConnectsShareOneAttempt()
    {
        var client = NewClient();
        await Task.WhenAll(client.ConnectAsync(), client.ConnectAsync(), client.ConnectAsync()).Soon();
        await client.ConnectAsync().Soon();
        (client.State, Peer.Requests.Count).ShouldBe((ConnectionState.Open, 1));
    }

    [Fact]
    public async Task REQ_CONN_03_ConnectWorksAgainAfterCloseAndAfterALostLink()
    {
        var client = await ConnectedAsync();
        Link.Drop();
        await Waiting.UntilAsync(() => client.State == ConnectionState.Closed);
        await client.ConnectAsync().Soon();
        var second = await Peer.LinkAsync();
        var closing = client.CloseAsync();
        (await second.ClosedAsync()).ShouldBe(1000);
        await closing.Soon();
        await client.ConnectAsync().Soon();
        var third = await Peer.LinkAsync();
        var ping = client.PingAsync();
        await third.AnswerAsync("ping", Frames.Pong);
        await ping.Soon();
    }

    [Fact]
    public async Task REQ_CONN_14_NothingExtraIsOffered()
    {
        await ConnectedAsync();
        Peer.Requests.TryPeek(out var head).ShouldBeTrue();
        head.ShouldNotContain("Sec-WebSocket-Extensions", Case.Insensitive);
        head.ShouldNotContain("traceparent", Case.Insensitive);
        head.ShouldStartWith("GET /ws HTTP/1.1");
    }

    [Fact]
    public async Task REQ_CONN_14_ProtocolPingsAreAnswered()
    {
        var client = await ConnectedAsync();
        await Link.SendRawAsync(0x89, 0x01, 0x41);
        var pong = await Link.ReceiveRawAsync(7); // opcode, masked length, mask, one byte
        (pong[0], pong[1], pong[2] ^ pong[6]).ShouldBe(((byte)0x8A, (byte)0x81, 0x41));
        await SettledAsync(client);
    }

    [Theory]
    [InlineData(401, typeof(SmoothAuthenticationException))]
    [InlineData(500, typeof(ConnectFailedException))]
    [InlineData(302, typeof(ConnectFailedException))]
    public async Task REQ_CONN_12_ARefusedHandshakeShowsItsStatus(int status, Type type)
    {
        Peer.Status = status;
        Peer.Headers = status == 302 ? $"Location: {Peer.Url.Replace("ws:", "http:", StringComparison.Ordinal)}\r\n" : "";
        var client = NewClient(o => o with { Url = o.Url + "?key=secret", Token = "secret" });
        var error = await client.ConnectAsync().FailsAsync<SmoothAgentException>();
        error.ShouldBeOfType(type);
        (error.Details.Status, client.State, Peer.Requests.Count).ShouldBe((status, ConnectionState.Idle, 1));
        error.ToString().ShouldNotContain("secret"); // REQ-ERR-04
    }

    [Fact]
    public async Task REQ_CONN_12_NobodyThereIsConnectFailed()
    {
        await Peer.DisposeAsync();
        var client = NewClient();
        (await client.ConnectAsync().FailsAsync<ConnectFailedException>()).Retryable.ShouldBeTrue();
        client.State.ShouldBe(ConnectionState.Idle);
    }

    [Fact]
    public async Task REQ_CONN_04_ASilentHandshakeEndsWithTheLimit()
    {
        var hold = new TaskCompletionSource();
        Peer.Hold = hold.Task;
        var client = NewClient();
        var connecting = client.ConnectAsync();
        var call = client.PingAsync();
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = "hi" });
        await Waiting.UntilAsync(() => !Peer.Requests.IsEmpty);
        await AdvanceAsync(10);
        await connecting.FailsAsync<ConnectFailedException>();
        (await call.FailsAsync<ConnectFailedException>()).RequestId.ShouldBe("req-1");
        (await turn.Completion.FailsAsync<ConnectFailedException>()).RequestId.ShouldBe("req-2");
        client.State.ShouldBe(ConnectionState.Idle);
        hold.SetResult();
    }

    [Fact]
    public async Task REQ_CONN_04_ActionsStartedWhileConnectingWaitForTheLink()
    {
        var hold = new TaskCompletionSource();
        Peer.Hold = hold.Task;
        var client = NewClient();
        var connecting = client.ConnectAsync();
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = "hi" });
        var ping = client.PingAsync();
        hold.SetResult();
        await connecting.Soon();
        var link = await Peer.LinkAsync();
        await link.AnswerAsync("send_message", id => Frames.Final(id));
        await link.AnswerAsync("ping", Frames.Pong);
        (await turn.Completion.Soon()).Text.ShouldBe("Done");
        await ping.Soon();
    }

    [Fact]
    public async Task REQ_CONN_09_WithoutALinkActionsFailAtOnce()
    {
        var client = NewClient();
        await client.PingAsync().FailsAsync<NotConnectedException>();
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = "hi" });
        (await turn.Completion.FailsAsync<NotConnectedException>()).Kind.ShouldBe("not_connected");
        Peer.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task REQ_CONN_09_ALazyClientConnectsByItself()
    {
        var client = NewClient(o => o with { Lazy = true });
        var ping = client.PingAsync();
        var link = await Peer.LinkAsync();
        await link.AnswerAsync("ping", Frames.Pong);
        await ping.Soon();
        client.State.ShouldBe(ConnectionState.Open);
    }

    [Fact]
    public async Task REQ_CONN_10_TokenHeadersAndOriginTravel()
    {
        await ConnectedAsync(o => o with
        {
            Token = "t 1",
            TokenIn = TokenPlace.Header,
            Origin = "https://shop.example",
            Headers = new Dictionary<string, string> { ["X-Shop"] = "7" },
        });
        Peer.Requests.TryPeek(out var head).ShouldBeTrue();
        head.ShouldContain("Authorization: Bearer t 1\r\n");
        head.ShouldContain("Origin: https://shop.example\r\n");
        head.ShouldContain("X-Shop: 7\r\n");
        head.ShouldNotContain("token=");
    }

    [Fact]
    public async Task REQ_CONN_11_TheProviderIsAskedBeforeEveryAttempt()
    {
        var asked = 0;
        var client = await ConnectedAsync(o => o with { TokenProvider = (_, _) => new($"t{++asked}") });
        Link.Drop();
        await Waiting.UntilAsync(() => client.State == ConnectionState.Closed);
        await client.ConnectAsync().Soon();
        Peer.Requests.Select(head => head.Split(' ')[1]).ShouldBe(["/ws?token=t1", "/ws?token=t2"]);
    }

    [Fact]
    public async Task REQ_CONN_11_AFailingOrEndlessProviderFailsTheAttempt()
    {
        var failing = NewClient(o => o with { TokenProvider = (_, _) => throw new InvalidOperationException("no token") });
        (await failing.ConnectAsync().FailsAsync<ConnectFailedException>()).InnerException.ShouldBeOfType<InvalidOperationException>();
        var asked = new TaskCompletionSource();
        var endless = NewClient(o => o with
        {
            TokenProvider = async (_, _) =>
            {
                asked.SetResult();
                await Task.Delay(Timeout.Infinite, CancellationToken.None);
                return "never";
            },
        });
        var connecting = endless.ConnectAsync();
        await asked.Task.Soon();
        await AdvanceAsync(10);
        await connecting.FailsAsync<ConnectFailedException>();
    }

    [Fact]
    public async Task REQ_ERR_05_ADisposedClientRaisesItsOwnError()
    {
        var client = NewClient();
        await client.DisposeAsync();
        Should.Throw<ObjectDisposedException>(() => { _ = client.ConnectAsync(); });
        Should.Throw<ObjectDisposedException>(() => client.SendMessage(new() { SessionId = "s", Message = "m" }));
        await client.CloseAsync().Soon();
    }

    [Fact]
    public async Task NativeCancellationEndsTheWaitForTheLink()
    {
        var hold = new TaskCompletionSource();
        Peer.Hold = hold.Task;
        var client = NewClient();
        using var stop = new CancellationTokenSource();
        var connecting = client.ConnectAsync(stop.Token);
        await stop.CancelAsync();
        await connecting.FailsAsync<OperationCanceledException>();
        hold.SetResult();
    }
}
