using System.Text.Json.Nodes;
using SmooAI.SmoothOperator;

/// <summary>What a client is opened with beside the members that every version of the protocol had.</summary>
internal sealed partial class Testee
{
    /// <summary>Options under their names in the specification, passed on as they are.</summary>
    private static SmoothAgentClientOptions WithOptions(SmoothAgentClientOptions options, JsonObject given) =>
        given.Aggregate(options, (so, option) => WithOption(so, option.Key, option.Value));

    private static SmoothAgentClientOptions WithOption(SmoothAgentClientOptions so, string name, JsonNode? value)
    {
        TimeSpan Time() => TimeSpan.FromMilliseconds((double)value!);
        return name switch
        {
            "autoReconnect" => so with { AutoReconnect = (bool)value! },
            "retryInitialConnect" => so with { RetryInitialConnect = (bool)value! },
            "maxReconnectAttempts" => so with { MaxReconnectAttempts = (int?)value },
            "resumeTimeout" => so with { ResumeTimeout = Time() },
            "turnPolicy" => so with { TurnPolicy = LineOf((string)value!) },
            "handlerTimeout" => so with { HandlerTimeout = Time() },
            "resendAfterOtp" => so with { ResendAfterOtp = (bool)value! },
            "backoffBase" => so with { BackoffBase = Time() },
            "backoffMax" => so with { BackoffMax = Time() },
            "stableAfter" => so with { StableAfter = Time() },
            "pingInterval" => so with { PingInterval = Time() },
            "pongTimeout" => so with { PongTimeout = Time() },
            "queueLimit" => so with { QueueLimit = (int)value! },
            "queuePolicy" => so with { QueuePolicy = PolicyOf((string)value!) },
            _ => throw new Refused("bad-request", $"no option {name}"),
        };
    }

    private static TurnPolicy LineOf(string word) => word switch
    {
        "parallel" => TurnPolicy.Parallel,
        "queue" => TurnPolicy.Queue,
        _ => (TurnPolicy)(-1), // what the client has to refuse
    };

    private static QueuePolicy PolicyOf(string word) => word switch
    {
        "wait" => QueuePolicy.Wait,
        "fail_fast" => QueuePolicy.FailFast,
        _ => (QueuePolicy)(-1), // what the client has to refuse
    };

    /// <summary>Gives one token a call, the last one again and again.</summary>
    private Func<TokenRequest, CancellationToken, ValueTask<string>> Provider(string name, Queue<JsonNode?> tokens) => (asked, _) =>
    {
        output.Event("asked", "on", name, new() { ["reason"] = Low(asked.Reason) });
        var token = tokens.Count > 1 ? tokens.Dequeue() : tokens.Peek();
        return (string?)(token as JsonObject)?["fail"] switch
        {
            null => new((string)token!),
            "authentication" => throw new SmoothAuthenticationException(),
            "value" => new("no\ntoken"),
            _ => throw new InvalidOperationException("no token today"),
        };
    };

    private JsonObject? Count(string name, SmoothAgentClient client)
    {
        output.Returned(name, Bodies.Counted(client.Counters));
        return null;
    }

    /// <summary>The turn that a conversation runs; one that is known goes on under its old name.</summary>
    private JsonObject? OpenTurn(JsonObject c)
    {
        var (name, turn) = (Text(c, "as"), Get<IConversation>(c, "on").OpenTurn());
        var old = _handles.FirstOrDefault(handle => handle.Value == turn).Key;
        output.Returned(name, turn is null ? null : new JsonObject { ["requestId"] = turn.RequestId });
        if (turn is not null && old is null)
        {
            _stops[name] = new();
            Follow(name, (string?)c["watch"] ?? "items", turn);
        }
        else if (turn is not null)
        {
            (_handles[name], _stops[name]) = (turn, _stops[old!]);
            if (_watches.TryGetValue(old!, out var watch))
            {
                _watches[name] = watch;
            }
        }
        return null;
    }

    private void Follow(string name, string how, ITurn turn)
    {
        var stop = _stops[name].Token;
        _handles[name] = turn;
        if (how != "none")
        {
            _tasks.Add(WatchAsync(name, turn, how == "items" ? _watches[name] = new(turn, stop) : null, stop));
        }
    }

    private static JsonObject? Wake(SmoothAgentClient client)
    {
        client.Wake();
        return null;
    }
}
