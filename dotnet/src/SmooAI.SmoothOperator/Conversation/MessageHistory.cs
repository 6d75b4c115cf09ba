using System.Runtime.CompilerServices;

namespace SmooAI.SmoothOperator;

/// <summary>Pages of a conversation's messages, newest first, one at a time (REQ-HIST-01).</summary>
internal static class MessageHistory
{
    internal static async IAsyncEnumerable<ConversationMessage> ReadAsync(
        IConversationHost client, string sessionId, int? limit, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        string? cursor = null;
        while (true)
        {
            var asked = new GetConversationMessagesAction { SessionId = sessionId, Limit = limit, Cursor = cursor };
            var page = await client.GetConversationMessagesAsync(asked, cancellationToken).ConfigureAwait(false);
            foreach (var message in page.Messages)
            {
                yield return message;
            }
            cursor = page.NextCursor.Value;
            if (!page.HasMore || string.IsNullOrEmpty(cursor))
            {
                yield break;
            }
            if (!seen.Add(cursor))
            {
                throw Failure.Local(ErrorKinds.UnexpectedEvent, facts => facts with
                {
                    Reason = "a page cursor was repeated", // REQ-HIST-02
                });
            }
        }
    }
}
