using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>What one reader of a turn has not taken, bounded (REQ-TURN-21). Guarded by the gate.</summary>
internal sealed class ItemQueue
{
    /// <summary>Items that are kept as they came.</summary>
    internal const int MostItems = Limits.IteratorItems;

    /// <summary>Bytes of frames that are kept.</summary>
    internal const long MostBytes = Limits.IteratorBytes;

    private const int FirstItems = 16;

    private TurnItem[] _items = new TurnItem[FirstItems];
    private int _from;
    private long _bytes;

    internal int Count { get; private set; }

    /// <summary>Whether merging did not bring it below its bound: nothing more is taken in (REQ-TURN-22).</summary>
    internal bool IsOver { get; private set; }

    /// <summary>The items, the oldest first.</summary>
    internal ReadOnlySpan<TurnItem> Items => _items.AsSpan(_from, Count);

    /// <summary>Takes an item in.</summary>
    /// <param name="item">The item.</param>
    /// <param name="held">Items that the reader has in its hand; they count.</param>
    internal void Add(in TurnItem item, int held = 0)
    {
        if (IsOver)
        {
            return;
        }
        if (IsFull(item, held) && Count > 0)
        {
            if (Join(item))
            {
                return;
            }
            MergeAll();
            if (IsFull(item, held))
            {
                IsOver = true;
                return;
            }
        }
        Append(item);
    }

    /// <summary>Moves the oldest items into a reader's hand; returns how many.</summary>
    internal int Take(TurnItem[] hand)
    {
        var count = Math.Min(hand.Length, Count);
        Items[..count].CopyTo(hand);
        foreach (ref readonly var item in hand.AsSpan(0, count))
        {
            _bytes -= item.Bytes;
        }
        Array.Clear(_items, _from, count);
        Count -= count;
        _from = Count == 0 ? 0 : _from + count;
        return count;
    }

    /// <summary>Returns a queue with the same items, for another reader.</summary>
    internal ItemQueue Copy() => new()
    {
        _items = Count == 0 ? new TurnItem[FirstItems] : Items.ToArray(),
        _bytes = _bytes,
        Count = Count,
        IsOver = IsOver,
    };

    private bool IsFull(in TurnItem next, int held) => Count + held >= MostItems || _bytes + next.Bytes > MostBytes;

    private bool Join(in TurnItem item)
    {
        ref var last = ref _items[_from + Count - 1];
        if (!last.IsContinuedBy(item))
        {
            return false;
        }
        _bytes += item.Bytes - last.Bytes;
        last = last.Joined(item);
        return true;
    }

    private void Append(in TurnItem item)
    {
        if (_from + Count == _items.Length)
        {
            var room = _from > _items.Length / 2 ? _items : new TurnItem[_items.Length * 2];
            Items.CopyTo(room);
            Array.Clear(room, Count, room.Length - Count);
            (_items, _from) = (room, 0);
        }
        _items[_from + Count++] = item;
        _bytes += item.Bytes;
    }

    /// <summary>Merges every run of tokens into one item.</summary>
    private void MergeAll()
    {
        var items = Items.ToArray();
        Array.Clear(_items);
        (_from, Count, _bytes) = (0, 0, 0);
        foreach (ref readonly var item in items.AsSpan())
        {
            if (Count == 0 || !Join(item))
            {
                Append(item);
            }
        }
    }
}
