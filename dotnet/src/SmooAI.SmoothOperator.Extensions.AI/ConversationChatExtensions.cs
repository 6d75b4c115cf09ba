using Microsoft.Extensions.AI;

namespace SmooAI.SmoothOperator.Extensions.AI;

/// <summary>Makes chat clients of conversations.</summary>
public static class ConversationChatExtensions
{
    /// <summary>Returns the conversation as a chat client, whose messages are turns of it.</summary>
    /// <param name="conversation">The conversation. It stays its owner's: disposing the chat client closes no link.</param>
    /// <returns>A client for one message at a time; see <see cref="ConversationChatClient"/> for what it does with what.</returns>
    /// <exception cref="ArgumentNullException">There is no conversation.</exception>
    public static IChatClient AsChatClient(this IConversation conversation)
    {
        ArgumentNullException.ThrowIfNull(conversation);
        return new ConversationChatClient(conversation);
    }
}
