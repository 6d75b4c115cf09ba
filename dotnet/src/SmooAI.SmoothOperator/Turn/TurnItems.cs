namespace SmooAI.SmoothOperator;

/// <summary>
/// What a turn has shown: the list from the first item on, and the readers, each with what it has not taken
/// (REQ-TURN-02). Guarded by the gate.
/// </summary>
internal sealed class TurnItems(Accumulator text, Action<Action> atRest)
{
    private readonly ItemQueue _shown = new();
    private readonly List<TurnEnumerator> _readers = [];
    private bool _wakes;

    /// <summary>Iterators that were opened and neither ended nor closed.</summary>
    internal int OpenIterators => _readers.Count;

    internal bool IsEnded { get; private set; }

    /// <summary>What iterators raise after the last item; null when they just end.</summary>
    internal Exception? Error { get; private set; }

    /// <summary>Returns the items so far, within their bound.</summary>
    internal IReadOnlyList<ServerEvent> Snapshot()
    {
        var shown = new List<ServerEvent>(_shown.Count);
        foreach (ref readonly var item in _shown.Items)
        {
            shown.Add(item.Shown(text));
        }
        return shown;
    }

    /// <summary>Shows an item; readers are woken when the batch of frames is over.</summary>
    internal void Append(in TurnItem item)
    {
        _shown.Add(item);
        foreach (var reader in _readers)
        {
            reader.Add(item);
        }
        if (!_wakes && _readers.Count > 0)
        {
            _wakes = true;
            atRest(Wake);
        }
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

    /// <summary>Adds a reader; returns everything shown so far, for it alone.</summary>
    internal ItemQueue Join(TurnEnumerator reader)
    {
        _readers.Add(reader);
        return _shown.Copy();
    }

    internal void Leave(TurnEnumerator reader) => _readers.Remove(reader);

    private void Wake()
    {
        _wakes = false;
        for (var index = _readers.Count - 1; index >= 0; index--)
        {
            _readers[index].Wake(); // one that ends leaves the list
        }
    }
}
