namespace SmooAI.SmoothOperator.Testing;

/// <summary>One message of a conversation, as a fake server keeps it.</summary>
public sealed record StoredMessage
{
    internal StoredMessage(string id, string direction, string text, string requestId, DateTimeOffset createdAt)
    {
        (Id, Direction, Text, RequestId, CreatedAt) = (id, direction, text, requestId, createdAt);
    }

    /// <summary>Its id.</summary>
    public string Id { get; }

    /// <summary><c>inbound</c> from a person, <c>outbound</c> from the agent.</summary>
    public string Direction { get; }

    /// <summary>What was said.</summary>
    public string Text { get; }

    /// <summary>The turn that it belongs to.</summary>
    public string RequestId { get; }

    /// <summary>When it was said, by the server's clock.</summary>
    public DateTimeOffset CreatedAt { get; }

    /// <summary>How the turn stands that an inbound message opened: <c>running</c>, <c>completed</c>, <c>cancelled</c>, <c>failed</c>; else null.</summary>
    public string? Turn { get; internal set; }
}
