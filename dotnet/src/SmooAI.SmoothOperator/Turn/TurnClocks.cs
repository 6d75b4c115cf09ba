using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>The limits of a turn: silence, total time, the wait for a confirmed cancel. Guarded by the gate.</summary>
internal sealed class TurnClocks : IDisposable
{
    private readonly ClientContext _context;
    private readonly Action<string> _late;
    private readonly IdleClock _idle;
    private readonly LimitTimer? _total;
    private LimitTimer? _cancel;
    private bool _over;

    internal TurnClocks(ClientContext context, Action<string> late)
    {
        _context = context;
        _late = late;
        _idle = new IdleClock(context, context.Options.TurnIdleTimeout, () => late(LocalEvent.IdleTimeout));
        _total = Start(context.Options.TurnTimeout, LocalEvent.TotalTimeout);
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
            _cancel ??= Timer(_context.Options.CancelTimeout, LocalEvent.CancelTimeout);
        }
    }

    public void Dispose()
    {
        _over = true;
        _idle.Dispose();
        _total?.Dispose();
        _cancel?.Dispose();
    }

    private LimitTimer? Start(TimeSpan limit, string word) => limit <= TimeSpan.Zero ? null : Timer(limit, word);

    private LimitTimer Timer(TimeSpan limit, string word) =>
        new(_context, limit, () => _late(word));
}
