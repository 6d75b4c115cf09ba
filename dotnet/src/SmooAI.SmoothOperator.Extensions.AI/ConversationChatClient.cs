using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace SmooAI.SmoothOperator.Extensions.AI;

/// <summary>
/// A conversation behind <see cref="IChatClient"/>. The server keeps the history, runs the tools and knows the
/// instructions: of the messages only what comes behind the last answer is sent, and of the options
/// <see cref="ChatOptions.ModelId"/> alone counts, beside <see cref="SendOptions"/> from
/// <see cref="ChatOptions.RawRepresentationFactory"/>.
/// </summary>
/// <remarks>
/// <para>
/// A question of the agent that no handler of the conversation answers ends the response, and the turn waits behind it: a
/// confirmation is a <see cref="ToolApprovalRequestContent"/>, a one-time code an <see cref="OtpRequestContent"/>, an
/// interaction an <see cref="InteractionRequestContent"/>. The next call goes on with the same turn and has to bring the
/// response with that <see cref="InputRequestContent.RequestId"/>.
/// </para>
/// <para>
/// Every update names the turn (<see cref="ChatResponseUpdate.ResponseId"/>) and the conversation
/// (<see cref="ChatResponseUpdate.ConversationId"/>), and has its event in
/// <see cref="ChatResponseUpdate.RawRepresentation"/>; the last one has the <see cref="TurnResult"/>, whose text has
/// authority over what was streamed (REQ-SRV-10). Calls and results of tools are told for information: they ran at the server.
/// </para>
/// <para>
/// Cancelling a call, leaving its stream early and disposing the client while a question waits stop the turn at the
/// server, too. <see cref="IChatClient.GetService"/> gives the <see cref="IConversation"/>, the <see cref="ITurn"/> that waits
/// for an answer, and <see cref="ChatClientMetadata"/>.
/// </para>
/// </remarks>
public sealed class ConversationChatClient : IChatClient
{
    private static readonly ChatClientMetadata Metadata = new("smooth-operator");

    private readonly IConversation _conversation;
    private readonly Lock _gate = new();
    private ParkedTurn? _parked;
    private bool _disposed;

    internal ConversationChatClient(IConversation conversation) => _conversation = conversation;

    /// <summary>Says the last message, or answers the question that is open, and waits for the whole answer.</summary>
    /// <param name="messages">The talk so far, or what is new of it.</param>
    /// <param name="options">See the class; null for none.</param>
    /// <param name="cancellationToken">Firing stops the server too.</param>
    /// <returns>The answer; or what the agent asks, in its last content.</returns>
    /// <exception cref="ArgumentException">The messages hold nothing to say, or name another conversation.</exception>
    /// <exception cref="InvalidOperationException">A question is open, and no message answers it; nothing was sent.</exception>
    /// <exception cref="SmoothAgentException">The turn failed.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in RunAsync(messages, options, stream: false, cancellationToken).ConfigureAwait(false))
        {
            updates.Add(update);
        }
        var response = updates.ToChatResponse();
        response.RawRepresentation = updates[^1].RawRepresentation;
        return response;
    }

    /// <summary>Says the last message, or answers the question that is open, and gives the answer as it comes.</summary>
    /// <param name="messages">The talk so far, or what is new of it.</param>
    /// <param name="options">See the class; null for none.</param>
    /// <param name="cancellationToken">Firing stops the server too.</param>
    /// <returns>One update an event; behind the last one the turn has ended, or waits for an answer.</returns>
    /// <exception cref="ArgumentException">The messages hold nothing to say, or name another conversation.</exception>
    /// <exception cref="InvalidOperationException">A question is open, and no message answers it; nothing was sent.</exception>
    /// <exception cref="SmoothAgentException">The turn failed.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        RunAsync(messages, options, stream: true, cancellationToken);

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? Metadata
            : serviceType == typeof(IConversation) ? _conversation
            : serviceType == typeof(ITurn) ? Waiting?.Turn
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <summary>Stops the turn that waits for an answer, if one does. The conversation and its client stay as they are.</summary>
    public void Dispose()
    {
        ParkedTurn? waiting;
        lock (_gate)
        {
            _disposed = true;
            (waiting, _parked) = (_parked, null);
        }
        waiting?.Abandon();
    }

    private ParkedTurn? Waiting
    {
        get
        {
            lock (_gate)
            {
                return _parked;
            }
        }
    }

    private async IAsyncEnumerable<ChatResponseUpdate> RunAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options,
        bool stream,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ObjectDisposedException.ThrowIf(_disposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (options?.ConversationId is { } other && other != _conversation.ConversationId)
        {
            throw new ArgumentException("The options name another conversation than that of the chat client.", nameof(options));
        }
        var talk = messages as IReadOnlyCollection<ChatMessage> ?? [.. messages];
        var (turn, answer) = Taken(talk);
        turn ??= ParkedTurn.Start(_conversation, Outgoing.Of(talk), Outgoing.OptionsOf(this, talk, options, stream));
        var parked = false;
        try
        {
            using var following = turn.Follow(cancellationToken);
            if (answer is not null)
            {
                await turn.AnswerAsync(answer, cancellationToken).ConfigureAwait(false);
            }
            while (await turn.NextAsync(cancellationToken).ConfigureAwait(false) is { } update)
            {
                parked = turn.IsAsking && Park(turn);
                yield return update;
                if (parked)
                {
                    yield break;
                }
            }
        }
        finally
        {
            if (!parked)
            {
                await turn.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Takes the turn that waits, with the content that answers it; nothing when none waits.</summary>
    private (ParkedTurn? Turn, InputResponseContent? Answer) Taken(IEnumerable<ChatMessage> messages)
    {
        lock (_gate)
        {
            if (_parked is not { } turn)
            {
                return default;
            }
            if (turn.Turn.Outcome is not null && turn.Turn.OpenQuestions.Count == 0)
            {
                // It ended while nobody looked: its question lapsed, or somebody stopped it.
                _parked = null;
                turn.Abandon();
                return default;
            }
            var answer = messages.SelectMany(message => message.Contents).OfType<InputResponseContent>()
                .LastOrDefault(content => content.RequestId == turn.Asked!.RequestId);
            if (answer is null)
            {
                throw new InvalidOperationException(
                    $"The agent waits for the answer to request '{turn.Asked!.RequestId}': give a message that holds it.");
            }
            _parked = null;
            return (turn, answer);
        }
    }

    private bool Park(ParkedTurn turn)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _parked = turn;
            return true;
        }
    }
}
