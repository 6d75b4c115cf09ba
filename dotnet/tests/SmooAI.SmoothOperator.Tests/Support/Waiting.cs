using System.Runtime.CompilerServices;

namespace SmooAI.SmoothOperator.Tests.Support;

/// <summary>Bounded waits: no test hangs.</summary>
internal static class Waiting
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static Task<T> Soon<T>(this Task<T> task, [CallerArgumentExpression(nameof(task))] string what = "") =>
        Bounded(task, what);

    public static async Task Soon(this Task task, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        if (await Task.WhenAny(task, Task.Delay(Limit)) != task)
        {
            throw new TimeoutException($"'{what}' took over {Limit.TotalSeconds} s.");
        }
        await task;
    }

    public static Task<T> Soon<T>(this ValueTask<T> task, [CallerArgumentExpression(nameof(task))] string what = "") =>
        Bounded(task.AsTask(), what);

    /// <summary>Returns the exception that a task ends with.</summary>
    public static async Task<T> FailsAsync<T>(this Task task)
        where T : Exception
    {
        var error = await Should.ThrowAsync<T>(() => task.Soon());
        return error;
    }

    /// <summary>Waits for a condition that another thread brings about.</summary>
    public static async Task UntilAsync(Func<bool> holds, [CallerArgumentExpression(nameof(holds))] string what = "")
    {
        var end = DateTime.UtcNow + Limit;
        while (!holds())
        {
            (DateTime.UtcNow < end).ShouldBeTrue(what);
            await Task.Delay(1);
        }
    }

    public static async Task<List<T>> ToListAsync<T>(this IAsyncEnumerable<T> items)
    {
        var found = new List<T>();
        await foreach (var item in items)
        {
            found.Add(item);
        }
        return found;
    }

    private static async Task<T> Bounded<T>(Task<T> task, string what)
    {
        await ((Task)task).Soon(what);
        return await task;
    }
}
