namespace SmooAI.SmoothOperator;

/// <summary>How a conversation is taken up again: on a conversation with its agent, or on a session alone (REQ-CALL-08).</summary>
public sealed record ConversationResume
{
    /// <summary>Conversation to go on with, in a new session; needs <see cref="AgentId"/>.</summary>
    public string? ConversationId { get; init; }

    /// <summary>Agent to talk to.</summary>
    public string? AgentId { get; init; }

    /// <summary>Session to go on with as it is; alone.</summary>
    public string? SessionId { get; init; }

    /// <summary>Name that the agent sees for the person.</summary>
    public string? UserName { get; init; }

    /// <summary>E-mail address of the person.</summary>
    public string? UserEmail { get; init; }

    /// <summary>Capability words beside those of the client.</summary>
    public IReadOnlyList<string>? Supports { get; init; }

    /// <summary>What answers the questions of its turns; comes before the client's (REQ-ASK-01).</summary>
    public Handlers? Handlers { get; init; }

    /// <summary>Names the type and nothing else: values are private.</summary>
    public override string ToString() => nameof(ConversationResume);
}
