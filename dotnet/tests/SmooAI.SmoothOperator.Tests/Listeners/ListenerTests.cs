namespace SmooAI.SmoothOperator.Tests.Linking;

public sealed class ListenerTests : ClientTest
{
    [Fact]
    public async Task REQ_CONN_02_EachMoveIsOneStateEvent()
    {
        var client = NewClient();
        var seen = new List<StateChange>();
        client.StateChanged += (_, change) => seen.Add(change);
        await client.ConnectAsync().Soon();
        await (await Peer.LinkAsync()).CloseAsync(4001);
        await Waiting.UntilAsync(() => client.State == ConnectionState.Closed);
        await client.CloseAsync().Soon();
        seen.ShouldBe(
        [
            new(ConnectionState.Idle, ConnectionState.Connecting, "connect"),
            new(ConnectionState.Connecting, ConnectionState.Open, "opened"),
            new(ConnectionState.Open, ConnectionState.Closed, "closed_by_peer", 4001),
        ]);
    }

    [Fact]
    public async Task REQ_CONN_07_ListenersNeverRunInTheCallersFrame()
    {
        var client = NewClient();
        using var inCall = new ThreadLocal<bool>(); // a listener in the caller's frame runs on its thread
        var broken = false;
        client.StateChanged += (_, _) => broken |= inCall.Value;
        inCall.Value = true;
        var connecting = client.ConnectAsync();
        inCall.Value = false;
        await connecting.Soon();
        inCall.Value = true;
        var closing = client.CloseAsync();
        inCall.Value = false;
        await (await Peer.LinkAsync()).ClosedAsync();
        await closing.Soon();
        broken.ShouldBeFalse();
    }

    [Fact]
    public async Task REQ_CONN_08_AThrowingListenerDisturbsNobody()
    {
        var client = NewClient();
        var seen = 0;
        client.StateChanged += (_, _) => throw new InvalidOperationException("listener");
        client.StateChanged += (_, _) => seen++;
        await client.ConnectAsync().Soon();
        var closing = client.CloseAsync();
        await (await Peer.LinkAsync()).ClosedAsync();
        await closing.Soon();
        seen.ShouldBe(3);
        Logged.Count(entry => entry.Cause?.Message == "listener").ShouldBe(1);
    }

    [Fact]
    public async Task REQ_CONN_08_AThrowingTapIsRemoved()
    {
        var client = NewClient();
        var calls = 0;
        client.FrameTapped += (_, _) =>
        {
            calls++;
            throw new InvalidOperationException("tap");
        };
        await client.ConnectAsync().Soon();
        var link = await Peer.LinkAsync();
        var ping = client.PingAsync();
        await link.AnswerAsync("ping", Frames.Pong);
        await ping.Soon();
        link.Drop();
        await client.CloseAsync().Soon();
        calls.ShouldBe(1);
    }

    [Fact]
    public async Task REQ_LOG_02_TheTapSeesEveryFrameBothWays()
    {
        var client = await ConnectedAsync();
        var seen = new List<(FrameDirection, string?, string?, string)>();
        client.FrameTapped += (_, frame) => seen.Add((frame.Direction, frame.Type, frame.RequestId, frame.ReadText()));
        var ping = client.PingAsync();
        await Link.AnswerAsync("ping", Frames.Pong);
        await ping.Soon();
        await Link.SendAsync("no json");
        Link.Drop();
        await Waiting.UntilAsync(() => client.State == ConnectionState.Closed);
        await client.CloseAsync().Soon();
        seen.ShouldBe(
        [
            (FrameDirection.Out, "ping", "req-1", """{"action":"ping","requestId":"req-1"}"""),
            (FrameDirection.In, "pong", "req-1", Frames.Pong("req-1")),
            (FrameDirection.In, null, null, "no json"),
        ]);
    }

    [Fact]
    public async Task REQ_WIRE_12_WhatNobodyOwnsGoesToTheEventListeners()
    {
        var client = await ConnectedAsync();
        var seen = new List<string>();
        client.EventReceived += (_, item) => seen.Add((item as UnknownEvent)?.WireType ?? item.Type);
        await Link.SendAsync(Frames.Error("nobody", "INTERNAL_ERROR"));
        await Link.SendAsync(Frames.Keepalive("nobody"));
        await Link.SendAsync("""{"type":"stream_video"}""");
        await Link.SendAsync("""{"type":"error","error":{"code":"RATE_LIMITED","message":"m"},"data":{"error":{"code":"RATE_LIMITED","message":"m"}}}""");
        await SettledAsync(client);
        await Waiting.UntilAsync(() => seen.Count == 3);
        seen.ShouldBe(["error", "stream_video", "error"]);
        client.State.ShouldBe(ConnectionState.Open);
    }

    [Fact]
    public async Task REQ_TURN_17_ABlockedListenerDelaysNoCall()
    {
        var client = await ConnectedAsync();
        using var release = new ManualResetEventSlim();
        client.EventReceived += (_, _) => release.Wait();
        await Link.SendAsync(Frames.Token("nobody", "x"));
        var ping = client.PingAsync();
        await Link.AnswerAsync("ping", Frames.Pong);
        await ping.Soon();
        release.Set();
    }

    [Fact]
    public async Task REQ_CONN_05_CloseMayBeCalledFromAListener()
    {
        var client = NewClient();
        var closed = new TaskCompletionSource<Task>();
        client.StateChanged += (_, change) =>
        {
            if (change.Current == ConnectionState.Open)
            {
                closed.SetResult(client.CloseAsync());
            }
        };
        await client.ConnectAsync().Soon();
        await (await Peer.LinkAsync()).ClosedAsync();
        await (await closed.Task.Soon()).Soon();
    }

    [Fact]
    public async Task REQ_LOG_01_PayloadsAreLoggedOnlyWhenAskedAndCodesNever()
    {
        var client = await ConnectedAsync(o => o with { LogPayloads = true, Token = "secret" });
        var turn = await AskedAsync(client, id => Frames.OtpAsked(id));
        var check = turn.VerifyOtpAsync("482913");
        await Link.AnswerAsync("verify_otp", Frames.OtpVerified);
        await check.Soon();
        Logged.ShouldContain(entry => entry.Message.Contains("otp_verification_required", StringComparison.Ordinal));
        Logged.ShouldNotContain(entry => entry.Message.Contains("482913", StringComparison.Ordinal)); // REQ-OTP-06
        Logged.ShouldNotContain(entry => entry.Message.Contains("secret", StringComparison.Ordinal));
    }
}
