namespace SmooAI.SmoothOperator;

/// <summary>Who waits for which id. Routes every frame to its owner; guarded by the gate.</summary>
internal sealed class Router(ClientContext context, Listeners<ServerEvent> pushed) : ILinkListener
{
    private readonly Dictionary<string, IInFlight> _live = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<IInFlight>> _tails = new(StringComparer.Ordinal);
    private readonly SettledIds _settled = new();
    private readonly HashSet<string> _warned = new(StringComparer.Ordinal);
    private readonly List<Action> _atRest = [];
    private long _order;

    internal int LiveCount => _live.Count;

    internal int TailCount => _tails.Count;

    /// <exception cref="ArgumentException">The id is in flight already; nothing was sent (REQ-CALL-01).</exception>
    internal void Register(string id, IInFlight inFlight)
    {
        if (!_live.TryAdd(id, inFlight))
        {
            throw new ArgumentException($"The requestId '{id}' is in flight already.", nameof(id));
        }
        inFlight.Order = _order++;
    }

    internal void Release(string id)
    {
        _live.Remove(id);
        _settled.Add(id);
    }

    /// <summary>Returns the live owner of an id.</summary>
    internal IInFlight? Find(string id) => _live.GetValueOrDefault(id);

    /// <summary>Lets an inFlight hear the frames of an id that no live one owns: a verb that still waits.</summary>
    internal void AddTail(string id, IInFlight inFlight)
    {
        if (!_tails.TryGetValue(id, out var list))
        {
            _tails[id] = list = [];
        }
        if (!list.Contains(inFlight))
        {
            list.Add(inFlight);
        }
    }

    internal void RemoveTail(string id, IInFlight inFlight)
    {
        if (_tails.TryGetValue(id, out var list) && list.Remove(inFlight) && list.Count == 0)
        {
            _tails.Remove(id);
        }
    }

    /// <summary>Returns the live owners.</summary>
    internal IReadOnlyCollection<IInFlight> Live() => _live.Values;

    /// <summary>Returns everything that waits beside the live owners.</summary>
    internal IReadOnlyList<IInFlight> Tails() => [.. _tails.Values.SelectMany(list => list)];

    internal IReadOnlyList<IInFlight> Tails(string id) => _tails.TryGetValue(id, out var list) ? [.. list] : [];

    public void OnEvent(in DecodedFrame frame)
    {
        var received = frame.Event!;
        var id = received.CorrelationId;
        if (received is UnknownEvent unknown)
        {
            Warn(unknown);
        }
        if (id is not null && _live.TryGetValue(id, out var owner))
        {
            owner.OnEvent(frame);
        }
        else if (!OfferTails(id, frame) && (id is null || !_settled.Contains(id)))
        {
            Push(received);
        }
    }

    /// <summary>Offers a frame to the verbs that wait for its id, the oldest first (REQ-TURN-06).</summary>
    private bool OfferTails(string? id, in DecodedFrame frame)
    {
        if (id is null || !_tails.TryGetValue(id, out var tails))
        {
            return false;
        }
        foreach (var tail in tails.ToArray())
        {
            if (tail.OnEvent(frame))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Gives an event that nobody owns to the listeners; keepalive goes to the tap alone (REQ-WIRE-12).</summary>
    internal void Push(ServerEvent received)
    {
        if (received is not KeepaliveEvent)
        {
            pushed.Raise(received);
        }
    }

    /// <summary>Does something when the batch of frames is over; called inside the gate.</summary>
    internal void AtRest(Action action) => _atRest.Add(action);

    public void OnRest()
    {
        foreach (var action in _atRest)
        {
            action();
        }
        _atRest.Clear();
    }

    /// <summary>A message goes out: an older OTP question of its session is over (REQ-OTP-03).</summary>
    internal void OnNextSend(string sessionId)
    {
        foreach (var inFlight in Everybody())
        {
            inFlight.OnNextSend(sessionId);
        }
    }

    /// <summary>Draws the id of a message that the client sends again on its own; a source that breaks ends nothing (REQ-ASK-11).</summary>
    internal string AnotherId()
    {
        try
        {
            var drawn = context.Ids.Next();
            if (!_live.ContainsKey(drawn))
            {
                return drawn;
            }
        }
        catch (Exception fault)
        {
            context.Log.Warning("No id for a message could be drawn.", fault);
        }
        return context.Ids.Unsent();
    }

    public Outgoing DrawPing()
    {
        var ping = Sender.Encode(new PingAction(), context.Ids.Next());
        _settled.Add(ping.RequestId!);
        return ping;
    }

    public void OnOpened()
    {
        foreach (var inFlight in Everybody())
        {
            inFlight.OnOpened();
        }
    }

    public void OnAttemptFailed(Exception error, bool sought)
    {
        foreach (var inFlight in Everybody())
        {
            inFlight.OnAttemptFailed(error, sought);
        }
    }

    public void OnEnded(LinkEnd end)
    {
        foreach (var inFlight in Everybody())
        {
            inFlight.OnEnded(end);
        }
    }

    /// <summary>Everything that waits, in the order in which it began.</summary>
    private IInFlight[] Everybody() =>
        [.. _live.Values.OrderBy(inFlight => inFlight.Order), .. _tails.Values.SelectMany(list => list)];

    /// <summary>Warns once about each type that is not understood; a peer that invents many gets no endless log.</summary>
    private void Warn(UnknownEvent unknown)
    {
        const int Enough = 64;
        var text = unknown.Problem is { } problem
            ? $"The body of a '{unknown.WireType}' is broken at '{problem.Pointer}' ({problem.Kind})."
            : $"An event of the unknown type '{unknown.WireType}' came.";
        if (_warned.Count < Enough && _warned.Add(text))
        {
            context.Log.Warning(text);
        }
    }
}
