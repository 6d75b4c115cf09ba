namespace SmooAI.SmoothOperator;

/// <summary>Fires when nothing was heard for a time; can stand still (REQ-TURN-11). Guarded by the gate.</summary>
/// <remarks>A frame only notes the time: the timer looks at it when it fires and goes back to sleep.</remarks>
internal sealed class IdleClock : IDisposable
{
    private readonly ClientContext _context;
    private readonly TimeSpan _limit;
    private readonly LimitTimer? _timer;
    private long _heard;
    private bool _standing;

    internal IdleClock(ClientContext context, TimeSpan limit, Action late)
    {
        _context = context;
        _limit = limit;
        _heard = context.Clock.GetTimestamp();
        if (limit > TimeSpan.Zero)
        {
            _timer = new LimitTimer(context, limit, () => Look(late));
        }
    }

    internal void Touch() => _heard = _context.Clock.GetTimestamp();

    internal void StandStill()
    {
        _standing = true;
        _timer?.Stop();
    }

    internal void StartAnew()
    {
        if (_standing)
        {
            _standing = false;
            Touch();
            _timer?.Restart(_limit);
        }
    }

    public void Dispose()
    {
        _standing = true;
        _timer?.Dispose();
    }

    private void Look(Action late)
    {
        var left = _limit - _context.Clock.GetElapsedTime(_heard);
        if (left > TimeSpan.Zero)
        {
            _timer!.Restart(left);
        }
        else
        {
            late();
        }
    }
}
