namespace SmooAI.SmoothOperator;

/// <summary>
/// What <see cref="SmoothAgentClient"/> does, for programs that put something else in its place. Disposal closes for
/// good: every later action throws <see cref="ObjectDisposedException"/>.
/// </summary>
public interface ISmoothAgentClient : IAsyncDisposable
{
    /// <summary>The link moved; in order, one at a time, never in the frame of the call that caused it (REQ-CONN-07).</summary>
    event EventHandler<StateChange> StateChanged;

    /// <summary>An event came that no turn and no call owns (REQ-WIRE-12).</summary>
    event EventHandler<ServerEvent> EventReceived;

    /// <summary>A frame went out or came in; a tap that throws is removed (REQ-LOG-02).</summary>
    event EventHandler<FrameInfo> FrameTapped;

    /// <summary>Where the link stands.</summary>
    ConnectionState State { get; }

    /// <summary>What the client counted since it was made (REQ-LOG-03).</summary>
    Counters Counters { get; }

    /// <summary>
    /// Opens the link; joins an attempt that runs, ends the wait before another one, does nothing while open
    /// (REQ-CONN-03, REQ-CONN-35).
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; an attempt that others share goes on inside its limit.</param>
    /// <exception cref="ConnectFailedException">The link could not be opened.</exception>
    /// <exception cref="ReconnectExhaustedException">The last attempt that the option allows failed (REQ-CONN-36).</exception>
    /// <exception cref="SmoothAuthenticationException">The server refused the credentials.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    Task ConnectAsync(CancellationToken cancellationToken = default);

    /// <summary>Closes the link and settles everything in flight; never throws, may be called at any time (REQ-CONN-05).</summary>
    Task CloseAsync();

    /// <summary>
    /// Says that the machine slept, or that there is a network again: an open link is asked whether it lives, the wait
    /// before another attempt ends (REQ-CONN-35, REQ-CONN-39). Does nothing while no link is wanted.
    /// </summary>
    void Wake();

