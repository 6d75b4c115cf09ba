using System.Text.Json;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>One kind of question of a turn: what is asked, and its time. Guarded by the gate.</summary>
internal sealed class QuestionSlot(ClientContext context, QuestionRow row, Action late)
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(Limits.QuestionMargin);
    private static readonly TimeSpan LongestBelieved = TimeSpan.FromMilliseconds(Limits.QuestionLongest);

    private LimitTimer? _limit;
    private ServerEvent? _opener;
    private long _openedAt;
    private TimeSpan? _duration;

    internal QuestionKind Kind { get; } = States.Question(row.Kind);

    /// <summary>What is asked; kept while it is answered, for a reopening.</summary>
    internal Question? Asked { get; private set; }

    /// <summary>Whether the question's own duration is over, seen from a frame that is a word here (REQ-VERB-10).</summary>
    /// <param name="word">What the frame is to the machines.</param>
    /// <param name="between">The server's time between two frames, where they tell it.</param>
    /// <param name="received">The frame.</param>
    internal bool IsExpired(string word, Func<ServerEvent, ServerEvent, TimeSpan?> between, ServerEvent received) =>
        _duration is { } duration && _opener is { } opener
            ? (between(opener, received) ?? context.Clock.GetElapsedTime(_openedAt)) >= duration
            : word == "stream_token";

    /// <summary>A frame opened the question: its own fields say how long (REQ-TURN-13).</summary>
    internal void Open(ServerEvent received)
    {
        _opener = received;
        Asked = received is OtpSentEvent sent
            ? new Question(Kind, Asked?.Asked ?? received, sent)
            : new Question(Kind, received);
        _duration = DurationOf(received);
        _openedAt = context.Clock.GetTimestamp();
    }

    /// <summary>Starts the question's time anew; when it lapses is counted from its frame on.</summary>
    /// <param name="age">How old the question is already (REQ-RESUME-10).</param>
    internal void Start(TimeSpan age)
    {
        Stop();
        var usual = context.Options.QuestionTimeout;
        if (usual > TimeSpan.Zero)
        {
            var limit = (_duration is { } duration ? duration + Grace : usual) - age;
            _limit = new LimitTimer(context, age > TimeSpan.Zero ? TurnResuming.Longer(limit) : limit, late);
        }
    }

    internal void Shut()
    {
        (Asked, _opener) = (null, null);
        Stop();
    }

    /// <summary>Ends the time, not the question: it was answered, or its turn is over.</summary>
    internal void Stop()
    {
        _limit?.Dispose();
        _limit = null;
    }

    /// <summary>The server's times are used for their distance alone; both are its own clock's.</summary>
    private TimeSpan? DurationOf(ServerEvent received)
    {
        var facts = received.Flatten();
        if (row.Duration is null || NumberOf(facts, row.Duration) is not { } ends || NumberOf(facts, "timestamp") is not { } begins)
        {
            return null;
        }
        var distance = ends - begins;
        return distance > LongestBelieved.TotalMilliseconds ? null : TimeSpan.FromMilliseconds(Math.Max(0, distance));
    }

    private static double? NumberOf(JsonElement facts, string name) =>
        facts.TryGetProperty(name, out var found) && found.ValueKind == JsonValueKind.Number ? found.GetDouble() : null;
}
