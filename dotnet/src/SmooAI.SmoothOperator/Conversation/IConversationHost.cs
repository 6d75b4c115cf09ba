namespace SmooAI.SmoothOperator;

/// <summary>What a conversation asks of the room above it: the client that carries its actions.</summary>
internal interface IConversationHost
{
    /// <summary>Sends a message of the conversation.</summary>
    ITurn SendMessage(SendMessageAction action, Handlers? handlers, CancellationToken cancellationToken);

    /// <summary>Returns the turn that a conversation runs; null when its session is no replay session (REQ-RESUME-11).</summary>
    ITurn? OpenTurn(string sessionId, string requestId, Handlers? handlers);

    /// <summary>Asks for one page of the conversation's messages.</summary>
    Task<MessagePage> GetConversationMessagesAsync(
        GetConversationMessagesAction action, CancellationToken cancellationToken);
}
