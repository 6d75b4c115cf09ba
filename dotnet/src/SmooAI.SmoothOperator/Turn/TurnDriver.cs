namespace SmooAI.SmoothOperator;

/// <summary>Leads one turn through its machines; does what they ask for. Guarded by the gate.</summary>
internal sealed class TurnDriver : IExchange
{
    private readonly ClientContext _context;
    private readonly Exchanges _exchanges;
    private readonly TurnWriter _writer;
    private readonly Accumulator _text = new();
    private readonly TaskCompletionSource<TurnResult> _completion =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TurnClocks _clocks;
    private TurnState _state = Machines.Turn.Initial;
    private bool _isQuiet;
    private Action? _settled;

    internal TurnDriver(ClientContext context, Exchanges exchanges, TurnWriter writer)
    {
        _context = context;
        _exchanges = exchanges;
        _writer = writer;
        Questions = new Questions(context, _ => Step(MachineEvent.QuestionTimeout));
        Verbs = new VerbLedger();
        Items = new TurnItems(_text, exchanges.AtRest);
        _clocks = new TurnClocks(context, StepLocal);
    }

    internal TurnItems Items { get; }

    internal Questions Questions { get; }

    internal VerbLedger Verbs { get; }

    internal TurnState State => _state;

    internal bool IsSettled => _state == TurnState.Settled;

    internal TurnOutcome? Outcome { get; private set; }

    internal string PartialText => _text.Streamed;

    internal TurnResult? Result { get; private set; }

    internal Task<TurnResult> Completion => _completion.Task;

    /// <summary>Waits for the result that are not over (REQ-STOP-04).</summary>
    internal int ResultWaits { get; set; }

    internal bool IsDetached { get; set; }

    /// <summary>Whether somebody looked at the failure (REQ-TURN-16).</summary>
    internal bool IsObserved { get; set; }

    /// <summary>The verbs of the handle; set once, when the turn starts.</summary>
    internal TurnVerbs Actions { get; set; } = null!;

    internal string RequestId => _writer.RequestId;

    internal string SessionId => _writer.SessionId;

    public bool OnEvent(in DecodedFrame frame)
    {
        var received = frame.Event!;
        var name = NameOf(frame);
        if (_isQuiet && QuietEvents.Contains(name))
        {
            _clocks.Heard();
            Append(received);
            return false;
        }
        var signs = new FrameSigns(received, name, _state, Verbs);
        _clocks.Heard();
        var handled = signs.Answered is not null;
        foreach (var slot in Questions.All)
        {
            // Nobody can be asked any more for a turn that is over; its code question alone goes on.
            if (!IsSettled || slot == Questions.Otp)
            {
                StepQuestion(slot, name, signs.GuardsOf(slot), signs);
            }
        }
        Step(name, signs.TurnGuards, received, kind => ErrorOf(kind, received));
        LeaveWhenDone();
        return handled;
    }

    public void OnAttemptFailed(Exception error) =>
        Step(MachineEvent.ConnectFailed, error: _ => Failure.Own(error, Named));

    /// <summary>The link is gone: the turn, then what outlives turns (REQ-CONN-15).</summary>
    public void OnEnded(LinkEnd end)
    {
        var open = Questions.Open;
        StepQuestion(Questions.Otp, end.Cause, MachineGuards.None, null);
        Step(end.Cause, error: kind => LinkFailure.Of(kind, end, _context.Options, facts => facts.Kind == ErrorKinds.TurnInterrupted
            ? Named(facts) with
            {
                Sent = _writer.IsSent,
                Details = facts.Details with { OpenQuestion = open.Count > 0 ? open[0] : null },
            }
            : Named(facts)));
        var verbKind = end.Cause switch
        {
            MachineEvent.Close => ErrorKinds.ClientClosed,
            MachineEvent.TooLarge => ErrorKinds.MessageTooLarge,
            _ => ErrorKinds.ConnectionLost,
        };
        Verbs.Abandon(LinkFailure.Of(verbKind, end, _context.Options, NamedVerb));
        LeaveWhenDone();
    }

