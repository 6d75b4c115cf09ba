using System.Text;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// Capability words: those that the client lists, and those that a server listed, of the last 1,024 sessions. Guarded by
/// the gate.
/// </summary>
internal sealed class SessionWords(ClientContext context)
{
    /// <summary>Word of sessions whose turns outlive their link.</summary>
    private const string Replay = "replay";

    /// <summary>The order of all clients; an ordinal one would go by UTF-16 units.</summary>
    private static readonly Comparer<string> ByCodePoint = Comparer<string>.Create(
        (left, right) => Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right)));

    /// <summary>Words that every session lists (REQ-CALL-07).</summary>
    private readonly string[] _implied =
    [
        .. Capabilities.Rows
            .Where(row => row.Pending is null && Array.Exists(row.ImpliedBy, reason => Holds(reason, context.Options)))
            .Select(row => row.Word),
    ];

    private readonly Queue<string> _order = new();
    private readonly Dictionary<string, IReadOnlyList<string>> _words = new(StringComparer.Ordinal);

    /// <summary>Returns an action that opens a session with all that the client supports (REQ-CALL-07).</summary>
    internal CreateConversationSessionAction Completed(CreateConversationSessionAction opening)
    {
        var words = new SortedSet<string>(_implied, ByCodePoint);
        words.UnionWith(context.Options.Handlers?.Words() ?? []);
        words.UnionWith(context.Options.Supports ?? []);
        words.UnionWith(opening.Supports ?? []);
        return opening with { Supports = [.. words] };
    }

    /// <summary>Keeps what the server listed for a session; null changes nothing.</summary>
    internal void Learn(string sessionId, IReadOnlyList<string>? listed)
    {
        if (_words.TryAdd(sessionId, []))
        {
            _order.Enqueue(sessionId);
        }
        _words[sessionId] = listed ?? _words[sessionId];
        if (_order.Count > Limits.SettledIds)
        {
            _words.Remove(_order.Dequeue());
        }
    }

    /// <summary>Returns the words that the server listed for a session.</summary>
    internal IReadOnlyList<string> Of(string sessionId)
    {
        using (context.Gate.Enter())
        {
            return _words.GetValueOrDefault(sessionId, []);
        }
    }

    /// <summary>Whether the server listed a word for a session.</summary>
    internal bool Lists(string sessionId, string word) => Of(sessionId).Contains(word);

    /// <summary>Whether the turns of a session outlive their link (REQ-RESUME-01).</summary>
    internal bool Replays(string sessionId) => _implied.Contains(Replay) && Lists(sessionId, Replay);

    private static bool Holds(string reason, SmoothAgentClientOptions options) => reason switch
    {
        "always" => true,
        "option autoReconnect" => options.Seeks,
        _ => false,
    };
}
