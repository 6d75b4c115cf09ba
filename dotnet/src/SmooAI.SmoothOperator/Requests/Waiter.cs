namespace SmooAI.SmoothOperator;

/// <summary>A result that comes later, with a time limit and native cancellation. Settles once; guarded by the gate.</summary>
internal sealed class Waiter<T>
{
    private readonly ClientContext _context;
    private readonly TaskCompletionSource<T> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LimitTimer? _limit;
    private CancellationTokenRegistration _cancellation;
    private bool _settled;

    internal Waiter(ClientContext context) => _context = context;

    internal Task<T> Task => _source.Task;

    internal bool IsSettled => _settled;

    /// <summary>Calls back inside the gate when the time, which begins anew, is over; zero is no limit.</summary>
    internal void Limit(TimeSpan after, Action late)
    {
        Lift();
        if (!_settled && after > TimeSpan.Zero)
        {
            _limit = new LimitTimer(_context, after, () => Enter(late));
        }
    }

    /// <summary>Takes the limit away.</summary>
    internal void Lift()
    {
        _limit?.Dispose();
        _limit = null;
    }

    /// <summary>Calls back inside the gate when the caller's token fires; the task is cancelled by it.</summary>
    internal void CancelBy(CancellationToken token, Action? cancelled = null)
    {
        if (!_settled && token.CanBeCanceled)
        {
            _cancellation = token.UnsafeRegister(_ => Enter(() =>
            {
                cancelled?.Invoke();
                Finish(() => _source.TrySetCanceled(token));
            }), null);
        }
    }

    internal void Resolve(T value) => Finish(() => _source.TrySetResult(value));

    /// <summary>Fails the task; an exception of cancellation cancels it.</summary>
    internal void Fail(Exception error) => Finish(() =>
    {
        if (error is OperationCanceledException cancelled)
        {
            _source.TrySetCanceled(cancelled.CancellationToken);
        }
        else
        {
            Observed.Fail(_source, error);
        }
    });

    private void Enter(Action action)
    {
        using (_context.Gate.Enter())
        {
            if (!_settled)
            {
                action();
            }
        }
    }

    private void Finish(Action settle)
    {
        if (_settled)
        {
            return;
        }
        _settled = true;
        var cancellation = _cancellation;
        Lift();
        _context.Gate.After(() =>
        {
            cancellation.Unregister();
            settle();
        });
    }
}
