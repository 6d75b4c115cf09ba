using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using SmooAI.SmoothOperator;
using SmooAI.SmoothOperator.Testing;

internal sealed class Refused(string kind, string message) : Exception(message)
{
    public string Kind => kind;
}

/// <summary>The handles of one case, and the commands.</summary>
internal sealed partial class Testee(Output output)
{
    private const string Features =
        "virtual_clock conversation paging text_stream tee hold leave abort tls headers tap census reconnect handlers policy replay codec";
    private static readonly string[] Canaries = ["", "drop-3rd-item", "alter-text", "drop-error-code"];
    private static readonly string[] Verbs = ["confirm_tool_action", "verify_otp", "submit_interaction", "cancel"];
    private static readonly string[] MessageFields = ["message", "stream", "model", "skill", "images", "files", "requestId"];

    private readonly Dictionary<string, object> _handles = [];
    private readonly Dictionary<string, VirtualTimeProvider> _clocks = [];
    private readonly Dictionary<string, Watch> _watches = [];
    private readonly Dictionary<string, CancellationTokenSource> _stops = [];
    private int _round;
    private readonly List<Task> _tasks = [];

    public async Task<bool> TakeAsync(JsonObject command)
    {
        var cmd = (string?)command["cmd"] ?? "";
        JsonObject reply;
        try
        {
            reply = new() { ["ok"] = await RunAsync(cmd, command) ?? new JsonObject() };
        }
        catch (Refused refused)
        {
            reply = Fail(refused.Kind, refused.Message);
        }
        catch (Exception wrong) when (wrong is InvalidOperationException or NullReferenceException or FormatException or KeyNotFoundException)
        {
            reply = Fail("bad-request", wrong.Message);
        }
        reply["id"] = command["id"]?.DeepClone();
        output.Line(reply);
        return cmd == "bye";
    }

    public async Task<JsonObject?> ResetAsync()
    {
        var closing = _handles.Values.OfType<SmoothAgentClient>().Select(client => client.CloseAsync()).ToArray();
        foreach (var clock in _clocks.Values)
        {
            await clock.AdvanceAsync(TimeSpan.FromMinutes(1));
        }
        await Task.WhenAll(closing);
        await SyncAsync();
        await Task.WhenAny(Task.WhenAll(_tasks), Task.Delay(200));
        output.Muted = true; // what is held or dropped reports nothing more
        foreach (var stop in _stops.Values)
        {
            await stop.CancelAsync();
        }
        await SyncAsync();
        output.Muted = false;
        _round++;
        _handles.Clear();
        _clocks.Clear();
        _watches.Clear();
        _stops.Clear();
        _waiting.Clear();
        _tasks.Clear();
        return null;
    }

    private static JsonObject Fail(string kind, string text) =>
        new() { ["fail"] = new JsonObject { ["kind"] = kind, ["message"] = text } };

    private async Task<JsonObject?> RunAsync(string cmd, JsonObject c) => cmd switch
    {
        "hello" => Hello(c),
        "open" => Issue(Text(c, "as"), stop => OpenAsync(c, stop)),
        "connect" => Issue(Text(c, "as"), stop => Done(Get<SmoothAgentClient>(c, "on").ConnectAsync(stop))),
        "close" => Issue(Text(c, "as"), _ => Done(Get<SmoothAgentClient>(c, "on").CloseAsync())),
        "call" => Call(c),
        "start" or "resume" => Issue(Text(c, "as"), StartOf(cmd, c)),
        "turn" => StartTurn(c),
        "openturn" => OpenTurn(c),
        "give" => Give(c),
        "confirm" => Verb(c, (turn, stop) => Done(turn.ConfirmAsync((bool)c["approved"]!, stop))),
        "otp" => Verb(c, async (turn, stop) => await turn.VerifyOtpAsync(Text(c, "code"), stop)),
        "submit" => Verb(c, async (turn, stop) => await turn.SubmitAsync((JsonObject)c["values"]!, stop)),
        "decline" => Verb(c, (turn, stop) => DeclineAsync(turn, Text(c, "question"), stop)),
        "recover" => Verb(c, async (turn, stop) => await turn.RecoverAsync(stop)),
        "counters" => Count(Text(c, "as"), Get<SmoothAgentClient>(c, "on")),
        "cancel" => Verb(c, (turn, stop) => Done(turn.CancelAsync(stop))),
        "iterate" => Verb(c, (turn, stop) => FollowAsync(c, _watches[Text(c, "as")] = new(turn, stop))),
        "textstream" => Verb(c, (turn, stop) => TextAsync(c, turn, stop)),
        "await" when c["abandon"] is not null => Abandon(Get<ITurn>(c, "turn")),
        "await" => Verb(c, async (turn, stop) => await turn.GetResultAsync(stop)),
        "messages" => Issue(Text(c, "as"), stop => PagesAsync(c, Get<IConversation>(c, "on"), stop)),
        "hold" or "take" or "drop" or "leave" => await SteerAsync(cmd, c),
        "detach" => Detach(Get<ITurn>(c, "turn")),
        "abort" => await AbortAsync(Text(c, c["as"] is null ? "turn" : "as")),
        "wake" => Wake(Get<SmoothAgentClient>(c, "on")),
        "advance" => await AdvanceAsync(Text(c, "on"), (double)c["ms"]!),
        "sync" => await SyncAsync(Text(c, "nonce")),
        "census" => Census(),
        "dump" => null,
        "reset" or "bye" => await ResetAsync(),
        "decode" => Decode(Text(c, "text")),
        "encode" => new() { ["text"] = ActionOf(Text(c, "op"), c["args"]!).ToJson() },
        "check" => Check(Text(c, "text")),
        _ => throw new Refused("unknown-command", cmd),
    };

