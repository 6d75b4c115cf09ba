using System.Text;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// A client of one server. Making one does nothing but check the options; <see cref="ConnectAsync"/> opens the link,
/// <see cref="CloseAsync"/> or disposal closes it. Safe from any thread (REQ-CONN-17).
/// </summary>
public sealed class SmoothAgentClient : IAsyncDisposable, IConversationHost
{
    /// <summary>Words that every session lists (REQ-CALL-07).</summary>
    private static readonly string[] OwnWords =
    [
        .. Capabilities.Rows.Where(row => row.Pending is null && row.ImpliedBy.Contains("always")).Select(row => row.Word),
    ];

    /// <summary>The order of all clients; an ordinal one would go by UTF-16 units.</summary>
    private static readonly Comparer<string> ByCodePoint = Comparer<string>.Create(
        (left, right) => Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right)));

    private readonly ClientContext _context;
    private readonly Supervisor _connection;
    private readonly Caller _caller;
    private readonly TurnStarter _turns;
    private readonly Router _router;
    private readonly Listeners<StateChange> _states;
    private readonly Listeners<ServerEvent> _events;
    private readonly Listeners<FrameInfo> _frames;
    private readonly HashSet<string> _parking = new(StringComparer.Ordinal);
    private bool _disposed;

    /// <summary>Makes a client; opens nothing (REQ-CONN-01).</summary>
    /// <param name="options">The options; copied.</param>
    /// <exception cref="ArgumentException">An option is malformed.</exception>
    public SmoothAgentClient(SmoothAgentClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _context = new ClientContext(options.Checked());
        _states = Listeners<StateChange>(nameof(StateChanged), false);
        _events = Listeners<ServerEvent>(nameof(EventReceived), false);
        _frames = Listeners<FrameInfo>(nameof(FrameTapped), true);
        _router = new Router(_context, _events);
        _connection = new Supervisor(_context, _router, _states, new FrameTap(_context, _frames));
        var sender = new Sender(_context, _connection);
        _caller = new Caller(_context, _router, sender);
        _turns = new TurnStarter(_context, _router, sender, _parking.Contains);
    }

    /// <summary>The link moved; in order, one at a time, never in the frame of the call that caused it (REQ-CONN-07).</summary>
    public event EventHandler<StateChange> StateChanged
    {
        add => _states.Add(value);
        remove => _states.Remove(value);
    }

    /// <summary>An event came that no turn and no call owns (REQ-WIRE-12).</summary>
    public event EventHandler<ServerEvent> EventReceived
    {
        add => _events.Add(value);
        remove => _events.Remove(value);
    }

    /// <summary>A frame went out or came in; a tap that throws is removed (REQ-LOG-02).</summary>
    public event EventHandler<FrameInfo> FrameTapped
    {
        add => _frames.Add(value);
        remove => _frames.Remove(value);
    }

    /// <summary>Where the link stands.</summary>
    public ConnectionState State => _connection.State;

    /// <summary>Opens the link; joins an attempt that runs, does nothing while open (REQ-CONN-03).</summary>
    /// <param name="cancellationToken">Ends the wait; an attempt that others share goes on inside its limit.</param>
    /// <exception cref="ConnectFailedException">The link could not be opened.</exception>
    /// <exception cref="SmoothAuthenticationException">The server refused the credentials.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public Task ConnectAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        return cancellationToken.IsCancellationRequested
            ? Task.FromCanceled(cancellationToken)
            : Observed.Quiet(_connection.ConnectAsync().WaitAsync(cancellationToken));
    }

    /// <summary>Closes the link and settles everything in flight; never throws, may be called at any time (REQ-CONN-05).</summary>
    public Task CloseAsync() => _connection.CloseAsync();

    /// <summary>Closes for good: every later action throws <see cref="ObjectDisposedException"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        _disposed = true;
        await CloseAsync().ConfigureAwait(false);
    }

    /// <summary>Starts a conversation with an agent.</summary>
    /// <param name="action">Whom to talk to; <c>supports</c> is completed by the client's own words.</param>
    /// <param name="cancellationToken">Ends the wait (REQ-CALL-09).</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    public Task<Conversation> StartConversationAsync(
        CreateConversationSessionAction action, CancellationToken cancellationToken = default) =>
        Observed.Quiet(StartAsync(CreateConversationSessionAsync(action, cancellationToken)));

    /// <summary>Takes up a conversation again: a new session on it, or a session as it is (REQ-CALL-08).</summary>
    /// <param name="resume">A conversation and its agent, or a session alone.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ArgumentException">Neither a conversation with its agent nor a session is named.</exception>
    /// <exception cref="SessionNotFoundException">The session is unknown.</exception>
    public Task<Conversation> ResumeConversationAsync(
        ConversationResume resume, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(resume);
        if (resume.ConversationId is { } conversation && resume.AgentId is { } agent && resume.SessionId is null)
        {
            var action = new CreateConversationSessionAction
            {
                AgentId = agent,
                ConversationId = conversation,
                UserName = resume.UserName,
                UserEmail = resume.UserEmail,
                Supports = resume.Supports,
            };
            return StartConversationAsync(action, cancellationToken);
        }
        if (resume.SessionId is not { } session || resume.ConversationId is not null)
        {
            throw new ArgumentException("Name a conversation with its agent, or a session alone.", nameof(resume));
        }
        return Observed.Quiet(KeepAsync(GetSessionAsync(new() { SessionId = session }, cancellationToken)));
    }

    /// <summary>Opens a session.</summary>
    /// <param name="action">The action; <c>supports</c> is completed by the client's own words (REQ-CALL-07).</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet.</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    public Task<CreateConversationSessionResult> CreateConversationSessionAsync(
        CreateConversationSessionAction action, CancellationToken cancellationToken = default) =>
        CallAsync(action, cancellationToken);

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
    public Task<TResult> CallAsync<TResult>(CallAction<TResult> action, CancellationToken cancellationToken = default)
        where TResult : WireObject
    {
        ArgumentNullException.ThrowIfNull(action);
        ThrowIfDisposed();
        return _caller.Call(Completed(action), Learn, cancellationToken);
    }

    /// <summary>Says something in a session; the turn is there at once, its frame queued at the call (REQ-TURN-01).</summary>
    /// <param name="action">The message.</param>
    /// <param name="cancellationToken">Governs the turn: firing stops the server too (REQ-STOP-04).</param>
    /// <exception cref="ArgumentException">The given id is in flight already; nothing was sent.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public Turn SendMessage(SendMessageAction action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        ThrowIfDisposed();
        return _turns.Start(action, cancellationToken);
    }

    /// <summary>Reads a session.</summary>
    /// <param name="action">Which one.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet.</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    public Task<GetSessionResult> GetSessionAsync(GetSessionAction action, CancellationToken cancellationToken = default) =>
        CallAsync(action, cancellationToken);

    /// <summary>Reads one page of a conversation's messages; <see cref="Conversation.MessagesAsync(CancellationToken)"/> reads all.</summary>
    /// <param name="action">Which page.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet.</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    public Task<MessagePage> GetConversationMessagesAsync(
        GetConversationMessagesAction action, CancellationToken cancellationToken = default) =>
        CallAsync(action, cancellationToken);

    /// <summary>Reads one page of the caller's conversations.</summary>
    /// <param name="action">Which page; null for the first.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet.</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    public Task<ConversationPage> ListConversationsAsync(
        ListConversationsAction? action = null, CancellationToken cancellationToken = default) =>
        CallAsync(action ?? new(), cancellationToken);

    /// <summary>Gives a conversation a title.</summary>
    /// <param name="action">Which one, and the title.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is sent if the frame was not written yet.</param>
    /// <exception cref="SmoothAgentException">The server refused, or the link failed.</exception>
    public Task<RenameConversationResult> RenameConversationAsync(
        RenameConversationAction action, CancellationToken cancellationToken = default) =>
        CallAsync(action, cancellationToken);

    /// <summary>Asks the server for a sign of life.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SmoothAgentException">The link failed, or no answer came in time.</exception>
    public Task<Pong> PingAsync(CancellationToken cancellationToken = default)
    {
        var started = _context.Clock.GetTimestamp();
        var pong = CallAsync(new PingAction(), cancellationToken);
        return Observed.Quiet(ReplyAsync(pong, started));
    }

    /// <summary>Answers the confirmation of the live turn with that id, else as a call of its own (REQ-VERB-08).</summary>
    /// <param name="action">The answer.</param>
    /// <param name="cancellationToken">Ends the wait alone.</param>
    /// <exception cref="NoPendingQuestionException">Nothing is open in the live turn; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent.</exception>
    /// <returns>
    /// The turn that began with the answer, when this client did not follow the one that asked and the server goes on
    /// with it; else null (REQ-VERB-15).
    /// </returns>
    public Task<Turn?> ConfirmToolActionAsync(ConfirmToolActionAction action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        ThrowIfDisposed();
        return _turns.Find(action.RequestId) is { } live
            ? Observed.Quiet(NoTurnAsync(live.Actions.Confirm(action.Approved, cancellationToken)))
            : _caller.CallVerb<Turn?>(
                StepTables.Verbs["confirm"],
                action,
                _ => null,
                (in DecodedFrame frame, Outgoing answer) => _turns.Adopt(frame, answer, action.SessionId),
                cancellationToken);
    }

    /// <summary>Gives a code to the live turn with that id, else as a call of its own.</summary>
    /// <param name="action">The code, or a refusal.</param>
    /// <param name="cancellationToken">Ends the wait alone.</param>
    /// <exception cref="NoPendingQuestionException">No code is asked for in the live turn; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">A code is on its way already; nothing was sent.</exception>
    /// <exception cref="UnsupportedException">The server does not know declined codes; nothing was sent.</exception>
    public Task<OtpCheck> VerifyOtpAsync(VerifyOtpAction action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        ThrowIfDisposed();
        if (_turns.Find(action.RequestId) is not { } live)
        {
            return VerifyElsewhere(action, cancellationToken);
        }
        return action.Declined == true
            ? live.Actions.DeclineOtp(OtpCheck.Of, cancellationToken)
            : live.Actions.VerifyOtp(action.Code ?? "", cancellationToken);
    }

    /// <summary>Answers the interaction of the live turn with that id, else as a call of its own.</summary>
    /// <param name="action">The values, or a refusal.</param>
    /// <param name="cancellationToken">Ends the wait alone.</param>
    /// <exception cref="NoPendingQuestionException">Nothing is open in the live turn; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent.</exception>
    public Task<SubmitResult> SubmitInteractionAsync(
        SubmitInteractionAction action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        ThrowIfDisposed();
        if (_turns.Find(action.RequestId) is not { } live)
        {
            return _caller.CallVerb(
                StepTables.Verbs["submit"],
                action,
                SubmitResult.Of,
                (in DecodedFrame frame, Outgoing answer) =>
                    new SubmitResult { Accepted = true, Turn = _turns.Adopt(frame, answer, action.SessionId) },
                cancellationToken);
        }
        return action.Declined == true
            ? live.Actions.Decline(cancellationToken)
            : live.Actions.Submit(action.Values, cancellationToken);
    }

    /// <summary>Stops the live turn with that id; without one, done when the frame is written.</summary>
    /// <param name="action">Which turn.</param>
    /// <param name="cancellationToken">Ends the wait alone.</param>
    public Task CancelAsync(CancelAction action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        ThrowIfDisposed();
        return action.RequestId is { } id && _turns.Find(id) is { } live
            ? Observed.Quiet(live.Actions.Cancel().WaitAsync(cancellationToken))
            : _caller.Write(action, cancellationToken);
    }

    /// <summary>The state; never the address.</summary>
    public override string ToString() => $"{nameof(SmoothAgentClient)} {State}";

    internal Router Router => _router;

    /// <summary>Adds what the client supports to every new session (REQ-CALL-07).</summary>
    private CallAction<T> Completed<T>(CallAction<T> action)
        where T : WireObject
    {
        if ((ClientAction)action is not CreateConversationSessionAction opening)
        {
            return action;
        }
        var words = new SortedSet<string>(OwnWords, ByCodePoint);
        words.UnionWith(_context.Options.Supports ?? []);
        words.UnionWith(opening.Supports ?? []);
        return (CallAction<T>)(ClientAction)(opening with { Supports = [.. words] });
    }

    private Listeners<T> Listeners<T>(string name, bool removeOnThrow) =>
        new(this, _context.Dispatcher, _context.Log, name, removeOnThrow);

    private Task<OtpCheck> VerifyElsewhere(VerifyOtpAction action, CancellationToken cancellationToken)
    {
        if (action.Declined != true)
        {
            return _caller.CallVerb(StepTables.Verbs["verify_otp"], action, OtpCheck.Of, null, cancellationToken);
        }
        using (_context.Gate.Enter())
        {
            if (!_parking.Contains(action.SessionId))
            {
                return Observed.Quiet(Task.FromException<OtpCheck>(Failure.NotParked(facts =>
                    facts with { RequestId = action.RequestId, SessionId = action.SessionId })));
            }
        }
        return _caller.CallVerb(StepTables.Verbs["decline_otp"], action, OtpCheck.Of, null, cancellationToken);
    }

    /// <summary>Keeps, inside the gate, which sessions understand a declined code (REQ-OTP-05).</summary>
    private void Learn(WireObject result)
    {
        if (result is CreateConversationSessionResult session
            && StepTables.Verbs["decline_otp"].Needs is { } needed
            && session.Capabilities?.Contains(needed) == true)
        {
            _parking.Add(session.SessionId);
        }
    }

    private static async Task<Turn?> NoTurnAsync(Task confirming)
    {
        await confirming.ConfigureAwait(false);
        return null;
    }

    private async Task<Conversation> StartAsync(Task<CreateConversationSessionResult> opening)
    {
        var session = await opening.ConfigureAwait(false);
        return new Conversation(
            this, session.SessionId, session.ConversationId, session.AgentName, session.Capabilities ?? []);
    }

    private async Task<Conversation> KeepAsync(Task<GetSessionResult> reading)
    {
        var session = await reading.ConfigureAwait(false);
        return new Conversation(this, session.SessionId, session.ConversationId, session.AgentName, []);
    }

    private async Task<Pong> ReplyAsync(Task<PongEvent> ping, long started)
    {
        var pong = await ping.ConfigureAwait(false);
        return new Pong(pong.Timestamp, _context.Clock.GetElapsedTime(started).TotalMilliseconds);
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);
}
