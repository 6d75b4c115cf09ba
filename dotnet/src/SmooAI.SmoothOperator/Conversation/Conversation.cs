namespace SmooAI.SmoothOperator;

/// <summary>One conversation with an agent, on one session. Safe from any thread; owns nothing that must be closed.</summary>
public sealed class Conversation
{
    private readonly IConversationHost _client;

    internal Conversation(
        IConversationHost client, string sessionId, string conversationId, string? agentName, IReadOnlyList<string> capabilities)
    {
        _client = client;
        SessionId = sessionId;
        ConversationId = conversationId;
        AgentName = agentName;
        Capabilities = capabilities;
    }

    /// <summary>Session that every action of the conversation names.</summary>
    public string SessionId { get; }

    /// <summary>The conversation itself; it survives the session.</summary>
    public string ConversationId { get; }

    /// <summary>Display name of the agent, where the server said it.</summary>
    public string? AgentName { get; }

    /// <summary>Capability words of the server; empty when it listed none.</summary>
    public IReadOnlyList<string> Capabilities { get; }

    /// <summary>Says something; the frame is queued at the call (REQ-TURN-01).</summary>
    /// <param name="text">What the person said.</param>
    /// <param name="cancellationToken">Governs the turn: firing stops the server too.</param>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public Turn Send(string text, CancellationToken cancellationToken = default) => Send(text, null, cancellationToken);

    /// <summary>Says something with the optional fields of the action.</summary>
    /// <param name="text">What the person said.</param>
    /// <param name="options">Optional fields; null for none.</param>
    /// <param name="cancellationToken">Governs the turn: firing stops the server too.</param>
    /// <exception cref="ArgumentException">The given id is in flight already; nothing was sent.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public Turn Send(string text, SendOptions? options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        var action = new SendMessageAction
        {
            SessionId = SessionId,
            Message = text,
            RequestId = options?.RequestId,
            Stream = options?.Stream,
            Model = options?.Model,
            Skill = options?.Skill,
            Images = options?.Images,
            Files = options?.Files,
        };
        return _client.SendMessage(action, cancellationToken);
    }

    /// <summary>Says something and waits for the whole answer.</summary>
    /// <param name="text">What the person said.</param>
    /// <param name="cancellationToken">Firing stops the server too.</param>
    /// <exception cref="SmoothAgentException">The turn failed.</exception>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    public Task<TurnResult> AskAsync(string text, CancellationToken cancellationToken = default) =>
        Send(text, cancellationToken).Completion;

    /// <summary>Says something with the optional fields of the action and waits for the whole answer.</summary>
    /// <param name="text">What the person said.</param>
    /// <param name="options">Optional fields; null for none.</param>
    /// <param name="cancellationToken">Firing stops the server too.</param>
    /// <exception cref="SmoothAgentException">The turn failed.</exception>
    public Task<TurnResult> AskAsync(string text, SendOptions? options, CancellationToken cancellationToken = default) =>
        Send(text, options, cancellationToken).Completion;

    /// <summary>Reads the messages, newest first; a page is asked for when it is needed (REQ-HIST-01).</summary>
    /// <param name="cancellationToken">Ends the wait for a page.</param>
    public IAsyncEnumerable<ConversationMessage> MessagesAsync(CancellationToken cancellationToken = default) =>
        MessageHistory.ReadAsync(_client, SessionId, null, cancellationToken);

    /// <summary>Reads the messages, newest first, in pages of a size.</summary>
    /// <param name="limit">Messages on a page; not a total.</param>
    /// <param name="cancellationToken">Ends the wait for a page.</param>
    public IAsyncEnumerable<ConversationMessage> MessagesAsync(int limit, CancellationToken cancellationToken = default) =>
        MessageHistory.ReadAsync(_client, SessionId, limit, cancellationToken);

    /// <summary>The ids; never what was said.</summary>
    public override string ToString() => $"Conversation {ConversationId} on {SessionId}";
}
