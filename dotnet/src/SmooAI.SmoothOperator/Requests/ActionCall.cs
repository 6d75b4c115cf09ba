using System.Text.Json;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>One action that waits for its answer; steps through the machine <c>call</c> (REQ-CALL-03). Guarded by the gate.</summary>
internal abstract class ActionCall<T> : IInFlight, IAnswered, ICallActs
{
    private const string ErrorType = "error";
    private const long FirstErrorStatus = 400;

    private readonly ClientContext _context;
    private readonly Router _router;
    private readonly Sender _sender;
    private readonly ClientAction _action;
    private readonly string _id;
    private readonly Waiter<T> _waiter;
    private string _state = StepMachines.Call.Initial;
    private CallCause _cause;
    private bool _repeated;

    private protected ActionCall(ClientContext context, Router router, Sender sender, ClientAction action, string id)
    {
        _sender = sender;
        _action = action;
        _context = context;
        _router = router;
        _id = id;
        _waiter = new Waiter<T>(context);
    }

    public long Order { get; set; }

    internal Task<T> Task => _waiter.Task;

    Task IAnswered.Ended => Task;

    /// <summary>Whether the wait is over.</summary>
    private protected bool IsOver => _waiter.IsSettled;

    /// <summary>How long the answer may take; zero is no limit.</summary>
    private protected virtual TimeSpan Longest => _context.Options.RequestTimeout;

    /// <summary>Whether the frame is written again when its link is lost (REQ-CALL-13).</summary>
    private protected virtual bool IsRepeatable => !_repeated && StepTables.ReadsOnly(_action.Action);

    /// <summary>What went out; null before the wait began.</summary>
    private protected Outgoing? Frame { get; private set; }

    /// <summary>Takes the id, queues the frame and waits; a frame that is refused ends the wait at once.</summary>
    /// <exception cref="ArgumentException">The id is in flight already; nothing was sent.</exception>
    internal void Begin(Outgoing frame, CancellationToken cancellationToken)
    {
        _router.Register(_id, this);
        if (_sender.Submit(frame) is { } refused)
        {
            Step(Sender.WordOf(refused), _ => Failure.Own(refused, Named));
        }
        else
        {
            Wait(frame, cancellationToken);
        }
    }

    /// <summary>Starts the wait: limit and cancellation, which takes back a frame that waits for the link (REQ-CALL-09).</summary>
    private void Wait(Outgoing frame, CancellationToken cancellationToken)
    {
        Frame = frame;
        _waiter.Limit(Longest, () => Step(LocalEvent.RequestTimeout, Local));
        _waiter.CancelBy(cancellationToken, Leave);
    }

    public virtual bool OnEvent(in DecodedFrame frame)
    {
        var received = frame.Event!;
        if (received is UnknownEvent unknown)
        {
            OnUnknown(unknown);
        }
        else if (received is ErrorEvent reported)
        {
            Step(received.Type, _ => Failure.FromServer(reported, Named));
        }
        else if (received is KeepaliveEvent)
        {
            Step(received.Type, Local, received);
        }
        else if (Answers(received))
        {
            OnAnswer(received);
        }
        else
        {
            OnOther(received);
        }
        return true;
    }

    /// <summary>A call waits in the outbox, if it still has to be written.</summary>
    public void OnOpened()
    {
    }

    /// <summary>A call does not care.</summary>
    public void OnNextSend(string sessionId)
    {
    }

    public virtual void OnAttemptFailed(Exception error, bool sought) =>
        Step(LocalEvent.ConnectFailed, _ => Failure.Own(error, Named), sought: sought);

    public virtual void OnEnded(LinkEnd end) =>
        Step(end.Cause, kind => LinkFailure.Of(kind, end, _context.Options, Named), sought: end.Sought);

    /// <summary>The connection has shown the frame already.</summary>
    void ICallActs.Tap()
    {
    }

    void ICallActs.Push() => _router.Push(_cause.Received!);

