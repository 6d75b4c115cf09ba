using System.Collections.Concurrent;

namespace SmooAI.SmoothOperator.Tests.Observing;

/// <summary>Who watches a client hears of attempts, calls and turns, and disturbs none of them.</summary>
public sealed class ObserverTests : ClientTest
{
    [Fact]
    public async Task REQ_CONN_07_AnObserverHearsOfEachThingOnceAndInOrder()
    {
        var notes = new Notes();
        var client = await ConnectedAsync(options => options with { Observer = notes });
        var turn = await RunningAsync(client);
        foreach (var word in new[] { "a", "b", "c" })
        {
            await Link.SendAsync(Frames.Token(turn.RequestId, word));
        }
        await Link.SendAsync(Frames.Confirm(turn.RequestId));
        await Link.SendAsync(Frames.Final(turn.RequestId));
        await turn.Completion.Soon();
        await SettledAsync(client);

        await Waiting.UntilAsync(() => notes.Heard.Count >= 6);
        notes.Heard.ShouldBe(
        [
            $"Attempt 127.0.0.1:{Peer.Port}",
            $"TurnStarted req-1 {Frames.Session}",
            "FirstToken req-1",
            "Question req-1 Confirmation",
            "TurnSettled req-1 Completed",
            "Call ping req-2",
        ]);
    }

    [Fact]
    public async Task REQ_CONN_07_AnObserverHearsOfFailures()
    {
        var notes = new Notes();
        var client = await ConnectedAsync(options => options with { Observer = notes });
        var turn = await RunningAsync(client);
        var asked = client.GetSessionAsync(new() { SessionId = Frames.Session });
        await Link.AnswerAsync("get_session", id => Frames.Error(id, "SESSION_NOT_FOUND"));
        await asked.FailsAsync<SessionNotFoundException>();
        Link.Drop();
        await turn.Completion.FailsAsync<TurnInterruptedException>();
        Peer.Status = 503;
        await client.ConnectAsync().FailsAsync<ConnectFailedException>();

        await Waiting.UntilAsync(() => notes.Heard.Count >= 5);
        notes.Heard.ShouldBe(
        [
            $"Attempt 127.0.0.1:{Peer.Port}",
            $"TurnStarted req-1 {Frames.Session}",
            "Call get_session req-2 not_found",
            "TurnSettled req-1 Failed turn_interrupted",
            $"Attempt 127.0.0.1:{Peer.Port} connect_failed",
        ]);
    }

    [Fact]
    public async Task ACallThatItsCallerGaveUpIsNotTold()
    {
        var notes = new Notes();
        var client = await ConnectedAsync(options => options with { Observer = notes });
        using var stop = new CancellationTokenSource();
        var left = client.PingAsync(stop.Token);
        await Link.ReceiveAsync();
        await stop.CancelAsync();
        await left.FailsAsync<OperationCanceledException>();
        await SettledAsync(client);

        await Waiting.UntilAsync(() => notes.Heard.Count >= 2);
        notes.Heard.ShouldBe([$"Attempt 127.0.0.1:{Peer.Port}", "Call ping req-2"]);
    }

    [Fact]
    public async Task REQ_CONN_08_AnObserverThatThrowsIsLoggedOnceAndDisturbsNothing()
    {
        var client = await ConnectedAsync(options => options with { Observer = new Throwing() });
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Final(turn.RequestId));
        (await turn.Completion.Soon()).Text.ShouldBe("Done");
        await (await RunningAsync(client)).DisposeAsync();
        await SettledAfterCancelAsync(client);

        Logged.Count(entry => entry.Cause is InvalidOperationException).ShouldBe(1);
    }

    [Fact]
    public async Task AnObserverThatOverridesNothingHearsNothing()
    {
        var client = await ConnectedAsync(options => options with { Observer = new Idle() });
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        await Link.SendAsync(Frames.Token(turn.RequestId, "a"));
        await Link.SendAsync(Frames.Final(turn.RequestId));
        await turn.Completion.Soon();
        await SettledAsync(client);
        Logged.ShouldNotContain(entry => entry.Severity >= LogSeverity.Warning);
    }

    private async Task SettledAfterCancelAsync(SmoothAgentClient client)
    {
        await Link.AnswerAsync("cancel", Frames.Cancelled);
        await SettledAsync(client);
    }

    private sealed class Notes : Observer
    {
        public ConcurrentQueue<string> Heard { get; } = new();

        public override void Attempt(string host, Exception? error) => Note($"Attempt {host}", error);

        public override void Call(string action, string requestId, Exception? error) => Note($"Call {action} {requestId}", error);

        public override void TurnStarted(string requestId, string sessionId) => Note($"TurnStarted {requestId} {sessionId}", null);

        public override void FirstToken(string requestId) => Note($"FirstToken {requestId}", null);

        public override void Question(string requestId, QuestionKind kind) => Note($"Question {requestId} {kind}", null);

        public override void TurnSettled(string requestId, TurnOutcome outcome, Exception? error) =>
            Note($"TurnSettled {requestId} {outcome}", error);

        private void Note(string text, Exception? error) =>
            Heard.Enqueue(error is SmoothAgentException own ? $"{text} {own.Kind}" : text);
    }

    private sealed class Throwing : Observer
    {
        public override void TurnStarted(string requestId, string sessionId) => throw new InvalidOperationException(requestId);
    }

    private sealed class Idle : Observer;
}
