namespace SmooAI.SmoothOperator;

/// <summary>What a conversation asks of the room above it: the client that carries its actions.</summary>
internal interface IConversationHost
{
    /// <summary>Sends a message of the conversation.</summary>
    ITurn SendMessage(SendMessageAction action, CancellationToken cancellationToken);

    /// <summary>Asks for one page of the conversation's messages.</summary>
    Task<MessagePage> GetConversationMessagesAsync(
        GetConversationMessagesAction action, CancellationToken cancellationToken);
}
