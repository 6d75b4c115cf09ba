using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>The links of a server: who opens one, what comes on it, how the next one is refused.</summary>
internal sealed class LinkBook(World world, Agent agent) : IHost
{
    private readonly ActionTable _actions = new(world, agent.Choose);
    private readonly Queue<Refusal> _refusals = new();
    private readonly List<(int Count, TaskCompletionSource Came)> _awaited = [];

    public Lock Gate => world.Gate;

    /// <summary>How many links were opened.</summary>
    internal int Opened { get; private set; }

    internal List<ILink> Open { get; } = [];

    /// <summary>What clients have sent, oldest first.</summary>
    internal List<JsonObject> Sent { get; } = [];

    /// <summary>Reads or does something inside the gate.</summary>
    internal T Read<T>(Func<T> read)
    {
        lock (Gate)
        {
            return read();
        }
    }

    /// <summary>Does something inside the gate.</summary>
    internal void Read(Action act)
    {
        lock (Gate)
        {
            act();
        }
    }

    internal ISocket OpenInMemory(OpenRequest request)
    {
        lock (Gate)
        {
            if (_refusals.TryDequeue(out var refusal))
            {
                throw Refused(refusal);
            }
            var owner = Loopback.OwnerOf(request.Url.Query, request.Headers.GetValueOrDefault("Authorization"));
            var link = new MemoryLink(this, ++Opened, owner);
            Add(link);
            return link;
        }
    }

    internal SocketLink OpenSocket(string owner, TcpClient client, WebSocket socket)
    {
        lock (Gate)
        {
            var link = new SocketLink(this, ++Opened, owner, client, socket);
            Add(link);
            return link;
        }
    }

    internal Refusal? TakeRefusal() => Read(() => _refusals.TryDequeue(out var refusal) ? refusal : null);

    internal void Refuse(Refusal refusal, int times)
    {
        for (; times > 0; times--)
        {
            _refusals.Enqueue(refusal);
        }
    }

    internal void EndAll(int code)
    {
        foreach (var link in Open.ToArray())
        {
            link.End(code);
        }
    }

    /// <summary>Ends every turn that runs, and all links.</summary>
    internal void Shut()
    {
        foreach (var turn in world.Running)
        {
            turn.Steps = null;
            var play = new Play(world, turn);
            play.CloseQuestion();
            play.LinkIsThere();
            turn.Session.Conversation.Running = null;
        }
        EndAll((int)WebSocketCloseStatus.EndpointUnavailable);
    }

    /// <summary>Completes when every client in memory has read what was sent to it.</summary>
    internal async Task WhenResting()
    {
        foreach (var link in Read(() => Open.OfType<MemoryLink>().ToArray()))
        {
            await link.WhenResting().ConfigureAwait(false);
        }
    }

    internal Task WhenOpened(int count)
    {
        lock (Gate)
        {
            if (Opened >= count)
            {
                return Task.CompletedTask;
            }
            var came = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _awaited.Add((count, came));
            return came.Task;
        }
    }

    public void Received(ILink link, string text)
    {
        lock (Gate)
        {
            var frame = new JsonObject();
            try
            {
                frame = FieldRules.Parse(text);
                Sent.Add((JsonObject)frame.DeepClone());
                if (agent.Cassette is not null)
                {
                    agent.GiveBack(frame, link);
                }
                else
                {
                    _actions.Handle(FieldRules.Check(frame, world.Options.Replay), link);
                }
            }
            catch (RefusedException refused)
            {
                _actions.Answering.Refuse(frame, link, refused);
            }
            catch (Exception fault)
            {
                // A defect of the kit is told; a client that waits for nothing would not say where.
                _actions.Answering.Refuse(frame, link, new("INTERNAL_ERROR", $"the fake server failed with {fault.GetType().Name}"));
            }
        }
    }

    public void ReceivedBinary(ILink link)
    {
        lock (Gate)
        {
            _actions.Answering.Refuse([], link, new("VALIDATION_ERROR", "frames are text"));
        }
    }

    public void LinkClosed(ILink link)
    {
        Open.Remove(link);
        foreach (var turn in world.Running.Where(turn => turn.Holder == link))
        {
            new Play(world, turn).LinkIsGone();
        }
    }

    private void Add(ILink link)
    {
        Open.Add(link);
        agent.Cassette?.Opened(link);
        foreach (var (_, came) in _awaited.Where(wait => wait.Count <= Opened))
        {
            came.TrySetResult();
        }
    }

    private HandshakeException Refused(Refusal refusal)
    {
        var named = new Dictionary<string, string>(refusal.Headers, StringComparer.OrdinalIgnoreCase);
        var later = RetryConditionHeaderValue.TryParse(named.GetValueOrDefault("Retry-After"), out var read)
            ? read.Delta ?? (read.Date - world.Clock.GetUtcNow())
            : null;
        var refused = new RefusedHandshake(
            refusal.Status,
            later is { } time ? Math.Max(0, (long)time.TotalMilliseconds) : null,
            null,
            named.GetValueOrDefault("x-request-id"));
        var told = string.Create(CultureInfo.InvariantCulture, $"The server answered {refusal.Status}.");
        return new HandshakeException(refused, new WebSocketException(WebSocketError.NotAWebSocket, told));
    }
}
