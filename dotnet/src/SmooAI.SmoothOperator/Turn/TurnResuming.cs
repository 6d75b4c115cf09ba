using System.Text.Json;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// What a turn of a replay session has beside its states: the numbers of its events, and what waits until it goes on
/// (REQ-RESUME-01 to REQ-RESUME-10). Pure: whoever calls tells the time.
/// </summary>
/// <param name="options">The client's.</param>
/// <param name="replays">Whether the session is a replay session; elsewhere <c>seq</c> means nothing.</param>
/// <param name="last">Newest number that was taken before.</param>
internal sealed class TurnResuming(SmoothAgentClientOptions options, bool replays, long last = 0) : ISequenceActs
{
    private const string Whole = "whole";
    private const string Gone = "gone";
    private const long Most = (1L << 53) - 1;

    /// <summary>What a limit has left at least.</summary>
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1);

    private readonly Backoff _backoff = new(options.BackoffBase.TotalMilliseconds, options.BackoffMax.TotalMilliseconds);
    private List<PendingVerb> _held = [];
    private string _sequence = StepMachines.Sequence.Initial;
    private string? _taken;
    private long? _goal;
    private long? _toldAt;
    private TimeSpan _left = options.ResumeTimeout;
    private TimeSpan _since;

    /// <summary>Whether the turn outlives its link.</summary>
    internal bool Replays => replays;

    /// <summary>Whether the turn goes on and has not caught up yet (REQ-RESUME-07).</summary>
    internal bool IsBehind => _goal is not null;

    /// <summary>Newest number that was taken; 0 for none.</summary>
    internal long Last { get; private set; } = last;

    /// <summary>Returns what an event is for the machines of its turn, in place of its own word (REQ-RESUME-06).</summary>
    /// <param name="received">The event.</param>
    /// <param name="word">Its own word.</param>
    /// <param name="turn">State of the turn.</param>
    internal string Takes(ServerEvent received, string word, string turn)
    {
        if (!replays || TypeOf(received) is "keepalive" or "turn_resumed")
        {
            return word;
        }
        var number = NumberOf(received);
        var seq = number is not { } at ? "none" : at <= Last ? "old" : at == Last + 1 ? "next" : "gap";
        _taken = null;
        foreach (var effect in StepMachines.Sequence.Step(ref _sequence, word, new() { Turn = turn, Seq = seq }))
        {
            effect.Do(this);
        }
        if (_taken is null && number is { } taken)
        {
            Took(taken);
        }
        return _taken ?? word;
    }

    /// <summary>Takes an event that follows the last one and leads to nothing else; false for any other.</summary>
    internal bool Follows(ServerEvent received)
    {
        if (!replays)
        {
            return true;
        }
        var next = Last + 1;
        if (_sequence != Whole || _goal <= next || NumberOf(received) != next)
        {
            return false;
        }
        Took(next);
        return true;
    }

    void ISequenceActs.Take(Event eventWord) => _taken = eventWord switch
    {
        Event.ResumeRefused => LocalEvent.ResumeRefused,
        Event.Repeated => LocalEvent.Repeated,
        Event.Gap => LocalEvent.Gap,
        _ => LocalEvent.OutOfOrder,
    };

    /// <summary>Suspends the turn: frames of its verbs that have no answer may be lost.</summary>
    /// <returns>Time until it fails; zero for no end.</returns>
    internal TimeSpan Begin(TimeSpan now, IEnumerable<PendingVerb> verbs)
    {
        (_since, _goal) = (now, null);
        foreach (var verb in verbs.Where(verb => !_held.Contains(verb)))
        {
            verb.IsUnsure = true;
        }
        return _left;
    }

    /// <summary>Keeps a verb that was called while the turn is suspended (REQ-RESUME-08).</summary>
    internal void Hold(PendingVerb verb) => _held.Add(verb);

    /// <summary>Returns what <c>turn_resumed</c> says of the turn; <c>gone</c> when the server knows less (REQ-RESUME-04).</summary>
    internal string StateOf(TurnResumedEvent told)
    {
        var goesOn = told.State == ResumeState.Running || told.State == ResumeState.Settled;
        return goesOn && told.LastSeq < Last ? Gone : told.State.Value;
    }

    /// <summary>Returns the wait before a refused <c>resume_turn</c> is written again (REQ-RESUME-05).</summary>
    internal TimeSpan Pause(double draw, long? hint) => TimeSpan.FromMilliseconds(_backoff.Delay(draw, hint: hint));

    /// <summary>Lets the turn go on; returns the verbs to be written now.</summary>
    internal IReadOnlyList<PendingVerb> GoOn(TurnResumedEvent told, TimeSpan now)
    {
        if (_left > TimeSpan.Zero)
        {
            _left = Longer(_left - (now - _since));
        }
        _backoff.Reset();
        (_goal, _toldAt) = (told.LastSeq, told.Timestamp);
        (var held, _held) = (_held, []);
        return held;
    }

    /// <summary>Whether the turn has caught up just now (REQ-RESUME-07); true once.</summary>
    internal bool HasCaughtUp()
    {
        var reached = Last >= _goal;
        _goal = reached ? null : _goal;
        return reached;
    }

    /// <summary>Returns how old a question is as it is read: zero but in a replay (REQ-RESUME-10).</summary>
    internal TimeSpan AgeOf(ServerEvent question) => _goal is not null && _toldAt - TimeOf(question) is { } age and > 0
        ? TimeSpan.FromMilliseconds(age)
        : TimeSpan.Zero;

    /// <summary>Returns the server's time between two numbered events; null where they do not tell it (REQ-VERB-10).</summary>
    internal TimeSpan? Between(ServerEvent question, ServerEvent received) =>
        replays && NumberOf(question) is not null && NumberOf(received) is not null && TimeOf(received) - TimeOf(question) is { } passed
            ? TimeSpan.FromMilliseconds(passed)
            : null;

    /// <summary>A limit that is less than nothing has a little left.</summary>
    internal static TimeSpan Longer(TimeSpan left) => left < Least ? Least : left;

    /// <summary>The wire's type of an event.</summary>
    internal static string TypeOf(ServerEvent received) => (received as UnknownEvent)?.WireType ?? received.Type;

    /// <summary>Returns the number of an event; null where it has none that is valid.</summary>
    internal static long? NumberOf(ServerEvent received)
    {
        var number = received switch
        {
            StreamTokenEvent token => token.Seq,
            StreamChunkEvent chunk => chunk.Seq,
            StreamReasoningEvent reasoning => reasoning.Seq,
            StreamPreambleEvent preamble => preamble.Seq,
            _ => Whole53(received.Member([]), "seq"),
        };
        return number is >= 1 and <= Most ? number : null;
    }

    private static long? TimeOf(ServerEvent received) => Whole53(received.Flatten(), "timestamp");

    /// <summary>Returns a number that is whole however it is written.</summary>
    private static long? Whole53(JsonElement facts, string name) =>
        facts.TryGetProperty(name, out var found) && found.ValueKind == JsonValueKind.Number
            && found.TryGetDouble(out var number) && number == Math.Floor(number) && Math.Abs(number) <= Most
            ? (long)number
            : null;

    private void Took(long number)
    {
        Last = number;
        _left = options.ResumeTimeout;
    }
}
