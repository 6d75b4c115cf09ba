using System.Text.Json;

namespace SmooAI.SmoothOperator;

/// <summary>One action that waits for its answer; steps through the machine <c>call</c> (REQ-CALL-03). Guarded by the gate.</summary>
internal abstract class ActionCall<T> : IExchange
{
    private const long FirstErrorStatus = 400;

    private readonly ClientContext _context;
    private readonly Exchanges _exchanges;
    private readonly ClientAction _action;
    private readonly string _id;
    private readonly Waiter<T> _waiter;
    private CallState _state = Machines.Call.Initial;
    private OutboundFrame? _frame;

    private protected ActionCall(ClientContext context, Exchanges exchanges, ClientAction action, string id)
    {
        _action = action;
        _context = context;
        _exchanges = exchanges;
        _id = id;
        _waiter = new Waiter<T>(context);
    }

    internal Task<T> Task => _waiter.Task;

    /// <summary>Starts the wait: limit and cancellation, which takes back a frame that waits for the link (REQ-CALL-09).</summary>
    internal void Wait(OutboundFrame frame, CancellationToken cancellationToken)
    {
        _frame = frame;
        var limit = _context.Options.RequestTimeout;
        _waiter.Limit(limit, () => Step(MachineEvent.RequestTimeout, Local));
        _waiter.CancelBy(cancellationToken, Settle);
    }

    /// <summary>The action could not be queued.</summary>
    internal void Refuse(SmoothAgentException error) =>
        Step(error.Kind == ErrorKinds.NotConnected ? MachineEvent.NotConnected : MachineEvent.TooLarge, _ => Failure.Own(error, Named));

    public bool OnEvent(in DecodedFrame frame)
    {
        var received = frame.Event!;
        if (received is UnknownEvent unknown)
        {
            OnUnknown(unknown);
        }
        else if (received is ErrorEvent reported)
        {
            Step(MachineEvent.Error, _ => Failure.FromServer(reported, Named));
        }
        else if (received is KeepaliveEvent)
        {
            Step(MachineEvent.Keepalive, Local, received);
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

    public void OnAttemptFailed(Exception error) =>
        Step(MachineEvent.ConnectFailed, _ => Failure.Own(error, Named));

    public void OnEnded(LinkEnd end) => Step(end.Cause, kind => LinkFailure.Of(kind, end, _context.Options, Named));

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

    private protected ErrorFacts Named(ErrorFacts facts) => facts with
    {
        RequestId = _id,
        SessionId = facts.SessionId ?? SessionOfAction(),
        Host = _context.Host,
    };

    private protected SmoothAgentException Local(string kind) => Failure.Local(kind, Named);

    private protected void Step(
        MachineEvent name,
        Func<string, Exception> error,
        ServerEvent? received = null,
        MachineGuards guards = MachineGuards.None,
        Action? resolve = null)
    {
        foreach (var effect in Machines.Call.Step(ref _state, name, guards))
        {
            if (effect.Kind == EffectKind.Push)
            {
                _exchanges.Push(received!);
            }
            else if (effect.Kind == EffectKind.Settle)
            {
                Settle();
                if (resolve is not null)
                {
                    resolve();
                }
                else
                {
                    _waiter.Fail(error(effect.Second));
                }
            }
        }
    }

    private void OnUnknown(UnknownEvent unknown)
    {
        var isAnswer = unknown.WireType == MachineWords.Of(MachineEvent.Error) || IsAnswer(unknown.WireType);
        if (unknown.Problem is { } problem && isAnswer)
        {
            Step(MachineEvent.Broken, _ => Failure.Broken(unknown.WireType, problem, Named));
        }
        else
        {
            Step(MachineEvent.Unknown, Local, unknown);
        }
    }

    private void OnAnswer(ServerEvent received)
    {
        var status = (received as ImmediateResponseEvent)?.Status;
        if (status >= FirstErrorStatus)
        {
            Step(MachineEvent.Result, _ => Failure.Status(status.Value, Named), received, MachineGuards.StatusError);
            return;
        }
        var result = Read(received, out var problem);
        if (problem is not null)
        {
            Step(MachineEvent.Broken, _ => Failure.Broken(received.Type, problem, Named));
            return;
        }
        Step(MachineEvent.Result, Local, received, MachineGuards.None, () =>
        {
            OnRead(result!);
            _waiter.Resolve(result!);
        });
    }

    /// <summary>The session that the action names, whichever action it is; asked for by errors alone.</summary>
    private string? SessionOfAction()
    {
        using var sent = JsonDocument.Parse(Json.Bytes(_action));
        return sent.RootElement.TryGetProperty("sessionId"u8, out var named) ? named.GetString() : null;
    }

    /// <summary>The call is over: a frame that still waits for the link is taken back (REQ-CONN-16).</summary>
    private void Settle()
    {
        _state = CallState.Settled;
        _frame?.TakeBack();
        _exchanges.Release(_id);
    }
}
