using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>What the server does with a turn that failed here (REQ-RESUME-12).</summary>
internal enum TurnFate
{
    /// <summary>The history decides.</summary>
    Over,

    /// <summary>The message never arrived.</summary>
    Never,

    /// <summary>The time is over.</summary>
    Unknown,
}

/// <summary>
/// <c>resume_turn</c> for a turn that nobody sees, on one link after the other: the turn's machine says what the answers
/// mean, what else comes goes nowhere. Ends with null when it is dropped. Guarded by the gate.
/// </summary>
internal sealed class TurnInquiry : ActionCall<TurnFate?>
{
    /// <summary>Answers that have no number.</summary>
    private const string Resumed = "turn_resumed";

    private const string Keepalive = "keepalive";
    private const string ErrorWord = "error";
    private const string AskAgain = "schedule(again)";

    private readonly ClientContext _context;
    private readonly TurnResuming _resuming;
    private readonly TurnStates _states = new((_, _, _) => false, rests: false);
    private LimitTimer? _pause;

    /// <summary>Makes the question; sends nothing.</summary>
    internal TurnInquiry(ClientContext context, Router router, Sender sender, ResumeTurnAction action, string id)
        : base(context, router, sender, action, id)
    {
        _context = context;
        _resuming = new TurnResuming(context.Options, replays: true, action.AfterSeq);
        _states.Suspend();
    }

    /// <summary>Whoever asks has a limit of its own.</summary>
    private protected override TimeSpan Longest => TimeSpan.Zero;

    /// <summary>It is asked on every link.</summary>
    private protected override bool IsRepeatable => true;

    public override bool OnEvent(in DecodedFrame frame)
    {
        var received = frame.Event!;
        var type = TurnResuming.TypeOf(received);
        var ends = received is UnknownEvent { Problem: not null } && (frame.IsTerminal || type == Resumed);
        var word = ends ? LocalEvent.Broken : received.Type;
        if (_states.IsSuspended && type is not (Resumed or Keepalive))
        {
            var refuses = word == ErrorWord && TurnResuming.NumberOf(received) is null;
            word = refuses ? LocalEvent.ResumeRefused : LocalEvent.Repeated;
        }
        var told = word == Resumed && received is TurnResumedEvent resumed ? resumed : null;
        var state = told is null ? null : _resuming.StateOf(told);
        foreach (var step in _states.Frame(received, word, FrameFacts.Of(received) with { ResumeState = state }))
        {
            if (step.Effect.Text == AskAgain)
            {
                AskLater((ErrorEvent)received);
            }
        }
        if (_states.IsSettled || told?.State == ResumeState.Settled)
        {
            var never = told?.State == ResumeState.Never && _resuming.Last == 0;
            End(never ? TurnFate.Never : TurnFate.Over);
        }
        return true;
    }

    public override void OnAttemptFailed(Exception error, bool sought)
    {
        StopPause();
        base.OnAttemptFailed(error, sought);
    }

    public override void OnEnded(LinkEnd end)
    {
        StopPause();
        base.OnEnded(end);
    }

    /// <summary>Nobody asks any more, or the turn is taken up here.</summary>
    internal void Drop() => End(null);

    private protected override bool IsAnswer(string type) => false;

    private protected override void OnOther(ServerEvent received)
    {
    }

    private protected override TurnFate? Read(ServerEvent received, out FrameProblem? problem)
    {
        problem = null;
        return null;
    }

    /// <summary>Nobody is told: the turn was (REQ-LOG-03).</summary>
    private protected override void Tell(Exception? error)
    {
    }

    private protected override void WriteAgain()
    {
        _states.Suspend();
        base.WriteAgain();
    }

    private void AskLater(ErrorEvent refusal)
    {
        StopPause();
        _pause = new LimitTimer(_context, _resuming.Pause(_context.Draw(), refusal.RetryAfterMs), WriteAgain);
    }

    private void StopPause()
    {
        _pause?.Dispose();
        _pause = null;
    }

    private void End(TurnFate? fate)
    {
        if (!IsOver)
        {
            StopPause();
            Leave();
            Resolve(fate);
        }
    }
}
