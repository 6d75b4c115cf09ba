namespace SmooAI.SmoothOperator;

/// <summary>A clock that lets what its timers cause come to rest before it goes on.</summary>
internal interface ISettlingClock
{
    /// <summary>Adds something to wait for after each timer; disposing the answer removes it.</summary>
    IDisposable Attach(Func<Task> whenSettled);
}
