namespace SmooAI.SmoothOperator;

/// <summary>One move of the link (REQ-CONN-02).</summary>
/// <param name="Previous">State before.</param>
/// <param name="Current">State now.</param>
/// <param name="Reason">The event of the connection machine that caused it, such as <c>closed_by_peer</c>.</param>
/// <param name="Code">Close code of a link that ended; null otherwise.</param>
/// <param name="Error">Error of a failed attempt; null otherwise.</param>
public sealed record StateChange(
    ConnectionState Previous, ConnectionState Current, string Reason, int? Code = null, SmoothAgentException? Error = null);
