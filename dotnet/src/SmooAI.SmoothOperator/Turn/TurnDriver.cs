using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Leads one turn through its machines; does what they ask for. Guarded by the gate.</summary>
internal sealed class TurnDriver : IInFlight
{
    private readonly ClientContext _context;
    private readonly Router _router;
    private readonly TurnWriter _writer;
    private readonly Accumulator _text = new();
    private readonly TurnEnding _ending;
    private readonly TurnClocks _clocks;
    private readonly Recoverer _recoverer;
    private readonly long _began;
    private Action? _settled;
    private bool _awaitsToken = true;

    internal TurnDriver(ClientContext context, Router router, TurnWriter writer, Recoverer recoverer)
    {
        _context = context;
        _router = router;
        _recoverer = recoverer;
        _began = context.Clock.GetTimestamp();
        _writer = writer;
        Questions = new Questions(context, () => StepLocal(LocalEvent.QuestionTimeout));
        States = new TurnStates((question, word) => Questions[question.Kind].IsExpired(word), context.FastPaths.QuietTurns);
        Items = new TurnItems(_text, router.AtRest);
        _ending = new TurnEnding(context, this, _text);
        _clocks = new TurnClocks(context, StepLocal);
    }

    internal TurnItems Items { get; }

    internal Questions Questions { get; }

    internal TurnStates States { get; }

    internal bool IsSettled => States.IsSettled;

    internal TurnOutcome? Outcome { get; private set; }

    internal string PartialText => _text.Streamed;

    internal TurnResult? Result { get; private set; }

    internal Task<TurnResult> Completion => _ending.Completion;

    /// <summary>Time since the send (REQ-LOG-03).</summary>
    internal TimeSpan Age => _context.Clock.GetElapsedTime(_began);

    /// <summary>Time from the send to the first piece of text; null when none came.</summary>
    internal TimeSpan? FirstTokenAfter { get; private set; }

    /// <summary>Waits for the result that are not over (REQ-STOP-04).</summary>
    internal int ResultWaits { get; set; }

    internal bool IsDetached { get; set; }

    /// <summary>Whether somebody looked at the failure (REQ-TURN-16).</summary>
    internal bool IsObserved { get; set; }

    /// <summary>The verbs of the handle; set once, when the turn starts.</summary>
    internal TurnVerbs Actions { get; set; } = null!;

    internal string RequestId => _writer.RequestId;

    internal string SessionId => _writer.SessionId;

    /// <summary>Whether the message may have left this machine (REQ-TURN-20).</summary>
    internal bool MayHaveLeft => _writer.MayHaveLeft;

    public bool OnEvent(in DecodedFrame frame)
    {
        var received = frame.Event!;
        var word = frame.IsTerminal && received is UnknownEvent { Problem: not null } ? LocalEvent.Broken : received.Type;
        if (States.Rests(word))
        {
            _clocks.Heard();
            Append(received);
            return true;
        }
        var waiting = States.Verbs.Count;
        _clocks.Heard();
        var cause = new TurnCause(word, received, Asked: FirstOpen());
        CarryOut(States.Frame(word, FrameFacts.Of(received)), cause);
        States.Rest(word);
        return States.Verbs.Count < waiting;
    }

    public void OnAttemptFailed(Exception error, bool sought) =>
        StepBy(new(LocalEvent.ConnectFailed, Error: error), sought);

    /// <summary>The link is gone: the turn, then what outlives turns (REQ-CONN-15).</summary>
    public void OnEnded(LinkEnd end)
    {
        StepBy(new(end.Cause, End: end, Asked: FirstOpen()), end.Sought);
        var kind = end.Cause switch
        {
            LocalEvent.Close => ErrorKinds.ClientClosed,
            LocalEvent.TooLarge => ErrorKinds.MessageTooLarge,
            _ => ErrorKinds.ConnectionLost,
        };
        foreach (var verb in States.Verbs.ToArray())
        {
            States.Forget(verb);
            verb.Fail(LinkFailure.Of(kind, end, _context.Options, NamedVerb));
        }
        LeaveWhenDone();
    }

    /// <summary>Asks the history what became of the message (REQ-TURN-30).</summary>
    internal Task<Recovery> RecoverAsync(CancellationToken cancellationToken) =>
        Observed.Quiet(_recoverer.FindAsync(SessionId, RequestId, cancellationToken));

    /// <summary>The session's next message goes out: an older OTP question is over (REQ-OTP-03).</summary>
    internal void OnNextSend() => StepLocal(LocalEvent.Send);

    /// <summary>The message could not be queued.</summary>
    internal void Refuse(SmoothAgentException error) => StepBy(new(Sender.WordOf(error), Error: error));

