using System.Net;
using System.Net.Sockets;

namespace SmooAI.SmoothOperator.Tests.Linking;

/// <summary>What a handshake that does not succeed tells.</summary>
public sealed class RefusedTests : ClientTest
{
    [Theory]
    [InlineData(429, true)]
    [InlineData(408, true)]
    [InlineData(425, true)]
    [InlineData(503, true)]
    [InlineData(500, true)]
    [InlineData(501, false)]
    [InlineData(505, false)]
    [InlineData(403, false)]
    [InlineData(302, false)]
    [InlineData(200, false)]
    public async Task REQ_CONN_23_RetryableIsWhatTheTableSaysOfTheStatus(int status, bool retryable)
    {
        Peer.Status = status;
        var error = await NewClient().ConnectAsync().FailsAsync<ConnectFailedException>();
        (error.Details.Status, error.Retryable).ShouldBe((status, retryable));
    }

    [Fact]
    public async Task REQ_CONN_21_ASocketThatEndsBeforeTheAnswerIsOneAttemptAndOneConnection()
    {
        Peer.HangsUp = true;
        var error = await NewClient().ConnectAsync().FailsAsync<ConnectFailedException>();
        var cause = error.InnerException;
        while (cause is not (null or HttpIOException))
        {
            cause = cause.InnerException;
        }
        (error.Retryable, Peer.Requests.Count).ShouldBe((true, 1));
        cause.ShouldBeOfType<HttpIOException>().HttpRequestError.ShouldBe(HttpRequestError.ResponseEnded);
    }

    [Fact]
    public async Task REQ_CONN_22_TheAnswerIsKeptAndItsTextIsNotRepeated()
    {
        Peer.Status = 503;
        Peer.Headers = "Retry-After: 7\r\nx-request-id: abc\r\n";
        Peer.Body = "secret words " + new string('x', 10_000);
        var error = await NewClient().ConnectAsync().FailsAsync<ConnectFailedException>();

        (error.Details.RetryAfterMs, error.Details.RequestId).ShouldBe((7_000, "abc"));
        error.Details.Body!.Length.ShouldBe(4_096);
        error.Message.ShouldContain($"127.0.0.1:{Peer.Port}");
        error.Message.ShouldContain("503");
        $"{error.Message} {error.Details}".ShouldNotContain("secret");
    }

    [Fact]
    public async Task REQ_ERR_07_TheTextNamesTheServerAndTheSystemsReason()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var port = ((IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();
        var error = await NewClient(options => options with { Url = $"ws://127.0.0.1:{port}/ws?token=secret" }).ConnectAsync()
            .FailsAsync<ConnectFailedException>();

        error.Message.ShouldBe(
            $"Could not connect to 127.0.0.1:{port}: ConnectionRefused. Check address, network and server, then call connect() again.");
        (error.Retryable, error.ToString().Contains("secret")).ShouldBe((true, false));
    }

    [Fact]
    public async Task REQ_ERR_06_TheReasonOfACloseFrameStaysOutOfTheText()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await Link.CloseAsync(1011, "secret reason");
        var error = await turn.Completion.FailsAsync<TurnInterruptedException>();

        (error.CloseCode, error.CloseReason).ShouldBe((1011, "secret reason"));
        error.ToString().ShouldNotContain("secret");
    }

    [Fact]
    public async Task REQ_CONN_25_AnAddressThatDoesNotAnswerCostsAQuarterOfASecond()
    {
        using var answers = new TcpListener(IPAddress.Loopback, 0);
        answers.Start();
        var port = ((IPEndPoint)answers.LocalEndpoint).Port;
        // TEST-NET-1 (RFC 5737): packets to it come back from nowhere, or the system refuses them at once.
        var dialing = new Dialer(Clock).DialAsync([IPAddress.Parse("192.0.2.1"), IPAddress.Loopback], port, CancellationToken.None).AsTask();
        await Clock.AdvanceAsync(TimeSpan.FromMilliseconds(250)).Soon();
        await using var stream = await dialing.Soon();
        stream.CanRead.ShouldBeTrue();
    }

    [Fact]
    public async Task REQ_CONN_26_GivingUpTheWaitDoesNotEndTheAttempt()
    {
        var answer = new TaskCompletionSource();
        Peer.Hold = answer.Task;
        var client = NewClient();
        using var stop = new CancellationTokenSource();
        var waiting = client.ConnectAsync(stop.Token);
        await stop.CancelAsync();
        await waiting.FailsAsync<OperationCanceledException>();
        client.State.ShouldBe(ConnectionState.Connecting);

        answer.SetResult();
        await client.ConnectAsync().Soon();
        client.State.ShouldBe(ConnectionState.Open);
    }
}
