using System.Collections.Concurrent;
using SmooAI.SmoothOperator.Testing;

namespace SmooAI.SmoothOperator.Tests.Support;

/// <summary>A peer, a virtual clock and a client; at the end nothing of the client is left.</summary>
public abstract class ClientTest : IAsyncLifetime
{
    private readonly List<SmoothAgentClient> _clients = [];

    internal Peer Peer { get; } = new();

    internal VirtualTimeProvider Clock { get; } = new();

    internal ConcurrentQueue<LogEntry> Logged { get; } = new();

    internal PeerLink Link { get; private set; } = null!;

    /// <summary>A lost link is final and nobody pings, but for the tests of just that.</summary>
    internal SmoothAgentClientOptions Usual => new()
    {
        Url = Peer.Url,
        AutoReconnect = false,
        PingInterval = TimeSpan.Zero,
        TimeProvider = Clock,
        Logger = Logged.Enqueue,
    };

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var client in _clients)
        {
            var closing = client.CloseAsync();
            await Clock.AdvanceAsync(TimeSpan.FromMinutes(1));
            await closing.Soon();
            client.Router.LiveCount.ShouldBe(0);
            client.Router.TailCount.ShouldBe(0);
        }
        Clock.ActiveTimers.ShouldBe(0);
        await Peer.DisposeAsync();
    }

    internal SmoothAgentClient NewClient(Func<SmoothAgentClientOptions, SmoothAgentClientOptions>? with = null)
    {
        var ids = 0;
        var options = Usual with { IdGenerator = () => $"req-{Interlocked.Increment(ref ids)}" };
        var client = new SmoothAgentClient(with is null ? options : with(options));
        _clients.Add(client);
        return client;
    }

    internal async Task<SmoothAgentClient> ConnectedAsync(Func<SmoothAgentClientOptions, SmoothAgentClientOptions>? with = null)
    {
        var client = NewClient(with);
        await client.ConnectAsync().Soon();
        Link = await Peer.LinkAsync();
        return client;
    }

    /// <summary>Sends a message and has the peer accept it.</summary>
    internal async Task<ITurn> RunningAsync(SmoothAgentClient client, string text = "hello")
    {
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = text });
        await Link.AnswerAsync("send_message", Frames.Accepted);
        return turn;
    }

    /// <summary>A turn whose question is open.</summary>
    internal async Task<ITurn> AskedAsync(SmoothAgentClient client, Func<string, string> question)
    {
        var turn = await RunningAsync(client);
        await Link.SendAsync(question(turn.RequestId));
        await Waiting.UntilAsync(() => turn.OpenQuestions.Count > 0);
        return turn;
    }

    /// <summary>Returns once the client took in everything that the peer sent before.</summary>
    internal async Task SettledAsync(SmoothAgentClient client)
    {
        var ping = client.PingAsync();
        await Link.AnswerAsync("ping", Frames.Pong);
        await ping.Soon();
    }

    /// <summary>Takes over the next link that was opened.</summary>
    internal async Task FoundAsync() => Link = await Peer.LinkAsync();

    internal Task AdvanceAsync(double seconds) => Clock.AdvanceAsync(TimeSpan.FromSeconds(seconds)).Soon();
}
