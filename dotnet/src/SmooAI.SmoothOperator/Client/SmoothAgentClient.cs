using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// A client of one server. Making one does nothing but check the options; <see cref="ConnectAsync"/> opens the link,
/// <see cref="CloseAsync"/> or disposal closes it. Safe from any thread (REQ-CONN-17).
/// </summary>
public sealed class SmoothAgentClient : ISmoothAgentClient, IConversationHost
{
    private readonly ClientContext _context;
    private readonly Supervisor _connection;
    private readonly Caller _caller;
    private readonly TurnStarter _turns;
    private readonly Router _router;
    private readonly Listeners<StateChange> _states;
    private readonly Listeners<ServerEvent> _events;
    private readonly Listeners<FrameInfo> _frames;
    private readonly SessionWords _sessions;
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
        _sessions = new SessionWords(_context);
        _turns = new TurnStarter(
            _context,
            _router,
            sender,
            _sessions.Lists,
            _sessions.Replays,
            new Recoverer(GetConversationMessagesAsync, _sessions.Lists, _sessions.Replays, new TurnInquiries(_context, _router, sender)));
    }

    /// <inheritdoc/>
    public event EventHandler<StateChange> StateChanged
    {
        add => _states.Add(value);
        remove => _states.Remove(value);
    }

    /// <inheritdoc/>
    public event EventHandler<ServerEvent> EventReceived
    {
        add => _events.Add(value);
        remove => _events.Remove(value);
    }

    /// <inheritdoc/>
    public event EventHandler<FrameInfo> FrameTapped
    {
        add => _frames.Add(value);
        remove => _frames.Remove(value);
    }

    /// <inheritdoc/>
    public ConnectionState State => _connection.State;

    /// <inheritdoc/>
    public Counters Counters => new()
    {
        Connects = _context.Tally.Connects,
        Reconnects = _context.Tally.Reconnects,
        FramesIn = _context.Tally.FramesIn,
        FramesOut = _context.Tally.FramesOut,
        DroppedFrames = _context.Tally.DroppedFrames,
        OpenTurns = _turns.OpenTurns,
        ResumedTurns = _context.Tally.ResumedTurns,
    };

    /// <inheritdoc/>
    public Task ConnectAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        return cancellationToken.IsCancellationRequested
            ? Task.FromCanceled(cancellationToken)
            : Observed.Quiet(_connection.ConnectAsync().WaitAsync(cancellationToken));
    }

    /// <inheritdoc/>
    public Task CloseAsync() => _connection.CloseAsync();

    /// <inheritdoc/>
    public void Wake() => _connection.Happens(LocalEvent.Wake);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _disposed = true;
        await CloseAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<IConversation> StartConversationAsync(
        CreateConversationSessionAction action, CancellationToken cancellationToken = default) =>
        StartConversationAsync(action, null, cancellationToken);

    /// <inheritdoc/>
    public Task<IConversation> StartConversationAsync(
        CreateConversationSessionAction action, Handlers? handlers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        if (handlers?.Words().ToArray() is { Length: > 0 } words)
        {
            action = action with { Supports = [.. action.Supports ?? [], .. words] };
        }
        return Observed.Quiet(StartAsync(CreateConversationSessionAsync(action, cancellationToken), handlers));
    }

    /// <inheritdoc/>
    public Task<IConversation> ResumeConversationAsync(
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
            return StartConversationAsync(action, resume.Handlers, cancellationToken);
        }
        if (resume.SessionId is not { } session || resume.ConversationId is not null)
        {
            throw new ArgumentException("Name a conversation with its agent, or a session alone.", nameof(resume));
        }
        return Observed.Quiet(KeepAsync(GetSessionAsync(new() { SessionId = session }, cancellationToken), resume.Handlers));
    }

    /// <inheritdoc/>
    public Task<CreateConversationSessionResult> CreateConversationSessionAsync(
        CreateConversationSessionAction action, CancellationToken cancellationToken = default) =>
        CallAsync(action, cancellationToken);

    /// <inheritdoc/>
    public Task<TResult> CallAsync<TResult>(CallAction<TResult> action, CancellationToken cancellationToken = default)
        where TResult : WireObject
    {
        ArgumentNullException.ThrowIfNull(action);
        ThrowIfDisposed();
        return _caller.Call(Completed(action), Learn, cancellationToken);
    }

    /// <inheritdoc/>
    public ITurn SendMessage(SendMessageAction action, CancellationToken cancellationToken = default) =>
        SendMessage(action, null, cancellationToken);

    /// <inheritdoc/>
    public ITurn SendMessage(SendMessageAction action, Handlers? handlers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        ThrowIfDisposed();
        return _turns.Start(action, handlers, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<GetSessionResult> GetSessionAsync(GetSessionAction action, CancellationToken cancellationToken = default) =>
        CallAsync(action, cancellationToken);

    /// <inheritdoc/>
    public Task<MessagePage> GetConversationMessagesAsync(
        GetConversationMessagesAction action, CancellationToken cancellationToken = default) =>
        CallAsync(action, cancellationToken);

    /// <inheritdoc/>
    public Task<ConversationPage> ListConversationsAsync(
        ListConversationsAction? action = null, CancellationToken cancellationToken = default) =>
        CallAsync(action ?? new(), cancellationToken);

    /// <inheritdoc/>
    public Task<RenameConversationResult> RenameConversationAsync(
        RenameConversationAction action, CancellationToken cancellationToken = default) =>
        CallAsync(action, cancellationToken);

    /// <inheritdoc/>
    public Task<Pong> PingAsync(CancellationToken cancellationToken = default)
    {
        var started = _context.Clock.GetTimestamp();
        var pong = CallAsync(new PingAction(), cancellationToken);
        return Observed.Quiet(ReplyAsync(pong, started));
    }

    /// <inheritdoc/>
    public Task<ITurn?> ConfirmToolActionAsync(ConfirmToolActionAction action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        ThrowIfDisposed();
        return _turns.Find(action.RequestId) is { } live
            ? Observed.Quiet(NoTurnAsync(live.Actions.Confirm(action.Approved, cancellationToken)))
            : _caller.CallVerb<ITurn?>(
                StepTables.Verbs["confirm"],
                action,
                _ => null,
                (in DecodedFrame frame, Outgoing answer) => _turns.Adopt(frame, answer, action.SessionId),
                cancellationToken);
    }

    /// <inheritdoc/>
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

    /// <inheritdoc/>
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

    /// <inheritdoc/>
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

    ITurn? IConversationHost.OpenTurn(string sessionId, string requestId, Handlers? handlers)
    {
        ThrowIfDisposed();
        return _turns.Open(sessionId, requestId, handlers);
    }

    /// <summary>Adds what the client supports to every new session (REQ-CALL-07).</summary>
    private CallAction<T> Completed<T>(CallAction<T> action)
        where T : WireObject => (ClientAction)action is CreateConversationSessionAction opening
        ? (CallAction<T>)(ClientAction)_sessions.Completed(opening)
        : action;

    private Listeners<T> Listeners<T>(string name, bool removeOnThrow) =>
        new(this, _context.Dispatcher, _context.Log, name, removeOnThrow);

    private Task<OtpCheck> VerifyElsewhere(VerifyOtpAction action, CancellationToken cancellationToken)
    {
        if (action.Declined != true)
        {
            return _caller.CallVerb(StepTables.Verbs["verify_otp"], action, OtpCheck.Of, null, cancellationToken);
        }
        if (!_sessions.Lists(action.SessionId, StepTables.Verbs["decline_otp"].Needs!))
        {
            return Observed.Quiet(Task.FromException<OtpCheck>(Failure.NotParked(facts =>
                facts with { RequestId = action.RequestId, SessionId = action.SessionId })));
        }
        return _caller.CallVerb(StepTables.Verbs["decline_otp"], action, OtpCheck.Of, null, cancellationToken);
    }

    /// <summary>Keeps, inside the gate, what answers say of sessions (REQ-OTP-05, REQ-CONN-42).</summary>
    private void Learn(WireObject result)
    {
        _connection.KnowsSession |= result is CreateConversationSessionResult or GetSessionResult;
        if (result is CreateConversationSessionResult session)
        {
            _sessions.Learn(session.SessionId, session.Capabilities);
        }
        else if (result is GetSessionResult found)
        {
            _sessions.Learn(found.SessionId, found.Capabilities);
        }
    }

    private static async Task<ITurn?> NoTurnAsync(Task confirming)
    {
        await confirming.ConfigureAwait(false);
        return null;
    }

    private async Task<IConversation> StartAsync(Task<CreateConversationSessionResult> opening, Handlers? handlers)
    {
        var session = await opening.ConfigureAwait(false);
        return Opened(session.SessionId, session.ConversationId, session.AgentName, session.OpenTurn, handlers);
    }

    private async Task<IConversation> KeepAsync(Task<GetSessionResult> reading, Handlers? handlers)
    {
        var session = await reading.ConfigureAwait(false);
        return Opened(session.SessionId, session.ConversationId, session.AgentName, session.OpenTurn, handlers);
    }

    private Conversation Opened(string sessionId, string conversationId, string? agentName, OpenTurn? running, Handlers? handlers) =>
        new(this, sessionId, conversationId, agentName, _sessions.Of(sessionId), handlers, running?.RequestId);

    private async Task<Pong> ReplyAsync(Task<PongEvent> ping, long started)
    {
        var pong = await ping.ConfigureAwait(false);
        return new Pong(pong.Timestamp, _context.Clock.GetElapsedTime(started).TotalMilliseconds);
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);
}
