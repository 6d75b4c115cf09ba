using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Leads one turn through its machines; does what they ask for. Guarded by the gate.</summary>
internal sealed partial class TurnDriver : IInFlight
{
    private readonly ClientContext _context;
    private readonly Router _router;
    private readonly TurnWriter _writer;
    private readonly Accumulator _text = new();
    private readonly TurnEnding _ending;
    private readonly TurnClocks _clocks;
    private readonly Recoverer _recoverer;
    private readonly TurnHandling _handling;
    private readonly TurnLine _line;
    private readonly long _began;
    private TurnResuming _resuming;
    private TurnResult? _held;
    private Action? _settled;
    private bool _awaitsToken = true;
    private bool _isTakenUp;
    private bool _isSentAgain;
    private bool _isRetried;
    private bool _isTold;
    private long _sentAt;
    private LimitTimer? _slot;

    internal TurnDriver(
        ClientContext context, Router router, TurnWriter writer, Recoverer recoverer, TurnLine line, bool replays, Handlers handlers)
    {
        _line = line;
        _context = context;
        _router = router;
        _recoverer = recoverer;
        _began = context.Clock.GetTimestamp();
        _writer = writer;
        Questions = new Questions(context, () => StepLocal(LocalEvent.QuestionTimeout));
        _resuming = new TurnResuming(context.Options, replays);
        _handling = new TurnHandling(context, this, handlers);
        States = NewStates();
        Items = new TurnItems(_text, router.AtRest);
        _ending = new TurnEnding(context, this, _text);
        _clocks = new TurnClocks(context, StepLocal);
    }

    public long Order { get; set; }

    internal TurnItems Items { get; }

    internal Questions Questions { get; }

    internal TurnStates States { get; private set; }

    /// <summary>Whether the turn has its outcome; its machine may have ended before (REQ-ASK-11).</summary>
    internal bool IsSettled => Outcome is not null;

    /// <summary>Where the turn stands, as the application sees it.</summary>
    internal TurnState State => States.IsSettled && !IsSettled ? TurnState.Running : States.State;

    /// <summary>Whether its message waits for the turns before it (REQ-TURN-31).</summary>
    internal bool IsWaiting { get; private set; }

    /// <summary>Whether what the turn shows is the present, and nothing of the past (REQ-ASK-13).</summary>
    internal bool IsCurrent => !States.IsSuspended && !_resuming.IsBehind;

    /// <summary>Whether an event asks what a handler of the turn answers (REQ-ASK-09).</summary>
    internal bool Handles(ServerEvent received) => _handling.Handles(received);

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

    /// <summary>The turn that the application holds; set once, when the turn starts.</summary>
    internal Turn Handle { get; set; } = null!;

    internal string RequestId => _writer.RequestId;

    internal string SessionId => _writer.SessionId;

    /// <summary>Whether the message may have left this machine (REQ-TURN-20).</summary>
    internal bool MayHaveLeft => _writer.MayHaveLeft;

    /// <summary>How the last link was lost; null when none was.</summary>
    internal LinkEnd? LastEnd => _writer.Ending;

    public bool OnEvent(in DecodedFrame frame)
    {
        var received = frame.Event!;
        if (IsTooEarly(received))
        {
            return true;
        }
        var word = IsBroken(frame) ? LocalEvent.Broken : received.Type;
        if (States.Rests(word) && _resuming.Follows(received))
        {
            _clocks.Heard();
            Append(received);
            return true;
        }
        var (waiting, wasSettled) = (States.Verbs.Count, States.IsSettled);
        _clocks.Heard();
        word = States.IsSettled ? word : _resuming.Takes(received, word, States.Word);
        var facts = FrameFacts.Of(received);
        var cause = new TurnCause(word, received, Asked: FirstOpen());
        if (_resuming.Replays)
        {
            cause = cause with { State = received is TurnResumedEvent told ? _resuming.StateOf(told) : null };
            facts = Known(facts) with { ResumeState = cause.State };
        }
        CarryOut(States.Frame(received, word, facts), cause);
        CatchUp();
        if (_held is not null && received is OtpVerifiedEvent)
        {
            SendAgain();
        }
        else if (States.IsSettled && !wasSettled)
        {
            _line.Terminal(SessionId);
        }
        States.Rest(word);
        After();
        return States.Verbs.Count < waiting;
    }

