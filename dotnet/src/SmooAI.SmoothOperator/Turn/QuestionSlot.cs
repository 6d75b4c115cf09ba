namespace SmooAI.SmoothOperator;

/// <summary>One kind of question of a turn: its machine, what is asked, and its time. Guarded by the gate.</summary>
internal abstract class QuestionSlot(ClientContext context, QuestionKind kind, Action<QuestionSlot> late)
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestBelieved = TimeSpan.FromHours(24);

    private ITimer? _limit;
    private long _openedAt;
    private TimeSpan? _duration;

    internal QuestionKind Kind { get; } = kind;

    /// <summary>What is asked; kept while it is answered, for a reopening.</summary>
    internal Question? Asked { get; private set; }

    internal abstract bool IsNone { get; }

    internal abstract bool IsOpen { get; }

    internal abstract bool IsAnswered { get; }

    /// <summary>Whether the question's own duration is over (REQ-VERB-10).</summary>
    internal bool IsExpired(MachineEvent name) => _duration is { } duration
        ? context.Clock.GetElapsedTime(_openedAt) >= duration
        : name == MachineEvent.StreamToken;

    internal abstract Effect[] Step(MachineEvent name, MachineGuards guards);

    /// <summary>A frame opened the question: its own fields say how long (REQ-TURN-13).</summary>
    internal void Open(ServerEvent received)
    {
        Asked = received is OtpSentEvent sent
            ? new Question(Kind, Asked?.Asked ?? received, sent)
            : new Question(Kind, received);
        _duration = DurationOf(received);
        _openedAt = context.Clock.GetTimestamp();
        Start();
    }

    /// <summary>The question is open again, with its own limit anew; when it lapses is counted from its frame on.</summary>
    internal void Reopen() => Start();

    internal void Shut()
    {
        Asked = null;
        Stop();
    }

    /// <summary>Ends the time, not the question: it was answered, or its turn is over.</summary>
    internal void Stop()
    {
        _limit?.Dispose();
        _limit = null;
    }

    private void Start()
    {
        Stop();
        var usual = context.Options.QuestionTimeout;
        var limit = _duration is { } duration ? duration + Grace : usual;
        if (usual > TimeSpan.Zero)
        {
            _limit = context.Clock.CreateTimer(_ => Fire(), null, limit, Timeout.InfiniteTimeSpan);
        }
    }

    private void Fire()
    {
        using (context.Gate.Enter())
        {
            if (IsOpen && _limit is not null)
            {
                late(this);
            }
        }
    }

    /// <summary>The server's times are used for their distance alone; both are its own clock's.</summary>
    private static TimeSpan? DurationOf(ServerEvent received)
    {
        var (expiresAt, timestamp) = received switch
        {
            WriteConfirmationRequiredEvent ask => (ask.ExpiresAt, ask.Timestamp),
            OtpVerificationRequiredEvent ask => (ask.ExpiresAt, ask.Timestamp),
            InteractionRequiredEvent ask => (ask.ExpiresAt, ask.Timestamp),
            _ => (null, null),
        };
        if (expiresAt is null || timestamp is null)
        {
            return null;
        }
        var distance = (double)expiresAt.Value - timestamp.Value;
        return distance > LongestBelieved.TotalMilliseconds ? null : TimeSpan.FromMilliseconds(Math.Max(0, distance));
    }
}

/// <summary>A question slot over its machine.</summary>
internal sealed class QuestionSlot<TState>(
    ClientContext context, QuestionKind kind, Action<QuestionSlot> late, Machine<TState> machine, TState open, TState answered)
    : QuestionSlot(context, kind, late)
    where TState : struct, Enum
{
    private TState _state = machine.Initial;

    internal override bool IsNone => EqualityComparer<TState>.Default.Equals(_state, machine.Initial);

    internal override bool IsOpen => EqualityComparer<TState>.Default.Equals(_state, open);

    internal override bool IsAnswered => EqualityComparer<TState>.Default.Equals(_state, answered);

    internal override Effect[] Step(MachineEvent name, MachineGuards guards) => machine.Step(ref _state, name, guards);
}
