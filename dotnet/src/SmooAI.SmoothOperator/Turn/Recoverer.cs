using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// Finds out what became of a message: on a replay session the server is asked first (REQ-RESUME-12), else the history of
/// the session (REQ-TURN-30). Holds nothing of a turn.
/// </summary>
/// <param name="read">Reads one page of the history.</param>
/// <param name="lists">Whether the server listed a capability word for a session.</param>
/// <param name="replays">Whether the turns of a session outlive their link (REQ-RESUME-01).</param>
/// <param name="inquiries">Asks the server.</param>
internal sealed class Recoverer(
    Func<GetConversationMessagesAction, CancellationToken, Task<MessagePage>> read,
    Func<string, string, bool> lists,
    Func<string, bool> replays,
    TurnInquiries inquiries)
{
    /// <summary>Capability word of servers whose histories name requestIds.</summary>
    private const string Tells = "spec_1_2";

    /// <summary>Finds out what became of the message of a turn; throws when nobody can be asked.</summary>
    internal async Task<Recovery> RecoverAsync(TurnDriver turn, CancellationToken cancellationToken)
    {
        if (replays(turn.SessionId))
        {
            var fate = await inquiries.FateAsync(turn, cancellationToken).ConfigureAwait(false);
            if (fate != TurnFate.Over)
            {
                return new(fate == TurnFate.Never ? RecoveryStatus.NotDelivered : RecoveryStatus.Unknown);
            }
        }
        return await FindAsync(turn.SessionId, turn.RequestId, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Looks for the message in the newest ten pages; throws what the reading throws.</summary>
    private async Task<Recovery> FindAsync(string sessionId, string requestId, CancellationToken cancellationToken)
    {
        ConversationMessage? answer = null;
        string? cursor = null;
        for (var page = 0; page < Limits.RecoverPages; page++)
        {
            var asked = new GetConversationMessagesAction { SessionId = sessionId, Cursor = cursor };
            var got = await read(asked, cancellationToken).ConfigureAwait(false);
            foreach (var message in got.Messages.Where(message => message.RequestId == requestId))
            {
                if (message.Direction == MessageDirection.Inbound)
                {
                    return Found(message, answer);
                }
                answer ??= message;
            }
            cursor = got.NextCursor.Value;
            if (!got.HasMore || string.IsNullOrEmpty(cursor))
            {
                var proved = answer is null && lists(sessionId, Tells);
                return new(proved ? RecoveryStatus.NotDelivered : RecoveryStatus.Unknown);
            }
        }
        return new(RecoveryStatus.Unknown);
    }

    private static Recovery Found(ConversationMessage said, ConversationMessage? answer)
    {
        if (said.Turn == StoredTurn.Completed && answer is not null)
        {
            return new(RecoveryStatus.Answered, answer);
        }
        var over = said.Turn == StoredTurn.Completed || said.Turn == StoredTurn.Cancelled || said.Turn == StoredTurn.Failed;
        return new(over ? RecoveryStatus.NotAnswered : RecoveryStatus.Unknown);
    }
}
