using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// Whether an open link still lives: the timers stable, ping, pong and probe of one link after the other, and the one
/// place that notices that the machine slept. Guarded by the gate, but for <see cref="Heard"/>.
/// </summary>
/// <param name="context">The client's.</param>
/// <param name="happened">Takes the event of a timer that is due; may begin or end a link.</param>
internal sealed class Liveness(ClientContext context, Action<string> happened)
{
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromMilliseconds(Limits.ProbeTimeout);

    private LimitTimer? _stable;
    private LimitTimer? _ping;
    private LimitTimer? _pong;
    private LimitTimer? _probe;
    private long _heardAt;
    private (long Monotonic, DateTimeOffset Wall) _armedAt;
    private volatile bool _asked;

    /// <summary>Watches a link that opened.</summary>
    internal void Begin()
    {
        _stable = new LimitTimer(context, context.Options.StableAfter, () =>
        {
            _stable?.Dispose();
            happened(LocalEvent.Stable);
        });
        Volatile.Write(ref _heardAt, context.Clock.GetTimestamp());
        if (context.Options.PingInterval > TimeSpan.Zero)
        {
            NoteTime();
            _ping = new LimitTimer(context, context.Options.PingInterval, Look);
        }
    }

    /// <summary>
    /// A message came: the link lives. Called once for what one read brought, outside the gate; arms no timer
    /// (REQ-CONN-38).
    /// </summary>
    internal void Heard()
    {
        Volatile.Write(ref _heardAt, context.Clock.GetTimestamp());
        if (_asked)
        {
            using (context.Gate.Enter())
            {
                EndSigns();
            }
        }
    }

    /// <summary>Waits for a sign of life: a ping went out after a silence.</summary>
    internal void Pinged() => Expect(ref _pong, context.Options.PongTimeout, LocalEvent.PongTimeout);

    /// <summary>Waits for a sign of life: a ping went out after a sleep (REQ-CONN-39).</summary>
    internal void Probed() => Expect(ref _probe, ProbeTimeout, LocalEvent.ProbeFailed);

    /// <summary>Watches no longer: the link has ended.</summary>
    internal void End()
    {
        _stable?.Dispose();
        _ping?.Dispose();
        (_stable, _ping) = (null, null);
        EndSigns();
    }

    /// <summary>A further ping does not put off the end of the wait that an earlier one began.</summary>
    private void Expect(ref LimitTimer? sign, TimeSpan limit, string word)
    {
        if (sign is null && limit > TimeSpan.Zero)
        {
            sign = new LimitTimer(context, limit, () => happened(word));
            _asked = true;
        }
    }

    /// <summary>Looks when something came last; messages only note the time.</summary>
    private void Look()
    {
        var interval = context.Options.PingInterval;
        var left = interval - context.Clock.GetElapsedTime(Volatile.Read(ref _heardAt));
        var silent = left <= TimeSpan.Zero;
        var slept = HasSlept();
        NoteTime();
        // Whole milliseconds, as timers of the platform count: a shorter rest would be due at once.
        _ping?.Restart(silent ? interval : TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)));
        if (slept)
        {
            happened(LocalEvent.Wake);
        }
        else if (silent)
        {
            happened(LocalEvent.Silence);
        }
    }

    private void NoteTime() => _armedAt = (context.Clock.GetTimestamp(), context.Clock.GetUtcNow());

    /// <summary>Whether the wall clock ran ahead since the timer was armed (REQ-CONN-39).</summary>
    private bool HasSlept()
    {
        var ahead = context.Clock.GetUtcNow() - _armedAt.Wall - context.Clock.GetElapsedTime(_armedAt.Monotonic);
        return ahead > 2 * context.Options.PingInterval;
    }

    private void EndSigns()
    {
        _asked = false;
        _pong?.Dispose();
        _probe?.Dispose();
        (_pong, _probe) = (null, null);
    }
}
