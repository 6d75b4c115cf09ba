using System.Text.Json;

namespace SmooAI.SmoothOperator;

/// <summary>One action with one answer; steps through the machine <c>call</c> (REQ-CALL-03). Guarded by the gate.</summary>
internal sealed class PendingCall<T> : IExchange
    where T : WireObject
{
    private const long FirstErrorStatus = 400;

    private readonly ClientContext _context;
    private readonly Exchanges _exchanges;
    private readonly CallAction<T> _action;
    private readonly Operation<T> _operation;
    private readonly string _id;
    private readonly Action<WireObject> _learn;
    private readonly Waiter<T> _waiter;
    private CallState _state = Machines.Call.Initial;
    private OutboundFrame? _frame;

    internal PendingCall(
        ClientContext context, Exchanges exchanges, CallAction<T> action, string id, Action<WireObject> learn)
    {
        _context = context;
        _exchanges = exchanges;
        _action = action;
        _operation = action.AnsweredBy;
        _id = id;
        _learn = learn;
        _waiter = new Waiter<T>(context);
    }

    internal Task<T> Task => _waiter.Task;

    /// <summary>Starts the wait: limit and cancellation, which takes back a frame that was not written (REQ-CALL-09).</summary>
    internal void Wait(OutboundFrame frame, CancellationToken cancellationToken)
    {
        _frame = frame;
        var limit = _context.Options.RequestTimeout;
        _waiter.Limit(limit, () => Step(MachineEvent.RequestTimeout, kind => Failure.Local(kind, Named)));
        _waiter.CancelBy(cancellationToken, Settle);
    }

    /// <summary>The action could not be queued.</summary>
    internal void Refuse(SmoothAgentException error) =>
        Step(error.Kind == ErrorKinds.NotConnected ? MachineEvent.NotConnected : MachineEvent.TooLarge, _ => error);

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
        else if (received.MachineEvent == _operation.Answer)
        {
            OnAnswer(received);
        }
        else
        {
            Step(MachineEvent.Unexpected, kind => Failure.Local(kind, facts => Named(facts) with
            {
                Message = $"The action was answered by '{received.Type}'.",
                Event = received,
            }));
        }
        return true;
    }

    public void OnAttemptFailed(SmoothAgentException error) =>
        Step(MachineEvent.ConnectFailed, _ => Failure.Own(error, Named));

    public void OnEnded(LinkEnd end) => Step(end.Cause, kind => LinkFailure.Of(kind, end, _context.Options, Named));

    private void OnUnknown(UnknownEvent unknown)
    {
        var isAnswer = MachineWords.Of(_operation.Answer) == unknown.WireType
            || MachineWords.Of(MachineEvent.Error) == unknown.WireType;
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
        Step(MachineEvent.Result, Local, received, MachineGuards.None, result);
    }

    private T? Read(ServerEvent received, out FrameProblem? problem)
    {
        problem = null;
        if (_operation.At.Length == 0)
        {
            return (T)(object)received;
        }
        var value = received.Member(_operation.At);
        var at = string.Concat(_operation.At.Select(segment => "/" + segment));
        var read = Decoder.DecodeValue(value, _operation.Shape, _operation.Read, out problem);
        problem = problem is null ? null : problem with { Pointer = at + problem.Pointer };
        return read;
    }

    private void Step(
        MachineEvent name,
        Func<string, SmoothAgentException> error,
        ServerEvent? received = null,
        MachineGuards guards = MachineGuards.None,
        T? result = null)
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
                if (result is not null)
                {
                    _learn(result);
                    _waiter.Resolve(result);
                }
                else
                {
                    _waiter.Fail(error(effect.Second));
                }
            }
        }
    }

    /// <summary>The call is over: a frame that still waits for the link is taken back (REQ-CONN-16).</summary>
    private void Settle()
    {
        _state = CallState.Settled;
        _frame?.TakeBack();
        _exchanges.Release(_id);
    }

    private SmoothAgentException Local(string kind) => Failure.Local(kind, Named);

    private ErrorFacts Named(ErrorFacts facts) =>
        facts with { RequestId = _id, SessionId = facts.SessionId ?? SessionOfAction() };

    /// <summary>The session that the action names, whichever action it is; asked for by errors alone.</summary>
    private string? SessionOfAction()
    {
        using var sent = JsonDocument.Parse(Json.Bytes(_action));
        return sent.RootElement.TryGetProperty("sessionId"u8, out var named) ? named.GetString() : null;
    }
}
