using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>
/// A whole server of the protocol inside a test's process, whose agent does what the test says. In memory by default, on
/// loopback after <see cref="ListenAsync"/>. Nothing is on disk, nothing waits for real time. Safe from any thread.
/// </summary>
/// <remarks>
/// Two runs of a test see the same frames: ids count from 1, times come from the clock. The client under test is the real
/// one; <see cref="Client"/> and <see cref="StartConversationAsync"/> make it.
/// </remarks>
/// <example>
/// <code>
/// await using var server = new FakeServer();
/// server.OnMessage("refund").Confirm("refund order 7").Tokens("Do", "ne").Finish();
/// var chat = await server.StartConversationAsync(FakeHandlers.ApproveAll);
/// Assert.Equal("Done", (await chat.AskAsync("refund")).Text);
/// </code>
/// </example>
public sealed class FakeServer : IAsyncDisposable
{
    /// <summary>The agent of <see cref="StartConversationAsync"/>; every other id is one too.</summary>
    public const string AgentId = "00000000-0000-4000-8000-000000000000";

    private readonly World _world;
    private readonly Agent _agent = new();
    private readonly LinkBook _links;
    private readonly List<SmoothAgentClient> _clients = [];
    private readonly Random _random;
    private readonly IDisposable? _settling;
    private readonly bool _ownClock;
    private Loopback? _loopback;
    private bool _closed;
    private int _clientIds;

    /// <summary>Makes a server in memory.</summary>
    /// <param name="timeProvider">Source of time; by default one that stands still until it is moved, and on loopback the system's.</param>
    /// <param name="options">How it is set up.</param>
    public FakeServer(TimeProvider? timeProvider = null, FakeServerOptions? options = null)
    {
        var given = options ?? new();
        _ownClock = timeProvider is null;
        _world = new(timeProvider ?? new VirtualTimeProvider(), given);
        _random = new(given.Seed);
        _links = new(_world, _agent);
        _settling = (_world.Clock as ISettlingClock)?.Attach(_links.WhenResting);
    }

    private FakeServer(Cassette cassette)
        : this() => _agent.Cassette = cassette;

    /// <summary>The clock that a test moves.</summary>
    /// <exception cref="InvalidOperationException">The server runs on a clock that no test can move.</exception>
    public VirtualTimeProvider Clock => _world.Clock as VirtualTimeProvider
        ?? throw new InvalidOperationException("Clock: this server runs on real time; give it a VirtualTimeProvider.");

    /// <summary>Address on loopback.</summary>
    /// <exception cref="InvalidOperationException">The server does not listen.</exception>
    public string Url => _loopback is { } there
        ? $"ws://127.0.0.1:{there.Port}/ws"
        : throw new InvalidOperationException("Url: the server is in memory; call ListenAsync() first.");

    /// <summary>How many links were opened; refused handshakes are none.</summary>
    public int Connections => _links.Read(() => _links.Opened);

    /// <summary>How many links are open now.</summary>
    public int OpenConnections => _links.Read(() => _links.Open.Count);

    /// <summary>Messages that no reply fitted; of a cassette the actions that it does not hold.</summary>
    public IReadOnlyList<string> Unmatched => _links.Read(() => _agent.Unmatched.ToArray());

    /// <summary>Returns a server that gives back what a cassette holds (see <see cref="CassetteRecorder"/>).</summary>
    /// <remarks>
    /// The nth action of a type is answered by the frames that followed the nth of that type in the recording, the ids of
    /// the client in place of the recorded ones. An action that it does not hold is answered by VALIDATION_ERROR.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <exception cref="CassetteException">The file is no cassette that this kit reads.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static FakeServer ReplayOf(string path) => new(Cassette.Read(path));

    /// <summary>Returns a reply to write steps on, for every message.</summary>
    /// <remarks>
    /// Of the replies that fit a message the first one that was written, and is not used up, serves. A message that none
    /// fits ends its turn with AGENT_ERROR and is in <see cref="Unmatched"/>.
    /// </remarks>
    /// <exception cref="ScriptException">The server plays a script or a cassette.</exception>
    public Reply OnMessage() => OnMessage(static _ => true);

