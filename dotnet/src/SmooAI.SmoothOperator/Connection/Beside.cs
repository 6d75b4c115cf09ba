using System.Collections.Immutable;

namespace SmooAI.SmoothOperator;

/// <summary>Functions of the application that run beside the link: handlers and what they hang on their tokens.</summary>
internal sealed class Beside
{
    private readonly AsyncLocal<Task?> _own = new();
    private ImmutableList<Task> _running = [];
    private ImmutableList<Task> _beginning = [];

    /// <summary>Runs something on a thread of the pool; it never fails.</summary>
    internal void Start(Func<Task> work)
    {
        var over = new TaskCompletionSource();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ImmutableInterlocked.Update(ref _running, all => all.Add(over.Task));
        ImmutableInterlocked.Update(ref _beginning, all => all.Add(begun.Task));
        _ = Task.Run(async () =>
        {
            _own.Value = over.Task;
            var working = work();
            ImmutableInterlocked.Update(ref _beginning, all => all.Remove(begun.Task));
            begun.SetResult();
            await working.ConfigureAwait(false);
            ImmutableInterlocked.Update(ref _running, all => all.Remove(over.Task));
            over.SetResult();
        });
    }

    /// <summary>Completes when all that was started has run up to where it waits.</summary>
    internal Task WhenBegun() => Task.WhenAll(_beginning);

    /// <summary>Completes when all that runs is over, but for that which asks.</summary>
    internal Task WhenOver() => Task.WhenAll(_running.Where(task => task != _own.Value));
}
