using Microsoft.Extensions.AI;

namespace SmooAI.SmoothOperator.Extensions.AI;

/// <summary>
/// One turn over several calls of a chat client: between them it waits for an answer, its iteration stays open, and so
/// nothing is lost and nothing stops it. Used by one call at a time.
/// </summary>
internal sealed class ParkedTurn : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping;
    private readonly IAsyncEnumerator<ServerEvent> _events;
    private readonly Updates _updates;
    private bool _ended;

    private ParkedTurn(ITurn turn, IConversation conversation, CancellationTokenSource stopping)
    {
        Turn = turn;
        _stopping = stopping;
        _updates = new Updates(turn, conversation);
        // The token governs the turn already; an iteration with one of its own would end before the turn's own end is told.
        _events = turn.GetAsyncEnumerator(CancellationToken.None);
    }

    internal ITurn Turn { get; }

    /// <summary>What was asked last; null before the first question.</summary>
    internal InputRequestContent? Asked => _updates.Asked;

    /// <summary>Whether the update that came last asks something.</summary>
    internal bool IsAsking { get; private set; }

    internal static ParkedTurn Start(IConversation conversation, string text, SendOptions options)
    {
        var stopping = new CancellationTokenSource();
        return new ParkedTurn(conversation.Send(text, options, stopping.Token), conversation, stopping);
    }

    /// <summary>Has a call's token stop the turn for as long as the call lasts.</summary>
    internal CancellationTokenRegistration Follow(CancellationToken cancellationToken) =>
        cancellationToken.UnsafeRegister(static self => ((ParkedTurn)self!)._stopping.Cancel(), this);

    /// <summary>Gives the answer to what was asked last.</summary>
    /// <exception cref="ArgumentException">It answers a question of another kind.</exception>
    internal async Task AnswerAsync(InputResponseContent answer, CancellationToken cancellationToken)
    {
        var asked = Asked;
        switch (answer)
        {
            case ToolApprovalResponseContent approval when asked is ToolApprovalRequestContent:
                await Turn.ConfirmAsync(approval.Approved, cancellationToken).ConfigureAwait(false);
                break;
            case OtpResponseContent { Code: { } code } when asked is OtpRequestContent:
                await Turn.VerifyOtpAsync(code, cancellationToken).ConfigureAwait(false);
                break;
            case OtpResponseContent when asked is OtpRequestContent:
                await Turn.DeclineAsync(QuestionKind.Otp, cancellationToken).ConfigureAwait(false);
                break;
            case InteractionResponseContent { Values: { } values } when asked is InteractionRequestContent:
                await Turn.SubmitAsync(values, cancellationToken).ConfigureAwait(false);
                break;
            case InteractionResponseContent when asked is InteractionRequestContent:
                await Turn.DeclineAsync(QuestionKind.Interaction, cancellationToken).ConfigureAwait(false);
                break;
            default:
                throw new ArgumentException($"A {answer.GetType().Name} does not answer a {asked?.GetType().Name}.", nameof(answer));
        }
    }

    /// <summary>Returns what comes next; null behind the end.</summary>
    /// <exception cref="OperationCanceledException">The call's token fired; the server was told to stop.</exception>
    internal async Task<ChatResponseUpdate?> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (!_ended && await _events.MoveNextAsync().ConfigureAwait(false))
            {
                if (_updates.Of(_events.Current) is { } update)
                {
                    IsAsking = update.Contents.Any(content => content is InputRequestContent);
                    return update;
                }
            }
            IsAsking = false;
            return _ended ? null : await EndAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The turn was stopped by a token of its own: the caller knows only the one it gave.
            throw new OperationCanceledException(cancellationToken);
        }
    }

    /// <summary>Stops the turn where nobody can wait for it.</summary>
    internal void Abandon()
    {
        _stopping.Cancel();
        _ = _events.DisposeAsync().AsTask();
    }

    public async ValueTask DisposeAsync()
    {
        await _events.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task<ChatResponseUpdate> EndAsync()
    {
        _ended = true;
        return _updates.Last(await Turn.GetResultAsync(CancellationToken.None).ConfigureAwait(false));
    }
}
