using System.Text.Json.Nodes;
using SmooAI.SmoothOperator;

/// <summary>One iteration that can be held.</summary>
internal sealed class Watch(ITurn turn, CancellationToken stop)
{
    private readonly IAsyncEnumerator<ServerEvent> _items = turn.GetAsyncEnumerator(stop);
    private TaskCompletionSource _go = new();
    private int _left = -1;

    public bool IsLeft { get; private set; }

    public ServerEvent Current => _items.Current;

    public void Hold(int count)
    {
        _left = count;
        if (count != 0)
        {
            _go.TrySetResult();
        }
    }

    public ValueTask LeaveAsync()
    {
        IsLeft = true;
        return _items.DisposeAsync();
    }

    public async Task<bool> NextAsync()
    {
        while (_left == 0)
        {
            await (_go = new()).Task.WaitAsync(stop);
        }
        _left -= _left > 0 ? 1 : 0;
        return await _items.MoveNextAsync();
    }
}

/// <summary>What runs beside the command loop, and the commands that steer it.</summary>
internal sealed partial class Testee
{
    private static string Text(JsonObject c, string key) => (string)c[key]!;

    private static string Low(Enum word) => word.ToString().ToLowerInvariant();

    private static async Task<object?> Done(Task task)
    {
        await task;
        return null;
    }

    private static ClientAction ActionOf(string op, JsonNode args)
    {
        var frame = args.DeepClone().AsObject();
        frame["action"] = op;
        return WireCodec.DecodeAction(frame.ToJsonString());
    }

    private T Get<T>(JsonObject c, string key)
        where T : class =>
        _handles.GetValueOrDefault(Text(c, key)) as T ?? throw new Refused("unknown-handle", $"{c[key]} names nothing of the kind");

    /// <summary>Calls the SDK now, awaits beside the command loop what it gave, and reports it.</summary>
    private JsonObject? Issue(string name, Func<CancellationToken, Task<object?>> start, bool aborted = false)
    {
        var stop = _stops[name] = new CancellationTokenSource();
        if (aborted)
        {
            stop.Cancel();
        }
        _tasks.Add(ReportAsync(name, () => start(stop.Token)));
        return null;
    }

    private JsonObject? Verb(JsonObject c, Func<ITurn, CancellationToken, Task<object?>> start)
    {
        var turn = Get<ITurn>(c, "turn");
        return Issue(Text(c, "as"), stop => start(turn, stop));
    }

    private async Task ReportAsync(string name, Func<Task<object?>> start)
    {
        try
        {
            var value = await start();
            if (value is IConversation)
            {
                _handles[name] = value;
            }
            if (!(_watches.TryGetValue(name, out var watch) && watch.IsLeft))
            {
                output.Returned(name, Bodies.Value(value));
            }
        }
        catch (Exception error) when (error is SmoothAgentException or OperationCanceledException or ArgumentException or FormatException or ObjectDisposedException)
        {
            output.Returned(name, error);
        }
    }

    private async Task WatchAsync(string name, ITurn turn, Watch? watch, CancellationToken stop)
    {
        string? raised = null;
        try
        {
            try
            {
                while (watch is not null && await watch.NextAsync())
                {
                    output.Event("item", "turn", name, Shown(turn, watch.Current));
                }
            }
            catch (SmoothAgentException error)
            {
                raised = error.Kind;
            }
            if (watch is { IsLeft: true })
            {
                return;
            }
            output.Event("ended", "turn", name, Raised(Bodies.Result(await turn.GetResultAsync(stop)), raised));
        }
        catch (OperationCanceledException error)
        {
            output.Returned(name, error);
        }
        catch (SmoothAgentException error)
        {
            var body = Bodies.Present(("outcome", "failed"), ("text", turn.PartialText), ("error", Bodies.Error(error)));
            output.Event("ended", "turn", name, Raised(body, raised));
        }
    }

    private static JsonObject Raised(JsonObject body, string? kind)
    {
        if (kind is not null)
        {
            body["raised"] = kind;
        }
        return body;
    }

