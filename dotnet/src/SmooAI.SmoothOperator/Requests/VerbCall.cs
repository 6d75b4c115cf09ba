namespace SmooAI.SmoothOperator;

/// <summary>A verb of the client without a live turn: a call that awaits the verb's answers (REQ-VERB-08).</summary>
internal sealed class VerbCall<T> : IExchange
{
    private const long Accepted = 202;
    private const long FirstErrorStatus = 400;

    private readonly ClientContext _context;
    private readonly Exchanges _exchanges;
    private readonly Verb _verb;
    private readonly string _id;
    private readonly Func<ServerEvent, T> _read;
    private readonly Waiter<T> _waiter;
    private OutboundFrame? _frame;

    internal VerbCall(ClientContext context, Exchanges exchanges, Verb verb, string id, Func<ServerEvent, T> read)
    {
        _context = context;
        _exchanges = exchanges;
        _verb = verb;
        _id = id;
        _read = read;
        _waiter = new Waiter<T>(context);
    }

    internal Task<T> Task => _waiter.Task;

    internal void Wait(OutboundFrame frame, CancellationToken cancellationToken)
    {
        _frame = frame;
        _waiter.Limit(_context.Options.RequestTimeout, () => Fail(Failure.Local(ErrorKinds.RequestTimeout, Named)));
        _waiter.CancelBy(cancellationToken, Leave);
    }

    /// <summary>The action could not be queued.</summary>
    internal void Refuse(SmoothAgentException error) => Fail(error);

    public bool OnEvent(in DecodedFrame frame)
    {
        var received = frame.Event!;
        if (received is ErrorEvent reported)
        {
            Fail(Failure.FromServer(reported, Named));
            return true;
        }
        if (received is KeepaliveEvent)
        {
            return true;
        }
        if (received is UnknownEvent { Problem: { } problem } broken && IsAnswer(broken.WireType))
        {
            Fail(Failure.Broken(broken.WireType, problem, Named));
            return true;
        }
        var status = (received as ImmediateResponseEvent)?.Status;
        if (status == Accepted || !IsAnswer(received.Type))
        {
            _exchanges.Push(received); // somebody else's, who uses the id as well
            return true;
        }
        if (status >= FirstErrorStatus)
        {
            Fail(Failure.Status(status.Value, Named));
            return true;
        }
        Leave();
        _waiter.Resolve(_read(received));
        return true;
    }

    /// <summary>Whether an event of that type answers the verb; an error always does (REQ-CALL-03).</summary>
    private bool IsAnswer(string type) => type == MachineWords.Of(MachineEvent.Error)
        || Array.Exists(Machines.Answers, row => MachineWords.Of(row.Event) == type && Array.IndexOf(row.Verbs, _verb) >= 0);

    public void OnAttemptFailed(SmoothAgentException error) => Fail(Failure.Own(error, Named));

    public void OnEnded(LinkEnd end) => Fail(LinkFailure.Of(KindOf(end), end, _context.Options, Named));

    private static string KindOf(LinkEnd end) => end.Cause switch
    {
        MachineEvent.Close => ErrorKinds.ClientClosed,
        MachineEvent.TooLarge => ErrorKinds.MessageTooLarge,
        _ => ErrorKinds.ConnectionLost,
    };

    private void Fail(SmoothAgentException error)
    {
        Leave();
        _waiter.Fail(error);
    }

    /// <summary>The wait is over: a frame that still waits for the link is taken back (REQ-CONN-16).</summary>
    private void Leave()
    {
        _frame?.TakeBack();
        _exchanges.Release(_id);
    }

    private ErrorFacts Named(ErrorFacts facts) => facts with { RequestId = _id };
}