    /// <summary>Returns a reply to write steps on, for messages that contain a text; see <see cref="OnMessage()"/>.</summary>
    /// <param name="part">The text, as it is written.</param>
    /// <exception cref="ScriptException">The server plays a script or a cassette.</exception>
    public Reply OnMessage(string part)
    {
        ArgumentNullException.ThrowIfNull(part);
        return OnMessage(message => message.Contains(part, StringComparison.Ordinal));
    }

    /// <summary>Returns a reply to write steps on, for messages that a pattern is found in; see <see cref="OnMessage()"/>.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <exception cref="ScriptException">The server plays a script or a cassette.</exception>
    public Reply OnMessage(Regex pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return OnMessage(pattern.IsMatch);
    }

    /// <summary>Returns a reply to write steps on, for messages that a function takes; see <see cref="OnMessage()"/>.</summary>
    /// <param name="fits">Whether a message fits. One that throws ends the turn with AGENT_ERROR.</param>
    /// <exception cref="ScriptException">The server plays a script or a cassette.</exception>
    public Reply OnMessage(Func<string, bool> fits)
    {
        ArgumentNullException.ThrowIfNull(fits);
        return _links.Read(() => _agent.On(fits));
    }

    /// <summary>
    /// Lets the agent do what a script of <c>smooth-operator-server --script</c> says: <c>model</c>, <c>tools</c>,
    /// <c>confirmTools</c>, <c>otp</c>. Another script takes the place of the one before.
    /// </summary>
    /// <param name="document">The script.</param>
    /// <exception cref="ScriptException">The document is no script, or the server has replies or a cassette.</exception>
    public void Script(JsonObject document)
    {
        ArgumentNullException.ThrowIfNull(document);
        var script = new Script(document);
        _links.Read(() => _agent.Script = script);
    }

    /// <summary>Returns a client of this server; it connects at its first action and is closed with the server.</summary>
    /// <param name="with">
    /// Changes its options. The opener, the time provider, the randomness and the ids are the server's, whatever it says of them.
    /// </param>
    public SmoothAgentClient Client(Func<SmoothAgentClientOptions, SmoothAgentClientOptions>? with = null)
    {
        var options = new SmoothAgentClientOptions { Url = _loopback is null ? "ws://fake-server.invalid/ws" : Url, Lazy = true };
        var client = new SmoothAgentClient((with?.Invoke(options) ?? options) with
        {
            Opener = _loopback is null ? Open : null,
            TimeProvider = _world.Clock,
            Random = Draw,
            IdGenerator = () => $"req-{World.IdOf(Interlocked.Increment(ref _clientIds))}",
        });
        _links.Read(() => _clients.Add(client));
        return client;
    }

    /// <summary>Returns a conversation of a new client, which is connected.</summary>
    /// <param name="handlers">What answers the questions of its turns; null leaves them to verbs.</param>
    /// <param name="with">Changes the client's options; see <see cref="Client"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SmoothAgentException">The conversation could not be started.</exception>
    public Task<IConversation> StartConversationAsync(
        Handlers? handlers = null,
        Func<SmoothAgentClientOptions, SmoothAgentClientOptions>? with = null,
        CancellationToken cancellationToken = default) =>
        Client(with).StartConversationAsync(new() { AgentId = AgentId }, handlers, cancellationToken);

    /// <summary>Opens 127.0.0.1 on a port; clients made from then on use it. Returns the address.</summary>
    /// <param name="port">The port; 0 is a free one.</param>
    /// <exception cref="InvalidOperationException">The server listens already, or is closed.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The port is taken.</exception>
    public Task<string> ListenAsync(int port = 0)
    {
        if (_loopback is not null || _closed)
        {
            throw new InvalidOperationException("ListenAsync(): the server listens already, or is closed.");
        }
        if (_ownClock)
        {
            _world.Clock = TimeProvider.System;
        }
        _loopback = new(port, _links.TakeRefusal, _links.OpenSocket);
        return Task.FromResult(Url);
    }

