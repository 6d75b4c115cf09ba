using System.Threading.Tasks.Sources;

namespace SmooAI.SmoothOperator;

/// <summary>One iteration over a turn. Closing it early stops the turn unless somebody else cares (REQ-STOP-05).</summary>
/// <remarks>Takes what is there a handful at a time: an item that is in the hand costs no lock.</remarks>
internal sealed class TurnEnumerator : IAsyncEnumerator<ServerEvent>, IValueTaskSource<bool>
{
    private const int HandItems = 64;

    private readonly ClientContext _context;
    private readonly TurnDriver _turn;
    private readonly CancellationToken _cancellation;
    private readonly CancellationTokenRegistration _following;
    private readonly ItemQueue _queue;
    private readonly TurnItem[] _hand = new TurnItem[HandItems];
    private ManualResetValueTaskSourceCore<bool> _waiter = new() { RunContinuationsAsynchronously = true };
    private ServerEvent? _current;
    private int _next;
    private int _held;
    private bool _waits;
    private volatile bool _closed;

    internal TurnEnumerator(ClientContext context, TurnDriver turn, CancellationToken cancellation)
    {
        _context = context;
        _turn = turn;
        _cancellation = cancellation;
        using (context.Gate.Enter())
        {
            _queue = turn.Items.Join(this);
        }
        _following = cancellation.UnsafeRegister(static self => ((TurnEnumerator)self!).OnCancelled(), this);
    }

    public ServerEvent Current => _current ?? throw new InvalidOperationException("MoveNextAsync gave no item.");

    /// <summary>The place of <see cref="Current"/> in the text of the turn.</summary>
    internal TurnItem Place { get; private set; }

    public ValueTask<bool> MoveNextAsync()
    {
        if (_waits)
        {
            throw new InvalidOperationException("The iterator waits for an item already.");
        }
        if (_next < _held && !_closed && !_cancellation.IsCancellationRequested)
        {
            Show();
            return new ValueTask<bool>(true);
        }
        using (_context.Gate.Enter())
        {
            if (_cancellation.IsCancellationRequested)
            {
                Leave();
                return ValueTask.FromCanceled<bool>(_cancellation);
            }
            if (Advance() is { } known)
            {
                return known ? new ValueTask<bool>(true) : Ending();
            }
            _waits = true;
            _waiter.Reset();
            return new ValueTask<bool>(this, _waiter.Version);
        }
    }

    public ValueTask DisposeAsync()
    {
        _following.Dispose();
        using (_context.Gate.Enter())
        {
            Leave();
        }
        return default;
    }

    bool IValueTaskSource<bool>.GetResult(short token) => _waiter.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _waiter.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state, token, flags);

    /// <summary>An item came; called inside the gate.</summary>
    internal void Add(in TurnItem item) => _queue.Add(item, _held - _next);

    /// <summary>Items came, or the end; called inside the gate.</summary>
    internal void Wake()
    {
        if (!_waits || Advance() is not { } more)
        {
            return;
        }
        _waits = false;
        if (more)
        {
            _waiter.SetResult(true);
        }
        else if (Close() && Error() is { } error)
        {
            _turn.IsObserved = true;
            _waiter.SetException(error);
        }
        else
        {
            _waiter.SetResult(false);
        }
    }

    /// <summary>Takes the next item: true; false at the end; null when it has to wait.</summary>
    private bool? Advance()
    {
        if (_closed)
        {
            return false;
        }
        if (_next == _held)
        {
            _next = 0;
            _held = _queue.Take(_hand);
            for (var index = 0; index < _held; index++)
            {
                _hand[index] = Whole(_hand[index]);
            }
        }
        if (_next < _held)
        {
            Show();
            return true;
        }
        return _queue.IsOver || _turn.Items.IsEnded ? false : null;
    }

    private TurnItem Whole(in TurnItem item) => item.Count == 1 ? item : item with { Event = _turn.Shown(item) };

    private void Show()
    {
        ref var item = ref _hand[_next++];
        Place = item;
        _current = item.Event;
        item = default;
    }

    private Exception? Error() => _queue.IsOver ? Failure.Local(ErrorKinds.SlowConsumer, _turn.Named) : _turn.Items.Error;

    private ValueTask<bool> Ending()
    {
        if (Close() && Error() is { } error)
        {
            _turn.IsObserved = true;
            return error is OperationCanceledException cancelled
                ? ValueTask.FromCanceled<bool>(cancelled.CancellationToken)
                : ValueTask.FromException<bool>(error);
        }
        return new ValueTask<bool>(false);
    }

    private void OnCancelled()
    {
        using (_context.Gate.Enter())
        {
            Leave();
            if (_waits)
            {
                _waits = false;
                _waiter.SetException(new OperationCanceledException(_cancellation));
            }
        }
    }

    private void Leave()
    {
        if (Close())
        {
            _turn.StopUnlessWanted();
        }
    }

    private bool Close()
    {
        if (_closed)
        {
            return false;
        }
        _closed = true;
        _turn.Items.Leave(this);
        return true;
    }
}
