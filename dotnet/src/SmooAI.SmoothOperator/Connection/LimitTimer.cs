namespace SmooAI.SmoothOperator;

/// <summary>
/// A time limit that calls back inside the gate. One that fires late, because the process stood still, first lets be read
/// what has arrived meanwhile (REQ-TIME-02). Guarded by the gate.
/// </summary>
internal sealed class LimitTimer : IDisposable
{
    /// <summary>What the platform's own timers may be late on a busy machine.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(1);

    /// <summary>Time for the socket to be read after a stall.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    private readonly ClientContext _context;
    private readonly Action _over;
    private readonly ITimer _timer;
    private TimeSpan _after;
    private long _since;
    private bool _stopped;

    internal LimitTimer(ClientContext context, TimeSpan after, Action over)
    {
        _context = context;
        _over = over;
        _after = after;
        _since = context.Clock.GetTimestamp();
        _timer = context.Clock.CreateTimer(static self => ((LimitTimer)self!).Fire(), this, after, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Begins anew with another time.</summary>
    internal void Restart(TimeSpan after)
    {
        (_after, _since, _stopped) = (after, _context.Clock.GetTimestamp(), false);
        _timer.Change(after, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Stands still until it begins anew.</summary>
    internal void Stop()
    {
        _stopped = true;
        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        _stopped = true;
        _timer.Dispose();
    }

    private void Fire()
    {
        using (_context.Gate.Enter())
        {
            if (_stopped)
            {
                return;
            }
            if (_context.Clock.GetElapsedTime(_since) - _after > Late)
            {
                Restart(Grace);
            }
            else
            {
                _over();
            }
        }
    }
}
