namespace SmooAI.SmoothOperator.Testing;

/// <summary>A clock that stands still until it is told to advance (REQ-TIME-01). Safe from any thread.</summary>
/// <remarks>Starts at 2026-01-01T00:00:00Z. Give it to <see cref="SmoothAgentClientOptions.TimeProvider"/>.</remarks>
public sealed class VirtualTimeProvider : TimeProvider, ISettlingClock
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private const int MostRounds = 8;

    private readonly Lock _lock = new();
    private readonly List<VirtualTimer> _timers = [];
    private readonly List<Func<Task>> _settling = [];
    private TimeSpan _now;
    private TimeSpan _slept;
    private long _sequence;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <summary>Timers that are armed now.</summary>
    public int ActiveTimers
    {
        get
        {
            lock (_lock)
            {
                return _timers.Count;
            }
        }
    }

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock)
        {
            return Start + _now + _slept;
        }
    }

    /// <inheritdoc/>
    public override long GetTimestamp() => Now.Ticks;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new VirtualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>
    /// Moves the clock. Timers that fall due fire in the order of their times; what each causes in clients, writes to
    /// their sockets included, comes to rest before the next one fires.
    /// </summary>
    /// <param name="by">How far; not negative.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="by"/> is negative.</exception>
    public async Task AdvanceAsync(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        var end = Now + by;
        await SettleAsync().ConfigureAwait(false);
        while (TakeDue(end) is { } timer)
        {
            timer.Fire();
            await SettleAsync().ConfigureAwait(false);
        }
        lock (_lock)
        {
            _now = end;
        }
    }

    /// <summary>Lets the machine sleep: the time of day goes on, timers stand still and notice later (REQ-CONN-39).</summary>
    /// <param name="time">How long; not negative.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="time"/> is negative.</exception>
    public void Sleep(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero);
        lock (_lock)
        {
            _slept += time;
        }
    }

    /// <inheritdoc/>
    IDisposable ISettlingClock.Attach(Func<Task> whenSettled)
    {
        lock (_lock)
        {
            _settling.Add(whenSettled);
        }
        return new Detacher(this, whenSettled);
    }

    private TimeSpan Now
    {
        get
        {
            lock (_lock)
            {
                return _now;
            }
        }
    }

    private async Task SettleAsync()
    {
        Func<Task>[] waits;
        lock (_lock)
        {
            waits = [.. _settling];
        }
        // What one of them lets rest may move another: a frame that a client writes is answered by a server in memory.
        var moved = true;
        for (var round = 0; moved && round < MostRounds; round++)
        {
            moved = false;
            foreach (var wait in waits)
            {
                var resting = wait();
                moved |= !resting.IsCompleted;
                await resting.ConfigureAwait(false);
            }
        }
    }

    private VirtualTimer? TakeDue(TimeSpan end)
    {
        lock (_lock)
        {
            var next = _timers.MinBy(timer => (timer.Due, timer.Order));
            if (next is null || next.Due > end)
            {
                return null;
            }
            _now = next.Due > _now ? next.Due : _now;
            _timers.Remove(next);
            if (next.Period > TimeSpan.Zero)
            {
                Arm(next, next.Period);
            }
            return next;
        }
    }

    private void Arm(VirtualTimer timer, TimeSpan dueTime)
    {
        timer.Due = _now + dueTime;
        timer.Order = _sequence++;
        _timers.Add(timer);
    }

    private sealed class VirtualTimer(VirtualTimeProvider clock, TimerCallback callback, object? state) : ITimer
    {
        internal TimeSpan Due { get; set; }

        internal TimeSpan Period { get; private set; }

        internal long Order { get; set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._lock)
            {
                clock._timers.Remove(this);
                Period = period == Timeout.InfiniteTimeSpan ? TimeSpan.Zero : period;
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    clock.Arm(this, dueTime);
                }
            }
            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        internal void Fire() => callback(state);
    }

    private sealed class Detacher(VirtualTimeProvider clock, Func<Task> wait) : IDisposable
    {
        public void Dispose()
        {
            lock (clock._lock)
            {
                clock._settling.Remove(wait);
            }
        }
    }
}
