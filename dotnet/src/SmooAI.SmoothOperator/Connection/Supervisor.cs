using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// Owns the link of a client: its state, one attempt at a time, the frames that wait for it, the close. Decides by the
/// table alone.
/// </summary>
/// <remarks>
/// Every event goes the same way: first the machine of the link, then the frames that wait, then calls and turns; an
/// attempt that follows begins when all that is done.
/// </remarks>
internal sealed class Supervisor
{
    private readonly ClientContext _context;
    private readonly ILinkListener _listener;
    private readonly Listeners<StateChange> _states;
    private readonly Outbox _outbox;
    private readonly Seeking _seeking;
    private readonly Liveness _liveness;
    private readonly Network _network;
    private readonly Running _running;
    private string _state = StepMachines.Connection.Initial;
    private TaskCompletionSource? _waited;
    private Attempt? _attempt;
    private Link? _link;
    private Link? _before;

    internal Supervisor(ClientContext context, ILinkListener listener, Listeners<StateChange> states, FrameTap tap)
    {
        (_context, _listener, _states, Tap) = (context, listener, states, tap);
        _outbox = new Outbox(context.Clock);
        _running = new Running(context);
        _seeking = new Seeking(context, () => Happens(LocalEvent.RetryDue));
        _liveness = new Liveness(context, OnTimer);
        _network = new Network(() => IsWanted, () => Happens(LocalEvent.Online), context.Log);
    }

    internal ConnectionState State => States.Connection(_state);

    internal FrameTap Tap { get; }

    /// <summary>Whether an attempt runs.</summary>
    internal bool IsAttempting => _attempt is not null;

    /// <summary>Whether a session was opened or found: events of it may be missed (REQ-CONN-42).</summary>
    internal bool KnowsSession { get; set; }

    /// <summary>Whether a frame that is written now leaves at once.</summary>
    internal bool IsLinked => _link is not null;

    /// <summary>How the last link was lost; null when none was.</summary>
    internal LinkEnd? Ending { get; private set; }

    private bool IsSought => State is ConnectionState.Connecting or ConnectionState.Reconnecting;

    private bool IsWanted => State is not (ConnectionState.Idle or ConnectionState.Closed);

