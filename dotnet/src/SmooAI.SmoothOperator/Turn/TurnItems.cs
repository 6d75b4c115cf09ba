namespace SmooAI.SmoothOperator;

/// <summary>The events of a turn in one list; every iterator holds a place in it (REQ-TURN-02). Guarded by the gate.</summary>
internal sealed class TurnItems
{
    private readonly List<ServerEvent> _items = [];
    private readonly List<TurnEnumerator> _waiting = [];

    /// <summary>Iterators that were opened and neither ended nor closed.</summary>
    internal int OpenIterators { get; set; }

    internal bool IsEnded { get; private set; }

    /// <summary>What iterators raise after the last item; null when they just end.</summary>
    internal Exception? Error { get; private set; }

    internal int Count => _items.Count;

    internal ServerEvent this[int index] => _items[index];

    internal IReadOnlyList<ServerEvent> Snapshot() => [.. _items];

    internal void Append(ServerEvent item)
    {
        _items.Add(item);
        Wake();
    }

    /// <summary>No item follows; the first end counts.</summary>
    internal void End(Exception? error)
    {
        if (!IsEnded)
        {
            IsEnded = true;
            Error = error;
            Wake();
        }
    }

    internal void Wait(TurnEnumerator iterator) => _waiting.Add(iterator);

    internal void Leave(TurnEnumerator iterator) => _waiting.Remove(iterator);

    private void Wake()
    {
        if (_waiting.Count == 0)
        {
            return;
        }
        var woken = _waiting.ToArray();
        _waiting.Clear();
        foreach (var iterator in woken)
        {
            iterator.Wake();
        }
    }
}