    /// <summary>Native cancellation or an early leave: stops the turn unless somebody else cares.</summary>
    internal void StopUnlessWanted()
    {
        if (!IsDetached && ResultWaits == 0 && Items.OpenIterators == 0)
        {
            Cancel();
        }
    }

    /// <summary>Takes back a message that was not written, else writes the one cancel (REQ-STOP-01, REQ-STOP-04).</summary>
    internal void Cancel() => StepLocal(LocalEvent.Cancel);

    /// <summary>Everything that awaits the turn ends with the token's cancellation; the turn itself goes on to its end.</summary>
    internal void Abandon(CancellationToken token)
    {
        if (!IsSettled)
        {
            _ending.Abandon(token);
        }
    }

    /// <summary>Steps a question by the caller's answer; returns why the machine refused it.</summary>
    internal SmoothAgentException? Answer(string question)
    {
        var acts = new TurnActs(this, new(LocalEvent.Answer));
        acts.CarryOut(States.Answer(question));
        if (acts.Refused is null)
        {
            Questions[question].Stop();
            FollowQuestions();
        }
        return acts.Refused;
    }

    /// <summary>Adds what an error of the turn says.</summary>
    internal ErrorFacts Named(ErrorFacts facts) => NamedVerb(facts) with { PartialText = PartialText };

    /// <summary>Adds what an error of one of its verbs says.</summary>
    internal ErrorFacts NamedVerb(ErrorFacts facts) => facts with
    {
        RequestId = RequestId,
        SessionId = SessionId,
        Host = _context.Host,
    };

    /// <summary>Calls back, off the gate, when the turn has settled; one callback at most.</summary>
    internal void WhenSettled(Action action)
    {
        if (IsSettled)
        {
            _context.Gate.After(action);
        }
        else
        {
            _settled = action;
        }
    }

    /// <summary>The turn never came to be: nothing of it stays.</summary>
    internal void Discard() => _clocks.Dispose();

    /// <summary>A verb was written: it may outlive the turn.</summary>
    internal void Track(PendingVerb verb)
    {
        States.Add(verb);
        if (IsSettled)
        {
            _router.AddTail(RequestId, this);
        }
    }

    internal void Forget(PendingVerb verb)
    {
        States.Forget(verb);
        LeaveWhenDone();
    }

    /// <summary>Returns what a reader sees of an item.</summary>
    internal ServerEvent Shown(in TurnItem item) => item.Shown(_text);

    /// <summary>Shows an event as an item of the turn.</summary>
    internal void Append(ServerEvent received)
    {
        if (_awaitsToken && received is StreamTokenEvent)
        {
            _awaitsToken = false;
            FirstTokenAfter = Age;
            _context.Watch.FirstToken(RequestId);
        }
        var from = _text.Length;
        _text.Add(received);
        Items.Append(new(received, from, _text.Length));
    }

    /// <summary>A frame asks a human.</summary>
    internal void Ask(QuestionRow question, ServerEvent received)
    {
        var slot = Questions[question.Kind];
        slot.Open(received, !IsSettled);
        _context.Watch.Question(RequestId, slot.Kind);
    }

    /// <summary>Writes the one cancel of the turn.</summary>
    internal void WriteCancel()
    {
        if (_writer.WriteCancel())
        {
            _clocks.StartCancel();
        }
    }

    /// <summary>Gives the turn its outcome; once, as the table has no way out of settled.</summary>
    internal void Settle(Outcome outcome, Ending? ending, in TurnCause cause)
    {
        _clocks.Dispose();
        _writer.Finish();
        _router.Release(RequestId);
        Questions.StopAll(); // the time of a question ends with its turn
        (Outcome, Result) = _ending.Settle(outcome, ending, cause);
        if (_settled is { } settled)
        {
            _context.Gate.After(settled);
        }
        if (!IsDone)
        {
            _router.AddTail(RequestId, this);
        }
    }

    private bool IsDone => IsSettled && States.Verbs.Count == 0 && !States.AnyOutlives;

    private void StepLocal(string word) => StepBy(new TurnCause(word, Asked: FirstOpen()));

    private void StepBy(TurnCause cause, bool sought = false) =>
        CarryOut(States.Local(cause.Word, MayHaveLeft, sought), cause);

    private void CarryOut(List<TurnStep> steps, TurnCause cause)
    {
        new TurnActs(this, cause).CarryOut(steps);
        FollowQuestions();
        LeaveWhenDone();
    }

    private Question? FirstOpen() => States.AnyOpen ? Questions.Open(States).FirstOrDefault() : null;

    private void FollowQuestions() => _clocks.StandStill(States.AnyOpen);

    private void LeaveWhenDone()
    {
        if (IsDone)
        {
            _router.RemoveTail(RequestId, this);
        }
    }
}
