namespace SmooAI.SmoothOperator;

/// <summary>
/// The time of one attempt. Whoever gives the attempt up and whoever ends it need not know of each other: both may
/// come first, from any thread, and neither throws.
/// </summary>
internal sealed class AttemptLimit : IDisposable
{
    private readonly CancellationTokenSource _source;
    private readonly Log _log;

    internal AttemptLimit(TimeSpan limit, TimeProvider clock, Log log)
    {
        _log = log;
        _source = limit > TimeSpan.Zero ? new(limit, clock) : new();
        Token = _source.Token;
    }

    /// <summary>Fires when the time is over or the attempt was given up; readable after disposal.</summary>
    internal CancellationToken Token { get; }

    /// <summary>The link is open: its time is not limited any more.</summary>
    internal void Lift() => _source.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>Ends the attempt now, if it still runs. What hangs on the token is foreign code and may throw.</summary>
    internal void GiveUp()
    {
        try
        {
            _source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The attempt has ended by itself meanwhile.
        }
        catch (AggregateException fault)
        {
            _log.Warning("What waited for the token of an attempt threw.", fault);
        }
    }

    public void Dispose() => _source.Dispose();
}
