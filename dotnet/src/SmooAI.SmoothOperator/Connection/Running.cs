using System.Collections.Immutable;

namespace SmooAI.SmoothOperator;

/// <summary>What of a client runs: its attempts and links, for <c>close</c> to wait for.</summary>
internal sealed class Running(ClientContext context)
{
    private ImmutableList<Task> _tasks = [];

    /// <summary>Starts one more on another thread; it is forgotten when it is over.</summary>
    internal void Start(Func<Task> run)
    {
        var running = Task.Run(run);
        ImmutableInterlocked.Update(ref _tasks, all => all.Add(running));
        _ = running.ContinueWith(
            over => ImmutableInterlocked.Update(ref _tasks, all => all.Remove(over)),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    /// <summary>
    /// Waits for all that runs, for the listeners and for handlers inside the close limit; after it for the sockets alone,
    /// which are dropped by then (REQ-CONN-27). A listener or a handler that closes does not wait for itself.
    /// </summary>
    internal async Task WhenOverAsync(bool inListener)
    {
        var sockets = Task.WhenAll(_tasks);
        var everything = Task.WhenAll(sockets, context.Dispatcher.WhenIdle(), context.Beside.WhenOver());
        var limit = context.Options.CloseTimeout;
        if (!inListener && !everything.IsCompleted && limit > TimeSpan.Zero)
        {
            using var over = new CancellationTokenSource();
            await Task.WhenAny(everything, Task.Delay(limit, context.Clock, over.Token)).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
        }
        await sockets.ConfigureAwait(false);
    }
}
