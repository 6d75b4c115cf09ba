namespace SmooAI.SmoothOperator;

/// <summary>The limits of a turn: silence, total time, the wait for a confirmed cancel. Guarded by the gate.</summary>
internal sealed class TurnClocks : IDisposable
{
    private readonly ClientContext _context;
    private readonly Action<MachineEvent> _late;
    private readonly IdleClock _idle;
    private readonly ITimer? _total;
    private ITimer? _cancel;
    private bool _over;

    internal TurnClocks(ClientContext context, Action<MachineEvent> late)
    {
        _context = context;
        _late = late;
        _idle = new IdleClock(context, context.Options.TurnIdleTimeout, () => late(MachineEvent.IdleTimeout));
        _total = Start(context.Options.TurnTimeout, MachineEvent.TotalTimeout);
    }

    /// <summary>A frame of the turn came, of any type.</summary>
    internal void Heard()
    {
        if (!_over)
        {
            _idle.Touch();
        }
    }

    /// <summary>The idle clock stands still while a human is asked, and starts anew after (REQ-TURN-11).</summary>
    internal void StandStill(bool asked)
    {
        if (_over)
        {
            return;
        }
        if (asked)
        {
            _idle.StandStill();
        }
        else
        {
            _idle.StartAnew();
        }
    }

    internal void StartCancel()
    {
        if (!_over)
        {
            _cancel ??= Timer(_context.Options.CancelTimeout, MachineEvent.CancelTimeout);
        }
    }

    public void Dispose()
    {
        _over = true;
        _idle.Dispose();
        _total?.Dispose();
        _cancel?.Dispose();
    }

    private ITimer? Start(TimeSpan limit, MachineEvent name) => limit <= TimeSpan.Zero ? null : Timer(limit, name);

    private ITimer Timer(TimeSpan limit, MachineEvent name) =>
        _context.Clock.CreateTimer(_ => Fire(name), null, limit, Timeout.InfiniteTimeSpan);

    private void Fire(MachineEvent name)
    {
        using (_context.Gate.Enter())
        {
            if (!_over)
            {
                _late(name);
            }
        }
    }
}