    /// <summary>Asks for the events of a turn that is suspended (REQ-RESUME-03).</summary>
    public void OnOpened() => StepLocal(LocalEvent.Opened);

    public void OnAttemptFailed(Exception error, bool sought)
    {
        _clocks.Clear(LocalEvent.ResumeDue);
        StepBy(new(LocalEvent.ConnectFailed, Error: error, Asked: FirstOpen()), sought);
    }

    /// <summary>The link is gone: the turn, then what outlives turns (REQ-CONN-15).</summary>
    public void OnEnded(LinkEnd end)
    {
        _clocks.Clear(LocalEvent.ResumeDue);
        Step(new TurnCause(end.Cause, End: end, Asked: FirstOpen()), end.Sought);
        if (!States.IsSuspended)
        {
            EndVerbs(end);
        }
        After();
    }

    private void EndVerbs(LinkEnd end)
    {
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
    }

    /// <summary>Asks what became of the message (REQ-TURN-30, REQ-RESUME-12).</summary>
    internal Task<Recovery> RecoverAsync(CancellationToken cancellationToken) =>
        Observed.Quiet(_recoverer.RecoverAsync(this, cancellationToken));

    /// <summary>Returns what asks for the events of the turn that it does not have.</summary>
    internal ResumeTurnAction ResumeAction() => new() { RequestId = RequestId, SessionId = SessionId, AfterSeq = _resuming.Last };

    /// <summary>The session's next message goes out: an older OTP question is over (REQ-OTP-03).</summary>
    public void OnNextSend(string sessionId)
    {
        if (States.IsSettled && sessionId == SessionId)
        {
            StepLocal(LocalEvent.Send);
        }
    }

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
    internal void Cancel()
    {
        if (_held is null)
        {
            StepLocal(LocalEvent.Cancel);
        }
        else
        {
            _handling.Stop();
            After();
        }
    }

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
            _handling.Ended(question);
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

    /// <summary>Calls back, off the gate, when the turn has settled.</summary>
    internal void WhenSettled(Action action)
    {
        if (IsSettled)
        {
            _context.Gate.After(action);
        }
        else
        {
            _settled += action;
        }
    }

    /// <summary>The turn never came to be: nothing of it stays.</summary>
    internal void Discard() => _clocks.Dispose();

    /// <summary>Takes up a turn that runs already, from its first event on (REQ-RESUME-11).</summary>
    internal void TakeUp()
    {
        _isTakenUp = true;
        StepLocal(LocalEvent.TakeUp);
    }

    /// <summary>A verb was called: it may outlive the turn.</summary>
    internal void Track(PendingVerb verb)
    {
        States.Add(verb);
        if (IsSettled)
        {
            _router.AddTail(RequestId, this);
        }
    }

    /// <summary>Whether a verb is kept until the turn goes on (REQ-RESUME-08).</summary>
    internal bool Holds(PendingVerb verb)
    {
        if (States.IsSuspended)
        {
            _resuming.Hold(verb);
        }
        return States.IsSuspended;
    }

    /// <summary>The error of a verb of which nobody knows what became.</summary>
    internal SmoothAgentException LostVerb(Ending kind) => LinkFailure.Told(StepWords.Of(kind), LastEnd, NamedVerb);

    internal void Forget(PendingVerb verb)
    {
        States.Forget(verb);
        After();
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
        var fresh = slot.Asked is null;
        slot.Open(received);
        Time(slot, _resuming.AgeOf(received));
        _context.Watch.Question(RequestId, slot.Kind);
        _handling.Opened(question, received, fresh);
    }

