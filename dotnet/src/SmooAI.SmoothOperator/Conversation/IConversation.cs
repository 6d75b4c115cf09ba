namespace SmooAI.SmoothOperator;

/// <summary>One conversation with an agent, on one session. Safe from any thread; owns nothing that must be closed.</summary>
public interface IConversation
{
    /// <summary>Session that every action of the conversation names.</summary>
    string SessionId { get; }

    /// <summary>The conversation itself; it survives the session.</summary>
    string ConversationId { get; }

    /// <summary>Display name of the agent, where the server said it.</summary>
    string? AgentName { get; }

    /// <summary>Capability words of the server; empty when it listed none.</summary>
    IReadOnlyList<string> Capabilities { get; }

    /// <summary>Says something; the frame is queued at the call (REQ-TURN-01).</summary>
    /// <param name="text">What the person said.</param>
    /// <param name="cancellationToken">Governs the turn: firing stops the server too.</param>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    ITurn Send(string text, CancellationToken cancellationToken = default);

    /// <summary>Says something with the optional fields of the action.</summary>
    /// <param name="text">What the person said.</param>
    /// <param name="options">Optional fields; null for none.</param>
    /// <param name="cancellationToken">Governs the turn: firing stops the server too.</param>
    /// <exception cref="ArgumentException">The given id is in flight already; nothing was sent.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    ITurn Send(string text, SendOptions? options, CancellationToken cancellationToken = default);

    /// <summary>Says something and waits for the whole answer.</summary>
    /// <param name="text">What the person said.</param>
    /// <param name="cancellationToken">Firing stops the server too.</param>
    /// <exception cref="SmoothAgentException">The turn failed.</exception>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    Task<TurnResult> AskAsync(string text, CancellationToken cancellationToken = default);

    /// <summary>Says something with the optional fields of the action and waits for the whole answer.</summary>
    /// <param name="text">What the person said.</param>
    /// <param name="options">Optional fields; null for none.</param>
    /// <param name="cancellationToken">Firing stops the server too.</param>
    /// <exception cref="SmoothAgentException">The turn failed.</exception>
    Task<TurnResult> AskAsync(string text, SendOptions? options, CancellationToken cancellationToken = default);

    /// <summary>
    /// Returns the turn that ran when this conversation was opened, from its first event on; null when the server named
    /// none, or the session is no replay session (REQ-RESUME-11).
    /// </summary>
    /// <remarks>
    /// After a restart of the program, or on a second device, it is taken up: suspended until the server has told its
    /// events, at once when the link is open. A turn that this client has already is that one, while it has not settled.
    /// </remarks>
    /// <exception cref="ArgumentException">An answer by the turn's id, without the turn, waits for the server.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    ITurn? OpenTurn();

    /// <summary>Reads the messages, newest first; a page is asked for when it is needed (REQ-HIST-01).</summary>
    /// <param name="cancellationToken">Ends the wait for a page.</param>
    IAsyncEnumerable<ConversationMessage> MessagesAsync(CancellationToken cancellationToken = default);

    /// <summary>Reads the messages, newest first, in pages of a size.</summary>
    /// <param name="limit">Messages on a page; not a total.</param>
    /// <param name="cancellationToken">Ends the wait for a page.</param>
    IAsyncEnumerable<ConversationMessage> MessagesAsync(int limit, CancellationToken cancellationToken = default);
}
