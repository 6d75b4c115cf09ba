namespace SmooAI.SmoothOperator;

/// <summary>One iteration over a turn. Closing it early stops the turn unless somebody else cares (REQ-STOP-05).</summary>
internal sealed class TurnEnumerator : IAsyncEnumerator<ServerEvent>
{
    private readonly ClientContext _context;
    private readonly TurnDriver _turn;
    private readonly CancellationToken _cancellation;
    private Waiter<bool>? _waiter;
    private ServerEvent? _current;
    private int _next;
    private bool _closed;

    internal TurnEnumerator(ClientContext context, TurnDriver turn, CancellationToken cancellation)
    {
        _context = context;
        _turn = turn;
        _cancellation = cancellation;
        using (context.Gate.Enter())
        {
            turn.Items.OpenIterators++;
        }
    }

    public ServerEvent Current => _current ?? throw new InvalidOperationException("MoveNextAsync gave no item.");

    public ValueTask<bool> MoveNextAsync()
    {
        using (_context.Gate.Enter())
        {
            if (_waiter is { IsSettled: false })
            {
                throw new InvalidOperationException("The iterator waits for an item already.");
            }
            if (_cancellation.IsCancellationRequested)
            {
                Cancelled();
                return ValueTask.FromCanceled<bool>(_cancellation);
            }
            if (Advance() is { } known)
            {
                return known ? ValueTask.FromResult(true) : Ending();
            }
            _waiter = new Waiter<bool>(_context);
            _turn.Items.Wait(this);
            _waiter.CancelBy(_cancellation, Cancelled);
            return new ValueTask<bool>(_waiter.Task);
        }
    }

    public ValueTask DisposeAsync()
    {
        using (_context.Gate.Enter())
        {
            if (Close())
            {
                _turn.StopUnlessWanted();
            }
        }
        return default;
    }

    /// <summary>An item came, or the end.</summary>
    internal void Wake()
    {
        if (Advance() is not { } more)
        {
            _turn.Items.Wait(this);
        }
        else if (more)
        {
            _waiter!.Resolve(true);
        }
        else
        {
            Close();
            if (_turn.Items.Error is { } error)
            {
                _turn.IsObserved = true;
                _waiter!.Fail(error);
            }
            else
            {
                _waiter!.Resolve(false);
            }
        }
    }

    /// <summary>Takes the next item: true; false at the end; null when it has to wait.</summary>
    private bool? Advance()
    {
        if (_closed)
        {
            return false;
        }
        if (_next < _turn.Items.Count)
        {
            _current = _turn.Items[_next++];
            return true;
        }
        return _turn.Items.IsEnded ? false : null;
    }

    private ValueTask<bool> Ending()
    {
        var open = Close();
        if (open && _turn.Items.Error is { } error)
        {
            _turn.IsObserved = true;
            return error is OperationCanceledException cancelled
                ? ValueTask.FromCanceled<bool>(cancelled.CancellationToken)
                : ValueTask.FromException<bool>(error);
        }
        return ValueTask.FromResult(false);
    }

    private void Cancelled()
    {
        _turn.Items.Leave(this);
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
        _turn.Items.OpenIterators--;
        return true;
    }
}
