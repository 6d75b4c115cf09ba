using System.Collections.Immutable;

namespace SmooAI.SmoothOperator;

/// <summary>Owns the link: one attempt at a time, the state machine, the close. Decides by the table alone.</summary>
internal sealed class Connection
{
    private readonly ClientContext _context;
    private readonly ILinkListener _listener;
    private readonly Listeners<StateChange> _states;
    private readonly Listeners<FrameSeen> _taps;
    private readonly LinkRunner _runner;
    private ImmutableList<Link> _alive = [];
    private ConnectionState _state = Machines.Connection.Initial;
    private Link? _link;

    internal Connection(
        ClientContext context, ILinkListener listener, Listeners<StateChange> states, Listeners<FrameSeen> taps)
    {
        _context = context;
        _listener = listener;
        _states = states;
        _taps = taps;
        _runner = new LinkRunner(context, this);
    }

    internal ConnectionState State => _state;

    /// <summary>Whether anybody looks at frames.</summary>
    private bool IsTapped => _taps.Any || _context.Log.IsOn;

    /// <summary>Whether an action can be queued now, at once or behind the attempt that runs.</summary>
    internal bool TakesActions => _state is ConnectionState.Open or ConnectionState.Connecting;

    /// <summary>Opens the link or joins the attempt that runs (REQ-CONN-03).</summary>
    internal Task ConnectAsync()
    {
        using (_context.Gate.Enter())
        {
            if (_state == ConnectionState.Open)
            {
                return Task.CompletedTask;
            }
            if (_state != ConnectionState.Connecting)
            {
                Start();
            }
            return _link!.Opened;
        }
    }

    /// <summary>Queues a frame behind those of earlier calls; called inside the gate.</summary>
    internal void Submit(OutboundFrame frame) => _link!.Outbox.Enqueue(frame);

    /// <summary>Closes; returns once nothing of the client runs any more (REQ-CONN-05). Never fails.</summary>
    internal async Task CloseAsync()
    {
        var inListener = _context.Dispatcher.IsCurrent;
        using (_context.Gate.Enter())
        {
            if (_link is { } link)
            {
                End(link, MachineEvent.Close, null);
            }
        }
        var ending = Task.WhenAll(_alive.Select(link => link.Running));
        await (inListener ? ending : WithinLimitAsync(Task.WhenAll(ending, _context.Dispatcher.WhenIdle()), ending))
            .ConfigureAwait(false);
    }

    /// <summary>Waits for everything inside the close limit; after it for the sockets alone, which are dropped by then (REQ-CONN-27).</summary>
    private async Task WithinLimitAsync(Task everything, Task sockets)
    {
        var limit = _context.Options.CloseTimeout;
        if (everything.IsCompleted)
        {
            return;
        }
        if (limit > TimeSpan.Zero)
        {
            using var over = new CancellationTokenSource();
            await Task.WhenAny(everything, Task.Delay(limit, _context.Clock, over.Token)).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
        }
        await sockets.ConfigureAwait(false);
    }

    /// <summary>The handshake succeeded; false when the attempt was given up meanwhile.</summary>
    internal bool Attach(Link link, ITransport transport)
    {
        using (_context.Gate.Enter())
        {
            if (_link != link)
            {
                return false;
            }
            link.Transport = transport;
            link.Limit.Lift();
            Move(MachineEvent.Opened, null, null);
            link.SetOpened();
            link.Outbox.Open(transport);
            return true;
        }
    }