    private JsonObject Hello(JsonObject c)
    {
        output.Canary = (string?)c["canary"] ?? "";
        if (!c["protocol"]!.AsArray().Any(p => (int)p! == 2) || !Canaries.Contains(output.Canary))
        {
            throw new Refused("bad-request", "unknown protocol or canary");
        }
        TaskScheduler.UnobservedTaskException += (_, fault) => output.Line(new() { ["ev"] = "unhandled", ["what"] = fault.Exception.Message });
        var features = new JsonObject(Features.Split(' ').Select(word => KeyValuePair.Create(word, (JsonNode?)true)));
        return new()
        {
            ["protocol"] = 2,
            ["nonce"] = Text(c, "nonce"),
            ["name"] = "smooth-operator",
            ["language"] = "dotnet",
            ["clientsMax"] = 8,
            ["version"] = typeof(SmoothAgentClient).Assembly.GetName().Version!.ToString(3),
            ["runtime"] = Environment.Version.ToString(),
            ["spec"] = new JsonArray(WireCodec.SpecVersion),
            ["features"] = features,
        };
    }

    private async Task<object?> OpenAsync(JsonObject c, CancellationToken stop)
    {
        var (name, ids, auto) = (Text(c, "as"), new Queue<string>(c["ids"]!.AsArray().Select(id => (string)id!)), 0);
        TimeSpan Time(string key, TimeSpan unset) =>
            c["timeouts"]?[key] is { } ms ? TimeSpan.FromMilliseconds((double)ms) : unset;
        var roots = new X509Certificate2Collection();
        if (c["ca"] is { } file)
        {
            roots.ImportFromPemFile((string)file!);
        }
        var usual = WithOptions(new SmoothAgentClientOptions { Url = Text(c, "url") }, c["options"]?.AsObject() ?? []);
        var draws = new Queue<double>(c["random"]?.AsArray().Select(drawn => (double)drawn!) ?? []);
        var round = _round;
        var client = new SmoothAgentClient(usual with
        {
            Token = (string?)c["token"],
            TokenProvider = c["tokens"] is { } tokens ? Provider(name, new(tokens.AsArray())) : null,
            Random = () => draws.TryDequeue(out var drawn) ? drawn : 0.5,
            TokenIn = (string?)c["tokenIn"] == "header" ? TokenPlace.Header : TokenPlace.Query,
            Headers = c["headers"]?.AsObject().ToDictionary(h => h.Key, h => (string)h.Value!),
            Origin = (string?)c["origin"],
            Supports = c["supports"]?.AsArray().Select(word => (string)word!).ToArray(),
            Lazy = (bool?)c["lazy"] ?? false,
            TrustedRoots = roots,
            MaxMessageBytes = (int?)c["limits"]?["maxMessageBytes"] ?? usual.MaxMessageBytes,
            ConnectTimeout = Time("connect", usual.ConnectTimeout),
            CloseTimeout = Time("close", usual.CloseTimeout),
            RequestTimeout = Time("request", usual.RequestTimeout),
            TurnTimeout = Time("turn", usual.TurnTimeout),
            TurnIdleTimeout = Time("turnIdle", usual.TurnIdleTimeout),
            QuestionTimeout = Time("question", usual.QuestionTimeout),
            CancelTimeout = Time("cancel", usual.CancelTimeout),
            IdGenerator = () => ids.TryDequeue(out var id) ? id : $"req-auto-{++auto}",
            Handlers = HandlersOf(c),
            Logger = c["warnings"] is null ? null : line =>
            {
                // What the collector finds of an earlier case is none of this one.
                if (line.Severity == LogSeverity.Warning && round == _round)
                {
                    output.Event("warned", "on", name, []);
                }
            },
            TimeProvider = (string?)c["clock"] == "virtual" ? _clocks[name] = new() : TimeProvider.System,
        });
        _handles[name] = client;
        client.StateChanged += (_, s) => output.Event("state", "on", name, Bodies.Present(
            ("from", Low(s.Previous)), ("to", Low(s.Current)), ("reason", s.Reason), ("code", s.Code),
            ("cause", s.Error is null ? null : (string?)Bodies.Error(s.Error)["kind"]), ("attempt", s.Attempt),
            ("retryInMs", (long?)s.RetryIn?.TotalMilliseconds), ("missed", s.Missed ? true : null)));
        client.EventReceived += (_, item) => output.Event("pushed", "on", name, Bodies.Item(item));
        if (c["tap"] is not null)
        {
            client.FrameTapped += (_, f) => output.Event("frame", "on", name, Bodies.Present(
                ("direction", Low(f.Direction)), ("type", f.Type), ("requestId", f.RequestId)));
        }
        return (bool?)c["connect"] == false ? null : await Done(client.ConnectAsync(stop));
    }

