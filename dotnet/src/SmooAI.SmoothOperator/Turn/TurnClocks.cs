using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>The limits of a turn, each by the word of the event that it tells. Guarded by the gate.</summary>
internal sealed class TurnClocks : IDisposable
{
    private readonly ClientContext _context;
    private readonly Action<string> _late;
    private readonly IdleClock _idle;
    private readonly Dictionary<string, LimitTimer> _timers = new(StringComparer.Ordinal);
    private bool _over;

    internal TurnClocks(ClientContext context, Action<string> late)
    {
        _context = context;
        _late = late;
        _idle = new IdleClock(context, context.Options.TurnIdleTimeout, () => late(LocalEvent.IdleTimeout));
        if (context.Options.TurnTimeout is var limit && limit > TimeSpan.Zero)
        {
            Start(LocalEvent.TotalTimeout, limit);
        }
    }

    /// <summary>A frame of the turn came, of any type.</summary>
    internal void Heard()
    {
        if (!_over)
        {
            _idle.Touch();
        }
    }

    /// <summary>The idle clock stands still while a human is asked or the turn is suspended, and starts anew after (REQ-TURN-11).</summary>
    internal void StandStill(bool waits)
    {
        if (_over)
        {
            return;
        }
        if (waits)
        {
            _idle.StandStill();
        }
        else
        {
            _idle.StartAnew();
        }
    }

    /// <summary>Tells a word when the time is over, unless it is cleared before.</summary>
    internal void Start(string word, TimeSpan limit)
    {
        Clear(word);
        if (!_over)
        {
            _timers[word] = new LimitTimer(_context, limit, () => _late(word));
        }
    }

    /// <summary>Tells a word no more.</summary>
    internal void Clear(string word)
    {
        if (_timers.Remove(word, out var timer))
        {
            timer.Dispose();
        }
    }

    /// <summary>Stops every limit but that of a word, until another step starts them.</summary>
    internal void Keep(string word)
    {
        _idle.StandStill();
        foreach (var other in _timers.Keys.Where(other => other != word).ToArray())
        {
            Clear(other);
        }
    }

    public void Dispose()
    {
        _over = true;
        _idle.Dispose();
        foreach (var timer in _timers.Values)
        {
            timer.Dispose();
        }
        _timers.Clear();
    }
}
