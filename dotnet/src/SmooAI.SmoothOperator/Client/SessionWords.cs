using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>The capability words that a server listed, of the last 1,024 sessions. Guarded by the gate.</summary>
internal sealed class SessionWords(ClientContext context)
{
    private readonly Queue<string> _order = new();
    private readonly Dictionary<string, IReadOnlyList<string>> _words = new(StringComparer.Ordinal);

    /// <summary>Keeps what the answer to a new session says.</summary>
    internal void Learn(CreateConversationSessionResult session)
    {
        if (_words.TryAdd(session.SessionId, []))
        {
            _order.Enqueue(session.SessionId);
        }
        _words[session.SessionId] = session.Capabilities ?? [];
        if (_order.Count > Limits.SettledIds)
        {
            _words.Remove(_order.Dequeue());
        }
    }

    /// <summary>Whether the server listed a word for a session.</summary>
    internal bool Lists(string sessionId, string word)
    {
        using (context.Gate.Enter())
        {
            return _words.TryGetValue(sessionId, out var words) && words.Contains(word);
        }
    }
}