    private async Task<object?> FollowAsync(JsonObject c, Watch watch)
    {
        while (await watch.NextAsync())
        {
            var item = Shown(Get<ITurn>(c, "turn"), watch.Current);
            item["as"] = Text(c, "as");
            output.Event("item", "turn", Text(c, "turn"), item);
        }
        return null;
    }

    private static JsonObject Shown(ITurn turn, ServerEvent received)
    {
        var item = Bodies.Item(received);
        if (turn.Handled(received))
        {
            item["handled"] = true;
        }
        return item;
    }

    private async Task<object?> TextAsync(JsonObject c, ITurn turn, CancellationToken stop)
    {
        await foreach (var piece in turn.TextStream.WithCancellation(stop))
        {
            output.Event("text", "turn", Text(c, "turn"), new() { ["as"] = Text(c, "as"), ["piece"] = piece });
        }
        return null;
    }

    private async Task<object?> PagesAsync(JsonObject c, IConversation chat, CancellationToken stop)
    {
        var left = (int?)c["take"] ?? -1;
        var pages = c["limit"] is { } limit ? chat.MessagesAsync((int)limit) : chat.MessagesAsync();
        await foreach (var message in pages.WithCancellation(stop))
        {
            output.Event("message", "as", Text(c, "as"), new() { ["data"] = Bodies.Raw(message.ToJson()) });
            if (--left == 0)
            {
                break;
            }
        }
        return null;
    }

    private static async Task<object?> DeclineAsync(ITurn turn, string question, CancellationToken stop)
    {
        var declined = await turn.DeclineAsync(question == "otp" ? QuestionKind.Otp : QuestionKind.Interaction, stop);
        return question == "otp" ? null : declined;
    }

    private static JsonObject? Abandon(ITurn turn)
    {
        _ = turn.GetResultAsync();
        return null;
    }

    private static JsonObject? Detach(ITurn turn)
    {
        turn.Detach();
        return null;
    }

    private async Task<JsonObject?> SteerAsync(string cmd, JsonObject c)
    {
        var name = (string?)c["as"] ?? Text(c, "turn");
        if (!_watches.TryGetValue(name, out var watch))
        {
            var turn = Get<ITurn>(c, "turn");
            var stop = _stops[name];
            watch = _watches[name] = new(turn, stop.Token);
            watch.Hold(0);
            _tasks.Add(WatchAsync(name, turn, watch, stop.Token));
        }
        if (cmd == "leave")
        {
            await watch.LeaveAsync();
            return null;
        }
        watch.Hold(cmd == "take" ? (int)c["count"]! : 0);
        return null;
    }

    private async Task<JsonObject?> AbortAsync(string name)
    {
        await (_stops.GetValueOrDefault(name) ?? throw new Refused("unknown-handle", name)).CancelAsync();
        return null;
    }

    private async Task<JsonObject?> AdvanceAsync(string client, double ms)
    {
        await _clocks[client].AdvanceAsync(TimeSpan.FromMilliseconds(ms));
        return null;
    }

    private static async Task<JsonObject?> SyncAsync(string nonce = "")
    {
        for (var round = 0; round < 20; round++)
        {
            await Task.Run(static () => { }); // what was handed over passes the thread pool and this loop
        }
        return new() { ["nonce"] = nonce };
    }

    private JsonObject Census()
    {
        var alive = _handles.Values.OfType<SmoothAgentClient>().Count(c => c.State is not (ConnectionState.Idle or ConnectionState.Closed));
        return new() { ["clients"] = alive, ["timers"] = _clocks.Values.Sum(clock => clock.ActiveTimers) };
    }

    private static JsonObject Decode(string text)
    {
        var frame = WireCodec.Decode(text);
        if (frame.Problem is { } problem)
        {
            var type = ((UnknownEvent)frame.Event!).WireType;
            return new() { ["problem"] = Bodies.Present(("type", type), ("kind", problem.Kind), ("pointer", problem.Pointer)) };
        }
        return frame.Event is { } item ? Bodies.Item(item) : new() { ["malformed"] = true };
    }

    private static JsonObject Check(string text)
    {
        var body = Decode(text);
        return body.ContainsKey("type")
            ? new() { ["valid"] = true }
            : new() { ["valid"] = false, ["pointer"] = (string?)body["problem"]?["pointer"] ?? "" };
    }
}
