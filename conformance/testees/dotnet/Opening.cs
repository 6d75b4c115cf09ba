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

    private static JsonObject? Wake(SmoothAgentClient client)
    {
        client.Wake();
        return null;
    }
}
