namespace SmooAI.SmoothOperator;

/// <summary>A verb of the client without a live turn: a call that awaits the verb's answers (REQ-VERB-08).</summary>
internal sealed class VerbCall<T> : IExchange
{
    private const long Accepted = 202;

    private readonly ClientContext _context;
    private readonly Exchanges _exchanges;
    private readonly Operation _operation;
    private readonly string _id;
    private readonly Func<ServerEvent, T> _read;
    private readonly Waiter<T> _waiter;

    internal VerbCall(ClientContext context, Exchanges exchanges, Operation operation, string id, Func<ServerEvent, T> read)
    {
        _context = context;
        _exchanges = exchanges;
        _operation = operation;
        _id = id;
        _read = read;
        _waiter = new Waiter<T>(context);
    }

    internal Task<T> Task => _waiter.Task;

    internal void Wait(OutboundFrame frame, CancellationToken cancellationToken)
    {
        _exchanges.AddTail(_id, this);
        _waiter.Limit(_context.Options.RequestTimeout, () => Fail(Failure.Local(ErrorKinds.RequestTimeout, Named)));
        _waiter.CancelBy(cancellationToken, () =>
        {
            frame.IsDropped = !frame.IsWritten;
            _exchanges.RemoveTail(_id, this);
        });
    }

    public bool OnEvent(in DecodedFrame frame)
    {
        var received = frame.Event!;
        if (received is ErrorEvent reported)
        {
            Fail(Failure.FromServer(reported, Named));
            return true;
        }
        if (received is ImmediateResponseEvent { Status: Accepted }
            || Array.IndexOf(_operation.Replies, received.MachineEvent) < 0)
        {
            return false;
        }
        _exchanges.RemoveTail(_id, this);
        _waiter.Resolve(_read(received));
        return true;
    }

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
        _exchanges.RemoveTail(_id, this);
        _waiter.Fail(error);
    }

    private ErrorFacts Named(ErrorFacts facts) => facts with { RequestId = _id };
}
