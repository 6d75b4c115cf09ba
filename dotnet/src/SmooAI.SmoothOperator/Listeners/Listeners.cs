namespace SmooAI.SmoothOperator;

/// <summary>The listeners of one event; one that throws disturbs nobody (REQ-CONN-08).</summary>
internal sealed class Listeners<T>(object sender, Dispatcher dispatcher, Log log, string name, bool removeOnThrow)
{
    private readonly Lock _lock = new();
    private readonly HashSet<EventHandler<T>> _blamed = [];
    private EventHandler<T>[] _handlers = [];

    internal bool Any => _handlers.Length > 0;

    internal void Add(EventHandler<T>? handler)
    {
        if (handler is not null)
        {
            lock (_lock)
            {
                _handlers = [.. _handlers, handler];
            }
        }
    }

    internal void Remove(EventHandler<T>? handler)
    {
        lock (_lock)
        {
            var at = Array.LastIndexOf(_handlers, handler);
            _handlers = at < 0 ? _handlers : [.. _handlers[..at], .. _handlers[(at + 1)..]];
            _blamed.Remove(handler!);
        }
    }

    /// <summary>Has every listener called with the value, later and in order.</summary>
    internal void Raise(T value)
    {
        if (Any)
        {
            dispatcher.Post(() => Call(value));
        }
    }

    private void Call(T value)
    {
        foreach (var handler in _handlers)
        {
            try
            {
                handler(sender, value);
            }
            catch (Exception fault)
            {
                Blame(handler, fault);
            }
        }
    }

    private void Blame(EventHandler<T> handler, Exception fault)
    {
        bool first;
        lock (_lock)
        {
            first = _blamed.Add(handler);
        }
        if (first)
        {
            log.Warning($"A listener of {name} threw.", fault);
        }
        if (removeOnThrow)
        {
            Remove(handler);
        }
    }
}
