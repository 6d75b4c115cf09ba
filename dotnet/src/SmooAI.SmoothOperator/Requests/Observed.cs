namespace SmooAI.SmoothOperator;

/// <summary>Failed tasks that nobody awaits: never an unobserved exception of the process (REQ-TURN-16).</summary>
internal static class Observed
{
    /// <summary>Fails the task; its exception counts as seen.</summary>
    internal static void Fail<T>(TaskCompletionSource<T> source, Exception error)
    {
        if (source.TrySetException(error))
        {
            _ = source.Task.Exception;
        }
    }

    /// <summary>Returns the task; should it fail, its exception counts as seen.</summary>
    internal static TTask Quiet<TTask>(TTask task)
        where TTask : Task
    {
        _ = task.ContinueWith(
            static failed => _ = failed.Exception,
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return task;
    }
}