    void ICallActs.Repeat() => WriteAgain();

    void ICallActs.Settle(Outcome outcome, Ending? ending)
    {
        Leave();
        if (outcome == Outcome.Completed)
        {
            OnRead(_cause.Result!);
            Resolve(_cause.Result!);
        }
        else
        {
            var error = _cause.Error(StepWords.Of(ending!.Value));
            Tell(error);
            _waiter.Fail(error);
        }
    }

    /// <summary>Whether events of that type answer the action, errors apart.</summary>
    private protected abstract bool IsAnswer(string type);

    /// <summary>Whether a sound event answers the action.</summary>
    private protected virtual bool Answers(ServerEvent received) => IsAnswer(received.Type);

    /// <summary>A known event that is no answer.</summary>
    private protected abstract void OnOther(ServerEvent received);

    /// <summary>Reads the answer; a problem when its body is broken.</summary>
    private protected abstract T? Read(ServerEvent received, out FrameProblem? problem);

    /// <summary>The answer is known, its wait not over yet.</summary>
    private protected virtual void OnRead(T result)
    {
    }

    private protected void Resolve(T result)
    {
        Tell(null);
        _waiter.Resolve(result);
    }

    /// <summary>Tells the observer how the call has ended (REQ-LOG-03).</summary>
    private protected virtual void Tell(Exception? error) => _context.Watch.Call(_action.Action, _id, error);

    /// <summary>Lets the frame wait for the next link, in its old place.</summary>
    private protected virtual void WriteAgain()
    {
        _repeated = true;
        Frame = Frame!.Again();
        _sender.Put(Frame);
    }

    private protected ErrorFacts Named(ErrorFacts facts) => facts with
    {
        RequestId = _id,
        SessionId = facts.SessionId ?? SessionOfAction(),
        Host = _context.Host,
    };

    private protected SmoothAgentException Local(string kind) => Failure.Local(kind, Named);

    private protected void Step(
        string word, Func<string, Exception> error, ServerEvent? received = null, T? result = default, bool sought = false)
    {
        _cause = new(error, received, result);
        var facts = (received is null ? new() : FrameFacts.Of(received)) with
        {
            MayHaveLeft = Frame?.MayHaveLeft ?? false,
            Sought = sought,
            Repeatable = IsRepeatable,
        };
        foreach (var effect in StepMachines.Call.Step(ref _state, word, facts))
        {
            effect.Do(this);
        }
    }

    private void OnUnknown(UnknownEvent unknown)
    {
        var isAnswer = unknown.WireType == ErrorType || IsAnswer(unknown.WireType);
        if (unknown.Problem is { } problem && isAnswer)
        {
            Step(LocalEvent.Broken, _ => Failure.Broken(unknown.WireType, problem, Named));
        }
        else
        {
            Step(unknown.Type, Local, unknown);
        }
    }

    private void OnAnswer(ServerEvent received)
    {
        var result = Read(received, out var problem);
        if (problem is not null && FrameFacts.Of(received).Status is null or < FirstErrorStatus)
        {
            Step(LocalEvent.Broken, _ => Failure.Broken(received.Type, problem, Named));
            return;
        }
        Step(LocalEvent.Result, _ => Failure.Status(FrameFacts.Of(received).Status ?? 0, Named), received, result);
    }

    /// <summary>The session that the action names, whichever action it is; asked for by errors alone.</summary>
    private string? SessionOfAction()
    {
        using var sent = JsonDocument.Parse(Json.Bytes(_action));
        return sent.RootElement.TryGetProperty("sessionId"u8, out var named) ? named.GetString() : null;
    }

    /// <summary>The call is over: a frame that still waits for the link is taken back (REQ-CONN-16).</summary>
    private protected void Leave()
    {
        _state = "settled";
        Frame?.Withdraw();
        _router.Release(_id);
    }

    /// <summary>What a step is about.</summary>
    private readonly record struct CallCause(Func<string, Exception> Error, ServerEvent? Received, T? Result);
}