    /// <summary>Opens the link, or joins the attempt that runs or follows at once (REQ-CONN-03, REQ-CONN-35).</summary>
    internal Task ConnectAsync()
    {
        using (_context.Gate.Enter())
        {
            Seek();
            return IsSought
                ? (_waited ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task
                : Task.CompletedTask;
        }
    }

    /// <summary>Takes an event that ends nothing: the machine woke, a wait is over, the platform has a network again.</summary>
    internal void Happens(string word)
    {
        using (_context.Gate.Enter())
        {
            Step(word, Outlook.Hopeless);
            BeginAttempt();
        }
    }

    /// <summary>Queues a frame behind those of earlier calls; called inside the gate.</summary>
    /// <returns>The kind of error that refuses it; null when it is queued.</returns>
    internal string? Submit(Outgoing frame)
    {
        if (_link is null && Refusal() is { } refusal)
        {
            return refusal;
        }
        _outbox.Put(frame);
        if (!IsWanted)
        {
            Seek();
        }
        return null;
    }

    /// <summary>
    /// Writes a frame of what began before, or keeps it for the link that is sought, however many wait; where none is, it
    /// is dropped. Called inside the gate.
    /// </summary>
    internal void Put(Outgoing frame)
    {
        if (IsLinked || IsSought)
        {
            _outbox.Put(frame);
        }
    }

    /// <summary>The socket has a frame.</summary>
    internal void Flushed(Outgoing frame)
    {
        using (_context.Gate.Enter())
        {
            _context.Tally.FramesOut++;
            _outbox.Flushed(frame);
        }
    }

    /// <summary>Closes; returns once nothing of the client runs any more (REQ-CONN-05). Never fails.</summary>
    internal async Task CloseAsync()
    {
        var inListener = _context.Dispatcher.IsCurrent;
        using (_context.Gate.Enter())
        {
            if (IsWanted)
            {
                var running = Stop();
                Step(LocalEvent.Close, Outlook.Hopeless);
                _outbox.LinkGone(LocalEvent.Close, sought: false);
                Answer(Failure.Local(ErrorKinds.ClientClosed, facts => facts with { Host = _context.Host }));
                _listener.OnEnded(new(LocalEvent.Close, null));
                if (running is not null)
                {
                    _context.Gate.After(running.Limit.GiveUp);
                }
            }
        }
        await _running.WhenOverAsync(inListener).ConfigureAwait(false);
    }

    /// <summary>Something came, for the first time in a batch.</summary>
    internal void Heard(Link link)
    {
        if (_link == link)
        {
            _liveness.Heard();
        }
    }

    /// <summary>A well-formed frame came; what comes after the end of the link is dropped.</summary>
    internal void Receive(Link link, in DecodedFrame frame)
    {
        using (_context.Gate.Enter())
        {
            if (_link == link)
            {
                link.MalformedInARow = 0;
                if (Tap.IsWanted)
                {
                    Tap.Show(frame.Event!);
                }
                _listener.OnEvent(frame);
            }
        }
    }

    /// <summary>The socket has nothing more for now.</summary>
    internal void Rest()
    {
        using (_context.Gate.Enter())
        {
            _listener.OnRest();
        }
    }

    /// <summary>A frame that is no event came (REQ-WIRE-04).</summary>
    internal void ReceiveMalformed(Link link, ReadOnlyMemory<byte> text)
    {
        using (_context.Gate.Enter())
        {
            if (_link != link)
            {
                return;
            }
            _context.Tally.DroppedFrames++;
            if (Tap.IsWanted)
            {
                Tap.ShowMalformed(text);
            }
            if (link.MalformedInARow++ == 0)
            {
                _context.Log.Warning($"A malformed frame of {text.Length} bytes was dropped.");
            }
            if (link.MalformedInARow == Limits.MalformedInARow)
            {
                End(link, new(LocalEvent.MalformedLimit, null));
            }
        }
    }

    /// <summary>Takes the link down for a reason of the connection machine.</summary>
    internal void End(Link link, LinkEnd end)
    {
        using (_context.Gate.Enter())
        {
            if (_link != link)
            {
                return;
            }
            _listener.OnRest(); // what came in one batch with the end is shown: its turns may go on
            Stop();
            var step = Step(end.Cause, Outlook.AfterClose(end.Code), end.Code);
            if (!step.IsClosing)
            {
                link.Drop();
            }
            _outbox.LinkGone(end.Cause, IsSought);
            Ending = end with { Code = step.News.Code, Sought = IsSought };
            _listener.OnEnded(Ending);
            BeginAttempt();
        }
    }

    /// <summary>Tells one move of the link.</summary>
    internal void Tell(StateChange news)
    {
        var foundAgain = news is { Previous: ConnectionState.Reconnecting, Current: ConnectionState.Open };
        Log(news);
        _states.Raise(news with { Missed = foundAgain && KnowsSession });
        _context.Gate.After(_network.Follow);
    }

    /// <summary>Closes the socket of the link that has just ended.</summary>
    internal void CloseSocket(int code) => _before!.Close(code);

    /// <summary>The error of a client that gives up seeking a link (REQ-CONN-36).</summary>
    internal Exception Exhausted(Exception? last) => Failure.Local(
        ErrorKinds.ReconnectExhausted, facts => facts with { Host = _context.Host, Cause = last });

    /// <summary>Writes a ping of the client's own (REQ-CONN-38); an id source that breaks is no end of the program.</summary>
    internal void Ping(bool probes)
    {
        try
        {
            _outbox.Put(_listener.DrawPing());
        }
        catch (Exception fault)
        {
            _context.Log.Warning("No ping went out: its id could not be drawn.", fault);
            return;
        }
        if (probes)
        {
            _liveness.Probed();
        }
        else
        {
            _liveness.Pinged();
        }
    }

    /// <summary>Why no action may start without a link (REQ-CONN-09, REQ-CONN-40); null when it may.</summary>
    private string? Refusal()
    {
        var options = _context.Options;
        var fails = State == ConnectionState.Reconnecting && options.QueuePolicy == QueuePolicy.FailFast;
        if (fails || (!IsSought && !options.Lazy))
        {
            return ErrorKinds.NotConnected;
        }
        return _outbox.CountWaiting() >= options.QueueLimit ? ErrorKinds.QueueFull : null;
    }

    /// <summary>Begins to seek a link, or ends the wait before the next attempt.</summary>
    private void Seek()
    {
        if (!IsWanted)
        {
            _seeking.Begin();
        }
        Happens(LocalEvent.Connect);
    }

    private void OnTimer(string word)
    {
        if (word is LocalEvent.PongTimeout or LocalEvent.ProbeFailed && _link is { } link)
        {
            End(link, new(word, null));
        }
        else
        {
            Happens(word);
        }
    }

    /// <summary>Drops timers, link and attempt; returns the attempt, which may have to be given up.</summary>
    private Attempt? Stop()
    {
        _liveness.End();
        _seeking.Stop();
        var running = _attempt;
        _before = _link ?? _before;
        (_attempt, _link) = (null, null);
        return running;
    }

    /// <summary>Steps the machine of the link and carries out what it says.</summary>
    private LinkActs Step(string word, Outlook outlook, int? code = null, Exception? error = null)
    {
        var acts = new LinkActs(this, _seeking, new StateChange(State, State, word, code, error), outlook);
        foreach (var effect in StepMachines.Connection.Step(ref _state, word, _seeking.FactsOf(outlook)))
        {
            effect.Do(acts);
        }
        return acts;
    }

    /// <summary>Logs a move in one line; one that nobody asked for and that nothing follows is a warning (REQ-CONN-41).</summary>
    private void Log(StateChange news)
    {
        var code = news.Code is { } known ? $" (close code {known})" : "";
        var error = news.Error is null ? "" : $", {(news.Error as SmoothAgentException)?.Kind ?? ErrorKinds.ConnectFailed}";
        var next = news.RetryIn is { } wait ? $"; attempt {news.Attempt} in {wait.TotalMilliseconds:0} ms" : "";
        var line = $"link: {news.Reason}{code}{error}{next}";
        var isGivenUp = news is { Current: ConnectionState.Closed, Reason: not LocalEvent.Close };
        if (isGivenUp)
        {
            _context.Log.Warning(line, news.Error);
        }
        else
        {
            _context.Log.Info(line);
        }
    }

    /// <summary>Begins the attempt that follows the step, if one does.</summary>
    private void BeginAttempt()
    {
        if (_seeking.Take() is not { } request)
        {
            return;
        }
        var (attempt, before) = (new Attempt(_context), _before);
        _attempt = attempt;
        _running.Start(() => RunAsync(attempt, request, before));
    }

    /// <summary>Leads an attempt to its end, and the link that came of it.</summary>
    private async Task RunAsync(Attempt attempt, TokenRequest request, Link? before)
    {
        Link? link = null;
        using (attempt)
        using ((_context.Clock as ISettlingClock)?.Attach(() => SettleAsync(link)))
        {
            ISocket socket;
            try
            {
                socket = await attempt.OpenAsync(request, before).ConfigureAwait(false);
            }
            catch (Exception fault)
            {
                Fail(attempt, attempt.Explain(fault));
                return;
            }
            link = Adopt(attempt, socket);
            if (link is null)
            {
                socket.Dispose();
                return;
            }
            await RunAsync(link).ConfigureAwait(false);
        }
    }

    /// <summary>Reads a link to its end; a socket that breaks its word is a lost link (REQ-CONN-41).</summary>
    private async Task RunAsync(Link link)
    {
        try
        {
            await link.RunAsync().ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            _context.Log.Warning("A socket failed as it was given up.", fault);
            End(link, new(LocalEvent.Lost, WebSocketTransport.AbnormalClosure));
        }
    }

    /// <summary>Takes over an open socket; null when the attempt was given up meanwhile.</summary>
    private Link? Adopt(Attempt attempt, ISocket socket)
    {
        using (_context.Gate.Enter())
        {
            if (_attempt != attempt)
            {
                return null;
            }
            attempt.Limit.Lift();
            (_attempt, _link) = (null, new Link(_context, this, socket));
            _context.Tally.Connects++;
            _context.Tally.Reconnects += State == ConnectionState.Reconnecting ? 1 : 0;
            Step(LocalEvent.Opened, Outlook.Hopeless);
            _context.Watch.Attempt(_context.Host, null);
            _liveness.Begin();
            Answer(null);
            _outbox.LinkReady(_link, _listener.OnOpened);
            return _link;
        }
    }

    private void Fail(Attempt attempt, AttemptFailure failure)
    {
        using (_context.Gate.Enter())
        {
            if (_attempt != attempt)
            {
                return;
            }
            (_attempt, _seeking.Error) = (null, failure.Error);
            var error = Step(LocalEvent.ConnectFailed, failure.Outlook, error: failure.Error).News.Error ?? failure.Error;
            _context.Watch.Attempt(_context.Host, failure.Error);
            _outbox.LinkGone(LocalEvent.ConnectFailed, IsSought);
            if (State != ConnectionState.Connecting)
            {
                Answer(error);
            }
            _listener.OnAttemptFailed(error, IsSought);
            BeginAttempt();
        }
    }

    /// <summary>Tells those who wait in connect what came of it.</summary>
    private void Answer(Exception? error)
    {
        if (_waited is not { } waited)
        {
            return;
        }
        _waited = null;
        _context.Gate.After(() =>
        {
            if (error is null)
            {
                waited.TrySetResult();
            }
            else
            {
                waited.TrySetException(error);
                _ = waited.Task.Exception; // seen: nobody has to await an attempt that a lazy call started
            }
        });
    }

    /// <summary>Comes back when handlers and listeners were called and frames are written; a peer that does not read stops no clock.</summary>
    private Task SettleAsync(Link? link) => Task.WhenAny(SettledAsync(link), Task.Delay(TimeSpan.FromSeconds(1)));

    private async Task SettledAsync(Link? link)
    {
        await _context.Beside.WhenBegun().ConfigureAwait(false);
        await Task.WhenAll(link?.WhenIdle() ?? Task.CompletedTask, _context.Dispatcher.WhenIdle()).ConfigureAwait(false);
    }
}
