namespace SmooAI.SmoothOperator;

/// <summary>A conversation on the client that started it.</summary>
internal sealed class Conversation : IConversation
{
    private readonly IConversationHost _client;
    private readonly Handlers? _handlers;
    private readonly string? _running;

    internal Conversation(
        IConversationHost client,
        string sessionId,
        string conversationId,
        string? agentName,
        IReadOnlyList<string> capabilities,
        Handlers? handlers,
        string? running)
    {
        (_handlers, _running) = (handlers, running);
        _client = client;
        SessionId = sessionId;
        ConversationId = conversationId;
        AgentName = agentName;
        Capabilities = capabilities;
    }

    public string SessionId { get; }

    public string ConversationId { get; }

    public string? AgentName { get; }

    public IReadOnlyList<string> Capabilities { get; }

    public ITurn Send(string text, CancellationToken cancellationToken = default) => Send(text, null, cancellationToken);

    public ITurn Send(string text, SendOptions? options, CancellationToken cancellationToken = default)
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
        return _client.SendMessage(action, Handlers.Merged(_handlers, options?.Handlers), cancellationToken);
    }

    public Task<TurnResult> AskAsync(string text, CancellationToken cancellationToken = default) =>
        Send(text, cancellationToken).Completion;

    public Task<TurnResult> AskAsync(string text, SendOptions? options, CancellationToken cancellationToken = default) =>
        Send(text, options, cancellationToken).Completion;

    public ITurn? OpenTurn() => _running is null ? null : _client.OpenTurn(SessionId, _running, _handlers);

    public IAsyncEnumerable<ConversationMessage> MessagesAsync(CancellationToken cancellationToken = default) =>
        MessageHistory.ReadAsync(_client, SessionId, null, cancellationToken);

    public IAsyncEnumerable<ConversationMessage> MessagesAsync(int limit, CancellationToken cancellationToken = default) =>
        MessageHistory.ReadAsync(_client, SessionId, limit, cancellationToken);

    /// <summary>The ids; never what was said.</summary>
    public override string ToString() => $"Conversation {ConversationId} on {SessionId}";
}