    /// <summary>A question is open again: its answer was not accepted.</summary>
    internal void AskAgain(QuestionRow question, ServerEvent? received)
    {
        Time(Questions[question.Kind], TimeSpan.Zero);
        _handling.Reopened(question.Kind, received);
    }

    /// <summary>A question is closed.</summary>
    internal void Shut(QuestionRow question)
    {
        _handling.Ended(question.Kind);
        Questions[question.Kind].Shut();
    }

    /// <summary>Fails a verb; one that a handler gave may fail the turn.</summary>
    internal void Fail(PendingVerb verb, Exception error)
    {
        verb.Fail(error);
        if (verb.IsByHandler)
        {
            _handling.Refuse(verb.Row.Question!, error);
        }
    }

    /// <summary>Starts the time of a question; one that outlives its turn has none then.</summary>
    internal void Time(QuestionSlot slot, TimeSpan age)
    {
        if (!States.IsSettled)
        {
            slot.Start(age);
        }
    }

    /// <summary>Writes the one cancel of the turn, or keeps it for the next <c>resume_turn</c> (REQ-RESUME-08).</summary>
    internal void WriteCancel()
    {
        _handling.Stop();
        if (_writer.MakeCancel())
        {
            FlushCancel(keeps: States.IsSuspended);
        }
    }

    /// <summary>Asks for the turn, and stops it where that was wanted meanwhile; only on an open link.</summary>
    internal void WriteResume()
    {
        if (_writer.WriteResume(ResumeAction()))
        {
            FlushCancel(keeps: false);
        }
    }

    /// <summary>Writes the message once more.</summary>
    internal void RepeatMessage() => _writer.RepeatMessage();

    /// <summary>Lets a refused <c>resume_turn</c> be written again after a wait (REQ-RESUME-05).</summary>
    internal void WaitForResume(long? hint) => _clocks.Start(LocalEvent.ResumeDue, _resuming.Pause(_context.Draw(), hint));

    /// <summary>Lets all clocks stand but those that run on (REQ-RESUME-09).</summary>
    internal void Suspend()
    {
        if (_resuming.Begin(Age, States.Verbs) is var left && left > TimeSpan.Zero)
        {
            _clocks.Start(LocalEvent.ResumeTimeout, left);
        }
        Questions.StopAll();
        Actions.Pause();
    }

    /// <summary>Starts the clocks anew, and writes what was answered meanwhile (REQ-RESUME-08).</summary>
    internal void Resume(TurnResumedEvent told)
    {
        var held = _resuming.GoOn(told, Age);
        _context.Tally.ResumedTurns++;
        _clocks.Clear(LocalEvent.ResumeTimeout);
        _clocks.Clear(LocalEvent.ResumeDue);
        Questions.StartOpen(States);
        Actions.GoOn(held);
    }

    /// <summary>Gives the turn its outcome; once, as the table has no way out of settled.</summary>
    internal void Settle(Outcome outcome, Ending? ending, in TurnCause cause)
    {
        _writer.Finish(Lateness);
        _handling.Settling();
        if (outcome == Steps.Outcome.Completed && AwaitsCode)
        {
            _held = _ending.Hold(cause);
            _clocks.Keep(LocalEvent.TotalTimeout);
            return;
        }
        (Outcome, Result) = _ending.Settle(outcome, ending, cause);
        Leave();
    }

    /// <summary>Somebody iterates the turn for its items (REQ-ASK-10).</summary>
    internal void LookAt() => _handling.IsLookedAt = true;

    /// <summary>After a step: calls handlers that are due, and lets go what is over.</summary>
    internal void After()
    {
        _handling.Run();
        LeaveWhenDone();
    }