    /// <summary>The session's next message goes out: an older OTP question is over (REQ-OTP-03).</summary>
    internal void OnNextSend()
    {
        StepQuestion(Questions.Otp, MachineEvent.Send, MachineGuards.None, null);
        LeaveWhenDone();
    }

    /// <summary>The message could not be queued.</summary>
    internal void Refuse(SmoothAgentException error)
    {
        var name = error.Kind == ErrorKinds.NotConnected ? MachineEvent.NotConnected : MachineEvent.TooLarge;
        Step(name, error: _ => Failure.Own(error, Named));
    }

    /// <summary>Native cancellation or an early leave: stops the turn unless somebody else cares.</summary>
    internal void StopUnlessWanted()
    {
        if (!IsDetached && ResultWaits == 0 && Items.OpenIterators == 0)
        {
            Cancel();
        }
    }

    /// <summary>Takes back a message that was not written, else writes the one cancel (REQ-STOP-01, REQ-STOP-04).</summary>
    internal void Cancel() => StepLocal(MachineEvent.Cancel);

    /// <summary>Everything that awaits the turn ends with the token's cancellation; the turn itself goes on to its end.</summary>
    internal void Abandon(CancellationToken token)
    {
        if (!IsSettled)
        {
            _context.Gate.After(() => _completion.TrySetCanceled(token));
            Items.End(new OperationCanceledException(token));
        }
    }

    /// <summary>Steps a question by a local event; returns what the machine asks for.</summary>
    internal Effect[] Answer(QuestionSlot slot)
    {
        var effects = slot.Step(MachineEvent.Answer, MachineGuards.None);
        if (Array.Exists(effects, effect => effect.Kind == EffectKind.Send))
        {
            slot.Stop();
            FollowQuestions();
        }
        return effects;
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
        Verbs.Add(verb);
        FollowQuiet();
        if (IsSettled)
        {
            _exchanges.AddTail(RequestId, this);
        }
    }

    internal void Forget(PendingVerb verb)
    {
        Verbs.Remove(verb);
        FollowQuiet();
        LeaveWhenDone();
    }

    /// <summary>Returns what a reader sees of an item.</summary>
    internal ServerEvent Shown(in TurnItem item) => item.Shown(_text);

    private static MachineEvent NameOf(in DecodedFrame frame) => frame.Event is UnknownEvent { Problem: not null } && frame.IsTerminal
        ? MachineEvent.Broken
        : frame.Event!.MachineEvent;

    private void StepQuestion(QuestionSlot slot, MachineEvent name, MachineGuards guards, FrameSigns? signs)
    {
        foreach (var effect in slot.Step(name, guards))
        {
            switch (effect.Kind)
            {
                case EffectKind.Open:
                    slot.Open(signs!.Received);
                    break;
                case EffectKind.Reopen:
                    slot.Reopen();
                    break;
                case EffectKind.Shut:
                    slot.Shut();
                    break;
                case EffectKind.Resolve when signs?.Answered is { } verb:
                    Verbs.Remove(verb);
                    verb.Resolve(signs.Received);
                    break;
                case EffectKind.Fail when signs?.Answered is { } verb:
                    Verbs.Remove(verb);
                    verb.Fail(Failure.FromServer((ErrorEvent)signs.Received, NamedVerb));
                    break;
                default:
                    break;
            }
        }
        FollowQuestions();
    }

    private void FollowQuestions()
    {
        if (IsSettled)
        {
            Questions.StopAll(); // the time of a question ends with its turn
        }
        _clocks.StandStill(Questions.AnyOpen);
        FollowQuiet();
    }

    /// <summary>Notes whether every machine is at rest: the turn runs, nobody was asked, no verb is out.</summary>
    private void FollowQuiet() => _isQuiet =
        _state == TurnState.Running && !Verbs.Any && Questions.NoneAsked && _context.FastPaths.QuietTurns;

