namespace SmooAI.SmoothOperator;

/// <summary>Runs listeners one at a time, in order, never in the caller's frame (REQ-CONN-07). Idle, it owns nothing.</summary>
internal sealed class Dispatcher
{
    [ThreadStatic]
    private static Dispatcher? _running;

    private readonly Lock _lock = new();
    private readonly Queue<Action> _work = new();
    private TaskCompletionSource? _busy;

    /// <summary>Whether the calling thread is inside one of this dispatcher's listeners.</summary>
    internal bool IsCurrent => _running == this;

    internal void Post(Action action)
    {
        lock (_lock)
        {
            _work.Enqueue(action);
            if (_busy is null)
            {
                _busy = new(TaskCreationOptions.RunContinuationsAsynchronously);
                ThreadPool.UnsafeQueueUserWorkItem(static self => self.Run(), this, preferLocal: false);
            }
        }
    }

    /// <summary>Completes when nothing waits and nothing runs.</summary>
    internal Task WhenIdle()
    {
        lock (_lock)
        {
            return _busy?.Task ?? Task.CompletedTask;
        }
    }

    private void Run()
    {
        _running = this;
        while (Next() is { } action)
        {
            action();
        }
        _running = null;
    }

    private Action? Next()
    {
        lock (_lock)
        {
            if (_work.TryDequeue(out var action))
            {
                return action;
            }
            _busy?.SetResult();
            _busy = null;
            return null;
        }
    }
}