    private JsonObject? Call(JsonObject c)
    {
        var (client, op, args) = (Get<SmoothAgentClient>(c, "on"), Text(c, "op"), c["args"]?.DeepClone() ?? new JsonObject());
        _ = Verbs.Contains(op) || args.AsObject().Remove("requestId");
        Func<ClientAction, CancellationToken, Task<object?>> start = op switch
        {
            "create_conversation_session" => async (a, s) => await client.CreateConversationSessionAsync((CreateConversationSessionAction)a, s),
            "get_session" => async (a, s) => await client.GetSessionAsync((GetSessionAction)a, s),
            "get_conversation_messages" => async (a, s) => await client.GetConversationMessagesAsync((GetConversationMessagesAction)a, s),
            "list_conversations" => async (a, s) => await client.ListConversationsAsync((ListConversationsAction)a, s),
            "rename_conversation" => async (a, s) => await client.RenameConversationAsync((RenameConversationAction)a, s),
            "ping" => async (_, s) => await client.PingAsync(s),
            "confirm_tool_action" => (a, s) => Done(client.ConfirmToolActionAsync((ConfirmToolActionAction)a, s)),
            "verify_otp" => async (a, s) => await client.VerifyOtpAsync((VerifyOtpAction)a, s),
            "submit_interaction" => async (a, s) => await client.SubmitInteractionAsync((SubmitInteractionAction)a, s),
            "cancel" => (a, s) => Done(client.CancelAsync((CancelAction)a, s)),
            _ => throw new Refused("unknown-op", op),
        };
        return Issue(Text(c, "as"), stop => start(ActionOf(op, args), stop), c["aborted"] is not null);
    }

    private Func<CancellationToken, Task<object?>> StartOf(string cmd, JsonObject c)
    {
        var (client, args, handlers) = (Get<SmoothAgentClient>(c, "on"), c["args"]!.AsObject(), HandlersOf(c));
        return async stop => cmd == "start"
            ? await client.StartConversationAsync((CreateConversationSessionAction)ActionOf("create_conversation_session", args), handlers, stop)
            : await client.ResumeConversationAsync(new()
            {
                ConversationId = (string?)args["conversationId"],
                AgentId = (string?)args["agentId"],
                SessionId = (string?)args["sessionId"],
                UserName = (string?)args["userName"],
                UserEmail = (string?)args["userEmail"],
                Handlers = handlers,
            }, stop);
    }

    private JsonObject? StartTurn(JsonObject c)
    {
        var (name, how) = (Text(c, "as"), (string?)c["watch"] ?? "items");
        var fields = new JsonObject(MessageFields.Where(c.ContainsKey).Select(key => KeyValuePair.Create(key, c[key]?.DeepClone())));
        var chat = (string?)c["via"] == "conversation" ? Get<IConversation>(c, "on") : null;
        fields["sessionId"] = chat?.SessionId ?? Text(c, "session");
        var action = (SendMessageAction)ActionOf("send_message", fields);
        var stop = _stops[name] = new CancellationTokenSource();
        if (c["aborted"] is not null)
        {
            stop.Cancel();
        }
        try
        {
            // A token given to send governs the whole turn: the testee cancels single waits, unless it begins cancelled.
            var governing = c["aborted"] is null ? default : stop.Token;
            var turn = chat is null
                ? Get<SmoothAgentClient>(c, "on").SendMessage(action, HandlersOf(c), governing)
                : chat.Send(action.Message, new() { RequestId = action.RequestId, Stream = action.Stream, Model = action.Model, Skill = action.Skill, Images = action.Images, Files = action.Files, Handlers = HandlersOf(c) }, governing);
            Follow(name, how, turn);
        }
        catch (Exception refused) when (refused is ArgumentException or ObjectDisposedException)
        {
            output.Returned(name, refused);
        }
        return null;
    }
}