    internal void Fail(Link link, Exception error)
    {
        using (_context.Gate.Enter())
        {
            if (_link == link)
            {
                _link = null;
                Move(MachineEvent.ConnectFailed, null, error as SmoothAgentException);
                link.SetFailed(error);
                link.Outbox.Clear();
                _listener.OnAttemptFailed(error);
            }
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
                if (IsTapped)
                {
                    var received = frame.Event!;
                    var type = (received as UnknownEvent)?.WireType ?? received.Type;
                    Tap(FrameDirection.In, type, received.CorrelationId, received.Received);
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
        const int Limit = 10;
        using (_context.Gate.Enter())
        {
            if (_link != link)
            {
                return;
            }
            if (IsTapped)
            {
                Tap(FrameDirection.In, null, null, text.ToArray());
            }
            if (link.MalformedInARow++ == 0)
            {
                _context.Log.Warning($"A malformed frame of {text.Length} bytes was dropped.");
            }
            if (link.MalformedInARow == Limit)
            {
                End(link, MachineEvent.MalformedLimit, null);
            }
        }
    }

    internal void End(Link link, MachineEvent cause, int? code, long? size = null, string? reason = null)
    {
        using (_context.Gate.Enter())
        {
            if (_link != link)
            {
                return;
            }
            var opening = _state == ConnectionState.Connecting;
            _link = null;
            var closing = Move(cause, code, null);
            if (closing is { } closeCode)
            {
                link.Outbox.Enqueue(OutboundFrame.Close(closeCode));
                _runner.LimitClose(link);
            }
            else
            {
                link.Outbox.Clear();
            }
            if (opening)
            {
                link.SetFailed(Failure.Local(ErrorKinds.ClientClosed));
                _context.Gate.After(link.Limit.GiveUp);
            }
            _listener.OnEnded(new LinkEnd(cause, cause == MachineEvent.Close ? null : code ?? closing, size, reason));
        }
    }

    /// <summary>The attempt and the read loop of a link are over.</summary>
    internal void Forget(Link link) => ImmutableInterlocked.Update(ref _alive, alive => alive.Remove(link));

    private void Start()
    {
        var limit = new AttemptLimit(_context.Options.ConnectTimeout, _context.Clock, _context.Log);
        var link = new Link(_context.Gate, limit, Written);
        _link = link;
        ImmutableInterlocked.Update(ref _alive, alive => alive.Add(link));
        Move(MachineEvent.Connect, null, null);
        link.Settling = (_context.Clock as ISettlingClock)?.Attach(() => SettleAsync(link));
        link.Running = Task.Run(() => _runner.RunAsync(link));
    }

    /// <summary>Comes back when frames are written and listeners were called; a peer that does not read stops no clock.</summary>
    private async Task SettleAsync(Link link)
    {
        var settled = Task.WhenAll(link.Outbox.WhenIdle(), _context.Dispatcher.WhenIdle());
        await Task.WhenAny(settled, Task.Delay(TimeSpan.FromSeconds(1))).ConfigureAwait(false);
    }

    /// <summary>Steps the machine and tells the listeners; returns the code of a close that the table asks for.</summary>
    private int? Move(MachineEvent cause, int? code, SmoothAgentException? error)
    {
        var previous = _state;
        int? closing = null;
        foreach (var effect in Machines.Connection.Step(ref _state, cause))
        {
            if (effect.Kind == EffectKind.Close)
            {
                closing = int.Parse(effect.First, System.Globalization.CultureInfo.InvariantCulture);
            }
            else if (effect.Kind == EffectKind.State)
            {
                var reason = MachineWords.Of(cause);
                _context.Log.Info($"link: {reason}");
                var closed = _state == ConnectionState.Closed && previous == ConnectionState.Open;
                _states.Raise(new StateChange(previous, _state, reason, closed ? code ?? closing : null, error));
            }
        }
        return closing;
    }

    private void Written(OutboundFrame frame)
    {
        if (frame.CloseCode is null)
        {
            Tap(FrameDirection.Out, frame.Action, frame.RequestId, frame.Text);
        }
    }

    private void Tap(FrameDirection direction, string? type, string? id, ReadOnlyMemory<byte> text)
    {
        if (_taps.Any)
        {
            _taps.Raise(new FrameSeen(direction, type, id, text, _context.Clock.GetUtcNow()));
        }
        if (_context.Log.IsOn)
        {
            var seen = new FrameSeen(direction, type, id, text, default);
            _context.Log.Debug(_context.Options.LogPayloads ? $"{seen}: {Redaction.Of(seen)}" : seen.ToString());
        }
    }
}