    private void Step(
        MachineEvent name,
        MachineGuards guards = MachineGuards.None,
        ServerEvent? received = null,
        Func<string, Exception>? error = null)
    {
        foreach (var effect in Machines.Turn.Step(ref _state, name, guards))
        {
            switch (effect.Kind)
            {
                case EffectKind.Item:
                    Append(received!);
                    break;
                case EffectKind.Send:
                    WriteCancel();
                    break;
                case EffectKind.Settle:
                    Settle(effect, received, error ?? TimedOut);
                    break;
                default:
                    break;
            }
        }
        FollowQuiet();
    }

    private void Append(ServerEvent received)
    {
        var from = _text.Length;
        _text.Add(received);
        Items.Append(new(received, from, _text.Length));
    }

    private void StepLocal(MachineEvent name) =>
        Step(name, _writer.IsWaiting ? MachineGuards.Unwritten : MachineGuards.None);

    private void WriteCancel()
    {
        if (_writer.WriteCancel())
        {
            _clocks.StartCancel();
        }
    }

    private SmoothAgentException TimedOut(string kind) => Failure.Local(kind, facts => Named(facts) with
    {
        Details = new() { OpenQuestion = Questions.Open.Count > 0 ? Questions.Open[0] : null },
    });

    private SmoothAgentException ErrorOf(string kind, ServerEvent received) => (kind, received) switch
    {
        (_, ErrorEvent reported) => Failure.FromServer(reported, Named),
        (_, EventualResponseEvent answer) => Failure.Status(answer.Status, Named),
        (_, UnknownEvent { Problem: { } problem } broken) => Failure.Broken(broken.WireType, problem, Named),
        _ => Failure.Local(kind, Named),
    };

    private void Settle(Effect effect, ServerEvent? received, Func<string, Exception> error)
    {
        var outcome = effect.First switch
        {
            "completed" => TurnOutcome.Completed,
            "cancelled" => TurnOutcome.Cancelled,
            _ => TurnOutcome.Failed,
        };
        Outcome = outcome;
        var failure = outcome == TurnOutcome.Failed ? error(effect.Second) : null;
        _state = TurnState.Settled;
        _clocks.Dispose();
        _writer.Finish();
        _exchanges.Release(RequestId);
        StepQuestion(Questions.Confirmation, MachineEvent.Settle, MachineGuards.None, null);
        StepQuestion(Questions.Interaction, MachineEvent.Settle, MachineGuards.None, null);
        _text.End();
        Verbs.Settle(() => failure ?? Failure.NoPendingQuestion(NamedVerb));
        if (failure is null)
        {
            var confirmed = outcome == TurnOutcome.Cancelled ? effect.Second != "unconfirmed" : (bool?)null;
            var result = Result = ResultOf(outcome, confirmed, received);
            _context.Gate.After(() => _completion.TrySetResult(result));
        }
        else
        {
            _context.Gate.After(() => Observed.Fail(_completion, failure));
            _context.Gate.After(() => FailureWatch.Attach(this, failure, _context.Log));
        }
        Items.End(failure);
        if (_settled is { } settled)
        {
            _context.Gate.After(settled);
        }
        if (Verbs.Any || Questions.Otp.Asked is not null)
        {
            _exchanges.AddTail(RequestId, this);
        }
    }

    private TurnResult ResultOf(TurnOutcome outcome, bool? confirmed, ServerEvent? terminal)
    {
        var answer = terminal as EventualResponseEvent;
        return new TurnResult
        {
            Outcome = outcome,
            Text = answer is null ? PartialText : _text.Final(answer),
            RequestId = RequestId,
            SessionId = SessionId,
            Confirmed = confirmed,
            MessageId = answer?.MessageId,
            Citations = answer?.Citations ?? [],
            Usage = answer?.Usage,
            NeedsEscalation = answer?.NeedsEscalation,
            Terminal = terminal,
        };
    }

    private void LeaveWhenDone()
    {
        if (IsSettled && !Verbs.Any && Questions.Otp.Asked is null)
        {
            _exchanges.RemoveTail(RequestId, this);
        }
    }
}