    /// <summary>Starts a conversation with an agent.</summary>
    /// <param name="action">Whom to talk to; <c>supports</c> is completed by the client's own words.</param>
    /// <param name="cancellationToken">Ends the wait (REQ-CALL-09).</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    Task<IConversation> StartConversationAsync(
        CreateConversationSessionAction action, CancellationToken cancellationToken = default);

    /// <summary>Starts a conversation with an agent, whose questions functions answer.</summary>
    /// <param name="action">Whom to talk to; <c>supports</c> is completed by the client's own words and the handlers'.</param>
    /// <param name="handlers">What answers the questions of its turns; comes before the client's (REQ-ASK-01).</param>
    /// <param name="cancellationToken">Ends the wait (REQ-CALL-09).</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    Task<IConversation> StartConversationAsync(
        CreateConversationSessionAction action, Handlers? handlers, CancellationToken cancellationToken = default);

    /// <summary>Takes up a conversation again: a new session on it, or a session as it is (REQ-CALL-08).</summary>
    /// <param name="resume">A conversation and its agent, or a session alone.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ArgumentException">Neither a conversation with its agent nor a session is named.</exception>
    /// <exception cref="SessionNotFoundException">The session is unknown.</exception>
    Task<IConversation> ResumeConversationAsync(
        ConversationResume resume, CancellationToken cancellationToken = default);

    /// <summary>Opens a session.</summary>
    /// <param name="action">The action; <c>supports</c> is completed by the client's own words (REQ-CALL-07).</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet.</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    Task<CreateConversationSessionResult> CreateConversationSessionAsync(
        CreateConversationSessionAction action, CancellationToken cancellationToken = default);

    /// <summary>
    /// Sends any action that has one answer and gives that answer; its frame is queued at the call. What
    /// opens, resumes or stops a turn is no call. The named methods are this one under the protocol's words.
    /// </summary>
    /// <typeparam name="TResult">What the answer holds; follows from the action.</typeparam>
    /// <param name="action">The action; without a <c>RequestId</c> the client draws one (REQ-CALL-01).</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet (REQ-CALL-09).</param>
    /// <exception cref="ArgumentException">The given id is in flight already; nothing was sent.</exception>
    /// <exception cref="SmoothAgentException">The server refused, the link failed, or another event answered (REQ-CALL-03).</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    Task<TResult> CallAsync<TResult>(CallAction<TResult> action, CancellationToken cancellationToken = default)
        where TResult : WireObject;

    /// <summary>Says something in a session; the turn is there at once, its frame queued at the call (REQ-TURN-01).</summary>
    /// <param name="action">The message.</param>
    /// <param name="cancellationToken">Governs the turn: firing stops the server too (REQ-STOP-04).</param>
    /// <exception cref="ArgumentException">The given id is in flight already; nothing was sent.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    ITurn SendMessage(SendMessageAction action, CancellationToken cancellationToken = default);

    /// <summary>Says something in a session, functions answering the questions of the turn.</summary>
    /// <param name="action">The message.</param>
    /// <param name="handlers">What answers; comes before the client's (REQ-ASK-01).</param>
    /// <param name="cancellationToken">Governs the turn: firing stops the server too (REQ-STOP-04).</param>
    /// <exception cref="ArgumentException">The given id is in flight already; nothing was sent.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    ITurn SendMessage(SendMessageAction action, Handlers? handlers, CancellationToken cancellationToken = default);

    /// <summary>Reads a session.</summary>
    /// <param name="action">Which one.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet.</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    Task<GetSessionResult> GetSessionAsync(GetSessionAction action, CancellationToken cancellationToken = default);

    /// <summary>Reads one page of a conversation's messages; <see cref="IConversation.MessagesAsync(CancellationToken)"/> reads all.</summary>
    /// <param name="action">Which page.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet.</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    Task<MessagePage> GetConversationMessagesAsync(
        GetConversationMessagesAction action, CancellationToken cancellationToken = default);

    /// <summary>Reads one page of the caller's conversations.</summary>
    /// <param name="action">Which page; null for the first.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet.</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    Task<ConversationPage> ListConversationsAsync(
        ListConversationsAction? action = null, CancellationToken cancellationToken = default);

    /// <summary>Gives a conversation a title.</summary>
    /// <param name="action">Which one, and the title.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet.</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    Task<RenameConversationResult> RenameConversationAsync(
        RenameConversationAction action, CancellationToken cancellationToken = default);

    /// <summary>Asks the server for a sign of life.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SmoothAgentException">The link failed, or no answer came in time.</exception>
    Task<Pong> PingAsync(CancellationToken cancellationToken = default);

    /// <summary>Answers the confirmation of the live turn with that id, else as a call of its own (REQ-VERB-08).</summary>
    /// <param name="action">The answer.</param>
    /// <param name="cancellationToken">Ends the wait alone.</param>
    /// <exception cref="NoPendingQuestionException">Nothing is open in the live turn; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent.</exception>
    /// <returns>
    /// The turn that began with the answer, when this client did not follow the one that asked and the server goes on
    /// with it; else null (REQ-VERB-15).
    /// </returns>
    Task<ITurn?> ConfirmToolActionAsync(ConfirmToolActionAction action, CancellationToken cancellationToken = default);

    /// <summary>Gives a code to the live turn with that id, else as a call of its own.</summary>
    /// <param name="action">The code, or a refusal.</param>
    /// <param name="cancellationToken">Ends the wait alone.</param>
    /// <exception cref="NoPendingQuestionException">No code is asked for in the live turn; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">A code is on its way already; nothing was sent.</exception>
    /// <exception cref="UnsupportedException">The server does not know declined codes; nothing was sent.</exception>
    Task<OtpCheck> VerifyOtpAsync(VerifyOtpAction action, CancellationToken cancellationToken = default);

    /// <summary>Answers the interaction of the live turn with that id, else as a call of its own.</summary>
    /// <param name="action">The values, or a refusal.</param>
    /// <param name="cancellationToken">Ends the wait alone.</param>
    /// <exception cref="NoPendingQuestionException">Nothing is open in the live turn; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent.</exception>
    Task<SubmitResult> SubmitInteractionAsync(
        SubmitInteractionAction action, CancellationToken cancellationToken = default);

    /// <summary>Stops the live turn with that id; without one, done when the frame is queued.</summary>
    /// <param name="action">Which turn.</param>
    /// <param name="cancellationToken">Ends the wait alone.</param>
    Task CancelAsync(CancelAction action, CancellationToken cancellationToken = default);
}