    /// <summary>Queues the message, and says so once.</summary>
    internal void Start()
    {
        _router.OnNextSend(SessionId);
        (_sentAt, IsWaiting) = (_context.Clock.GetTimestamp(), false);
        if (_writer.WriteMessage() is { } refusal)
        {
            Refuse(refusal);
            return;
        }
        Tell();
        FollowQuestions();
    }

    /// <summary>Lets the message wait for the turns before it; its own time runs (REQ-TURN-31).</summary>
    internal void Wait()
    {
        IsWaiting = true;
        Tell();
        FollowQuestions();
    }

    /// <summary>Takes note that the turn runs already.</summary>
    internal void Join() => _line.Join(this);

    /// <summary>The turn has its outcome.</summary>
    private void Leave()
    {
        _slot?.Dispose();
        _line.Over(this);
        _clocks.Dispose();
        _router.Release(RequestId);
        Questions.StopAll(); // the time of a question ends with its turn
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

    private bool IsBroken(in DecodedFrame frame) => frame.Event is UnknownEvent { Problem: not null } broken
        && (frame.IsTerminal || (_resuming.Replays && broken.WireType == "turn_resumed")); // REQ-RESUME-04

    private void StepLocal(string word)
    {
        Step(new TurnCause(word, Asked: FirstOpen()));
        if (_held is not null && word is LocalEvent.QuestionTimeout or LocalEvent.TotalTimeout)
        {
            _handling.Stop();
        }
        After();
    }

    private void StepBy(TurnCause cause, bool sought = false)
    {
        Step(cause, sought);
        After();
    }

    private void Step(TurnCause cause, bool sought = false, PendingVerb? verb = null) =>
        CarryOut(States.Local(cause.Word, Known(new()) with { Sought = sought }, verb), cause);

    private TurnStates NewStates() => new(
        (question, received, word) => Questions[question.Kind].IsExpired(word, _resuming.Between, received),
        _context.FastPaths.QuietTurns);

    /// <summary>Adds what the machines may look at beside the event.</summary>
    private Facts Known(Facts facts) => facts with
    {
        MayHaveLeft = MayHaveLeft,
        Resumable = _resuming.Replays && MayHaveLeft && !States.IsSettled,
        Unseen = _resuming.Last == 0 && !_isTakenUp,
        Cancelling = _writer.IsCancelling,
        AskedBefore = _resuming.IsBehind && States.AsksOne,
    };

    /// <summary>Decides what became of verbs whose frames may be lost (REQ-RESUME-07).</summary>
    private void CatchUp()
    {
        if (_resuming.HasCaughtUp())
        {
            foreach (var verb in States.Verbs.Where(verb => verb.IsUnsure).ToArray())
            {
                Step(new TurnCause(LocalEvent.CaughtUp), verb: verb);
            }
        }
    }

    /// <summary>From when on a cancel that waits for a link is too late: a turn that has ended asks only so long (REQ-RESUME-08).</summary>
    private Lateness? Lateness => States.IsSettled && _context.Options.ResumeTimeout > TimeSpan.Zero
        ? new(_context.Clock.GetTimestamp(), _context.Options.ResumeTimeout)
        : null;

    private void FlushCancel(bool keeps)
    {
        if (_writer.WriteCancel(keeps, Lateness))
        {
            _clocks.Start(LocalEvent.CancelTimeout, _context.Options.CancelTimeout);
        }
    }

    private void CarryOut(List<TurnStep> steps, TurnCause cause)
    {
        new TurnActs(this, cause).CarryOut(steps);
        FollowQuestions();
    }

    private Question? FirstOpen() => States.AnyOpen ? Questions.Open(States).FirstOrDefault() : null;

    private void FollowQuestions() => _clocks.StandStill(States.AnyOpen || States.IsSuspended || States.IsSettled || IsWaiting);

    private void LeaveWhenDone()
    {
        if (IsDone)
        {
            _router.RemoveTail(RequestId, this);
        }
    }
}
