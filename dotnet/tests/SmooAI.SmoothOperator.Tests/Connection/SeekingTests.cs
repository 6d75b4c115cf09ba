using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace SmooAI.SmoothOperator.Tests.Linking;

/// <summary>What the frames of a link that is sought again cannot show.</summary>
public sealed class SeekingTests : ClientTest
{
    private readonly ConcurrentQueue<StateChange> _states = new();

    [Theory]
    [InlineData(1006)]
    [InlineData(1001)]
    [InlineData(4401)]
    public async Task REQ_CONN_37_ThereAreNeverTwoSockets(int code)
    {
        var sockets = new List<MemorySocket>();
        var twice = false;
        var client = SeekingClient(o => o with
        {
            Random = () => 0,
            StableAfter = TimeSpan.Zero,
            TokenProvider = (_, _) => new("t"),
            Opener = (_, _) =>
            {
                twice |= sockets.Exists(socket => !socket.IsDisposed);
                sockets.Add(new());
                return new(sockets[^1]);
            },
        });
        await client.ConnectAsync().Soon();
        for (var n = 1; n <= 5; n++)
        {
            await AdvanceAsync(0); // stable at once: each refusal is the first one
            sockets[^1].End(code);
            await Waiting.UntilAsync(() => client.State == ConnectionState.Reconnecting || sockets.Count > n);
            await AdvanceAsync(1);
            await Waiting.UntilAsync(() => sockets.Count == n + 1 && client.State == ConnectionState.Open);
        }
        twice.ShouldBeFalse();
    }

    [Fact]
    public async Task REQ_CONN_41_AFailureInTheBackgroundIsAStateEventAndALineOfTheLog()
    {
        var client = SeekingClient(o => o with { MaxReconnectAttempts = 1, Random = () => 0 });
        await client.ConnectAsync().Soon();
        (await Peer.LinkAsync()).Drop();
        Peer.Status = 500;
        await Waiting.UntilAsync(() => client.State == ConnectionState.Reconnecting);
        await AdvanceAsync(1);
        await Waiting.UntilAsync(() => client.State == ConnectionState.Closed && _states.Count == 4);
        var (lost, over) = (_states.ElementAt(2), _states.ElementAt(3));
        (lost.Reason, lost.Code, lost.Attempt, lost.RetryIn).ShouldBe(("lost", 1006, 1, TimeSpan.Zero));
        over.Error.ShouldBeOfType<ReconnectExhaustedException>().InnerException.ShouldBeOfType<ConnectFailedException>();
        Logged.Count(line => line.Message.StartsWith("link: ", StringComparison.Ordinal)).ShouldBe(4);
        Logged.Count(line => line.Severity == LogSeverity.Warning).ShouldBe(1);
    }

    [Fact]
    public async Task REQ_CONN_41_SourcesThatBreakEndNothing()
    {
        var client = SeekingClient(o => o with
        {
            PingInterval = TimeSpan.FromSeconds(25),
            Random = () => throw new InvalidOperationException("no dice"),
            IdGenerator = () => throw new InvalidOperationException("no id"),
        });
        await client.ConnectAsync().Soon();
        var link = await Peer.LinkAsync();
        await AdvanceAsync(25);
        client.State.ShouldBe(ConnectionState.Open);
        link.Drop();
        await Waiting.UntilAsync(() => client.State == ConnectionState.Reconnecting);
        await AdvanceAsync(1);
        await Waiting.UntilAsync(() => client.State == ConnectionState.Open);
        Logged.Count(line => line.Severity == LogSeverity.Warning).ShouldBe(2);
    }

    [Fact]
    public async Task NothingIsLeftAfterAThousandReconnects()
    {
        var client = SeekingClient(o => o with { Random = () => 0 });
        await client.ConnectAsync().Soon();
        for (var n = 0; n < 1000; n++)
        {
            (await Peer.LinkAsync()).Drop();
            await Waiting.UntilAsync(() => client.State == ConnectionState.Reconnecting);
            await AdvanceAsync(1);
            await Waiting.UntilAsync(() => client.State == ConnectionState.Open);
        }
        (client.Router.LiveCount, client.Router.TailCount, Clock.ActiveTimers).ShouldBe((0, 0, 1)); // whether the link is stable
        (client.Counters.Connects, client.Counters.Reconnects).ShouldBe((1001, 1000));
    }

    [Fact]
    public async Task REQ_CONN_39_ASleepOfTheMachineIsNoticed()
    {
        var client = SeekingClient(o => o with { PingInterval = TimeSpan.FromSeconds(25), Random = () => 0 });
        await client.ConnectAsync().Soon();
        var link = await Peer.LinkAsync();
        Clock.Sleep(TimeSpan.FromSeconds(51));
        await AdvanceAsync(25);
        (await link.ReceiveAsync())["action"]!.ToString().ShouldBe("ping");
        await AdvanceAsync(5);
        await Waiting.UntilAsync(() => _states.Any(state => state.Reason == "probe_failed"));
    }

    [Fact]
    public async Task REQ_CONN_35_AClosedClientListensToNoPlatform()
    {
        var left = await LeftAsync();
        await Waiting.UntilAsync(() =>
        {
            GC.Collect();
            return !left.IsAlive;
        });
    }

    [Fact]
    public async Task REQ_LOG_03_AResultSaysHowLongItTook()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await AdvanceAsync(2);
        await Link.SendAsync(Frames.Token(turn.RequestId, "Hi"));
        await Waiting.UntilAsync(() => turn.PartialText == "Hi");
        await AdvanceAsync(3);
        client.Counters.OpenTurns.ShouldBe(1);
        await Link.SendAsync(Frames.Final(turn.RequestId));
        var result = await turn.Completion.Soon();
        (result.TimeToFirstToken, result.Duration).ShouldBe((TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5)));
        client.Counters.OpenTurns.ShouldBe(0);
    }

    [Fact]
    public async Task REQ_TURN_30_TheErrorOfAnInterruptedTurnTellsWhatBecameOfTheMessage()
    {
        var client = SeekingClient(o => o with { Random = () => 0 });
        await client.ConnectAsync().Soon();
        var link = await Peer.LinkAsync();
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = "hello" });
        await link.AnswerAsync("send_message", Frames.Accepted);
        link.Drop();
        var error = await turn.Completion.FailsAsync<TurnInterruptedException>();
        await Waiting.UntilAsync(() => client.State == ConnectionState.Reconnecting);
        await AdvanceAsync(1);
        link = await Peer.LinkAsync();
        var recovering = error.RecoverAsync();
        await link.AnswerAsync("get_conversation_messages", id => Frames.Immediate(id, 200, """{"messages":[],"hasMore":false}"""));
        (await recovering.Soon()).ShouldBe(new Recovery(RecoveryStatus.Unknown)); // this server did not list spec_1_2
    }

    private SmoothAgentClient SeekingClient(Func<SmoothAgentClientOptions, SmoothAgentClientOptions> with)
    {
        var client = NewClient(o => with(o with { AutoReconnect = true }));
        client.StateChanged += (_, state) => _states.Enqueue(state);
        return client;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> LeftAsync()
    {
        var client = new SmoothAgentClient(new() { Url = "ws://agent.example/ws", Opener = (_, _) => new(new MemorySocket()) });
        await client.ConnectAsync().Soon();
        await client.CloseAsync().Soon();
        return new WeakReference(client);
    }
}
