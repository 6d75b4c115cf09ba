using System.Text;
using System.Threading.Channels;

namespace SmooAI.SmoothOperator.Tests.Linking;

/// <summary>Another opener takes the place of the client's own WebSocket.</summary>
public sealed class OpenerTests
{
    private static readonly SmoothAgentClientOptions Usual = new()
    {
        Url = "ws://agent.example/ws",
        AutoReconnect = false,
        Token = "secret",
        IdGenerator = () => "req-1",
    };

    [Fact]
    public async Task REQ_CONN_10_AnOpenerGetsAddressHeadersAndLimit()
    {
        OpenRequest? asked = null;
        await using var client = new SmoothAgentClient(Usual with
        {
            TokenIn = TokenPlace.Header,
            Origin = "https://shop.example",
            Opener = (request, _) =>
            {
                asked = request;
                return new(new Pipe());
            },
        });
        await client.ConnectAsync().Soon();

        (asked!.Url.ToString(), asked.MaxMessageBytes).ShouldBe(("ws://agent.example/ws", 16 * 1024 * 1024));
        (asked.Headers["Authorization"], asked.Headers["Origin"]).ShouldBe(("Bearer secret", "https://shop.example"));
        asked.ToString().ShouldNotContain("secret");
    }

    [Fact]
    public async Task REQ_CONN_15_CallsTravelOverItsSocketAndItsLossIsALostLink()
    {
        var pipe = new Pipe();
        await using var client = new SmoothAgentClient(Usual with { Opener = (_, _) => new(pipe) });
        await client.ConnectAsync().Soon();
        var ping = client.PingAsync();
        (await pipe.Sent.Reader.ReadAsync().Soon()).ShouldContain("\"ping\"");
        await pipe.Received.Writer.WriteAsync(Frames.Pong("req-1"));
        (await ping.Soon()).ServerTime.ShouldBe(1700000000000);
        pipe.Received.Writer.Complete(new IOException("gone"));
        await Waiting.UntilAsync(() => client.State == ConnectionState.Closed);
    }

    [Fact]
    public async Task REQ_ERR_08_ItsFailureIsTheCauseOfTheFailedAttempt()
    {
        await using var client = new SmoothAgentClient(Usual with { Opener = (_, _) => throw new IOException("no way") });
        var error = await client.ConnectAsync().FailsAsync<ConnectFailedException>();
        error.InnerException.ShouldBeOfType<IOException>();
    }

    [Fact]
    public async Task REQ_CONN_24_AClientOutlivesTheThreadThatOpenedIt()
    {
        var pipe = new Pipe();
        await using var client = new SmoothAgentClient(Usual with { Opener = (_, _) => new(pipe) });
        Task? connecting = null;
        var thread = new Thread(() =>
        {
            SynchronizationContext.SetSynchronizationContext(new DeadContext());
            connecting = client.ConnectAsync();
        });
        thread.Start();
        thread.Join();
        await connecting!.Soon();
        var ping = client.PingAsync();
        await pipe.Sent.Reader.ReadAsync().Soon();
        await pipe.Received.Writer.WriteAsync(Frames.Pong("req-1"));
        await ping.Soon();
    }

    /// <summary>A context whose thread has ended: what is posted to it never runs.</summary>
    private sealed class DeadContext : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
        }
    }

    /// <summary>A socket in memory.</summary>
    private sealed class Pipe : ISocket
    {
        public Channel<string> Sent { get; } = Channel.CreateUnbounded<string>();

        public Channel<string> Received { get; } = Channel.CreateUnbounded<string>();

        public async ValueTask<SocketMessage> ReceiveAsync() => await Received.Reader.WaitToReadAsync()
            ? new(SocketMessageKind.Text, Encoding.UTF8.GetBytes(await Received.Reader.ReadAsync()))
            : new(SocketMessageKind.Closed, Number: 1000);

        public Task SendAsync(ReadOnlyMemory<byte> text) => Sent.Writer.WriteAsync(Encoding.UTF8.GetString(text.Span)).AsTask();

        public Task CloseAsync(int code)
        {
            Received.Writer.TryComplete();
            return Task.CompletedTask;
        }

        public void Abort() => Received.Writer.TryComplete();

        public void Dispose() => Abort();
    }
}