    /// <summary>Returns the frames that clients have sent, oldest first, all links.</summary>
    /// <param name="action">Only frames of this action; null is all.</param>
    public IReadOnlyList<JsonObject> Sent(string? action = null) => _links.Read(() => _links.Sent
        .Where(frame => action is null || Answering.TextOf(frame, "action") == action)
        .Select(frame => (JsonObject)frame.DeepClone()).ToArray());

    /// <summary>Returns the stored messages of a session's conversation, oldest first.</summary>
    /// <param name="sessionId">The session.</param>
    /// <exception cref="KeyNotFoundException">There is no such session.</exception>
    public IReadOnlyList<StoredMessage> Messages(string sessionId) =>
        _links.Read(() => _world.Sessions[sessionId].Conversation.Messages.ToArray());

    /// <summary>Ends all open links.</summary>
    /// <param name="code">Close code; 1006 is without a close frame.</param>
    /// <exception cref="ScriptException">No peer may send the code.</exception>
    public void Disconnect(int code = Reply.Abnormal)
    {
        Reply.CheckedCode(code, "Disconnect()");
        _links.Read(() => _links.EndAll(code));
    }

    /// <summary>Refuses the next handshakes with an HTTP status.</summary>
    /// <param name="status">From 300 to 599.</param>
    /// <param name="times">How many handshakes; at least 1.</param>
    /// <param name="headers">Headers of the answer, such as <c>Retry-After</c>.</param>
    /// <exception cref="ScriptException">The status is no refusal, or there is nothing to refuse.</exception>
    public void Refuse(int status, int times = 1, IReadOnlyDictionary<string, string>? headers = null)
    {
        if (status is < 300 or > 599)
        {
            throw new ScriptException($"Refuse(): {status} is no refusal; expected 300 to 599");
        }
        if (times < 1)
        {
            throw new ScriptException($"Refuse(): {times} handshakes are none; expected at least 1");
        }
        _links.Read(() => _links.Refuse(new(status, headers ?? new Dictionary<string, string>()), times));
    }

    /// <summary>Sends a JSON object on all open links, as it is.</summary>
    /// <param name="frame">The frame.</param>
    public void Push(JsonObject frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var text = frame.ToJsonString();
        _links.Read(() => _links.Open.ForEach(link => link.Write(text)));
    }

    /// <summary>Comes back when so many links were opened since the start; for tests of a client that connects again.</summary>
    /// <param name="count">How many.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task WhenConnectedAsync(int count, CancellationToken cancellationToken = default) =>
        _links.WhenOpened(count).WaitAsync(cancellationToken);

    /// <summary>
    /// Closes all links with 1001, ends every waiting turn, closes the clients that it made, frees the port. Twice is once.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        var clients = _links.Read(() =>
        {
            _closed = true;
            _links.Shut();
            SmoothAgentClient[] mine = [.. _clients];
            _clients.Clear();
            return mine;
        });
        foreach (var client in clients)
        {
            await client.DisposeAsync().ConfigureAwait(false);
        }
        if (Interlocked.Exchange(ref _loopback, null) is { } loopback)
        {
            await loopback.DisposeAsync().ConfigureAwait(false);
        }
        _settling?.Dispose();
    }

    /// <summary>Where it is.</summary>
    public override string ToString() => $"{nameof(FakeServer)} {(_loopback is { } there ? $"on port {there.Port}" : "in memory")}";

    private double Draw()
    {
        lock (_random)
        {
            return _random.NextDouble();
        }
    }

    private ValueTask<ISocket> Open(OpenRequest request, CancellationToken cancellationToken) => _closed
        ? throw new IOException("The fake server is closed.")
        : new(_links.OpenInMemory(request));
}
