using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>The last 1,024 ids that were settled: their late frames reach the tap alone (REQ-TURN-06).</summary>
internal sealed class SettledIds
{
    private readonly Queue<string> _order = new();
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal);

    internal int Count => _ids.Count;

    internal void Add(string id)
    {
        if (!_ids.Add(id))
        {
            return;
        }
        _order.Enqueue(id);
        if (_order.Count > Limits.SettledIds)
        {
            _ids.Remove(_order.Dequeue());
        }
    }

    internal bool Contains(string id) => _ids.Contains(id);
}
