using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>What clients send, checked as a server has to: open for what it does not know (REQ-SRV-06).</summary>
internal static class FieldRules
{
    private const double MostInteger = 9007199254740991;
    private const int LongestList = 200;
    private const int LongestMessage = 10_000;

    private static readonly string[] Verbs = ["confirm_tool_action", "verify_otp", "submit_interaction"];

    private static readonly Rule Text = new(JsonValueKind.String);
    private static readonly Rule Flag = new(JsonValueKind.True);
    private static readonly Rule NeededText = Text with { IsNeeded = true };
    private static readonly Rule Limit = new(JsonValueKind.Number) { Least = 1 };

    /// <summary>The fields of each action beside <c>requestId</c>.</summary>
    private static readonly Dictionary<string, Dictionary<string, Rule>> Actions = new()
    {
        ["ping"] = [],
        ["cancel"] = new() { ["sessionId"] = Text },
        ["create_conversation_session"] = new()
        {
            ["agentId"] = NeededText,
            ["conversationId"] = Text,
            ["userName"] = Text,
            ["userEmail"] = Text,
            ["browserFingerprint"] = Text,
            ["supports"] = new(JsonValueKind.Array) { Items = Text },
            ["metadata"] = new(JsonValueKind.Object),
            ["authContext"] = new(JsonValueKind.Object)
            {
                Fields = new()
                {
                    ["userId"] = NeededText,
                    ["signature"] = NeededText,
                    ["timestamp"] = new(JsonValueKind.Number) { IsNeeded = true, Least = -MostInteger },
                },
            },
        },
        ["get_session"] = new() { ["sessionId"] = NeededText },
        ["get_conversation_messages"] = new() { ["sessionId"] = NeededText, ["cursor"] = Text, ["limit"] = Limit with { Most = 100 } },
        ["list_conversations"] = new() { ["cursor"] = Text, ["query"] = Text, ["limit"] = Limit },
        ["rename_conversation"] = new() { ["conversationId"] = NeededText, ["title"] = NeededText with { Least = 1, Most = 200 } },
        ["send_message"] = new()
        {
            ["sessionId"] = NeededText,
            ["message"] = NeededText with { Most = LongestMessage },
            ["stream"] = Flag,
            ["model"] = Text,
            ["skill"] = Text with { Pattern = new Regex("^[A-Za-z0-9_-]{1,128}$", RegexOptions.CultureInvariant) },
            ["images"] = ListOf(new()
            {
                ["url"] = NeededText,
                ["detail"] = Text with { Pattern = new Regex("^(low|high|auto)$", RegexOptions.CultureInvariant) },
            }),
            ["files"] = ListOf(new() { ["name"] = NeededText with { Least = 1, Most = 255 }, ["mimeType"] = Text, ["url"] = NeededText }),
        },
        ["confirm_tool_action"] = new()
        {
            ["requestId"] = NeededText,
            ["sessionId"] = NeededText,
            ["approved"] = Flag with { IsNeeded = true },
            ["confirmationId"] = Text,
        },
        ["verify_otp"] = new() { ["requestId"] = NeededText, ["sessionId"] = NeededText, ["code"] = Text, ["declined"] = Flag },
        ["submit_interaction"] = new()
        {
            ["requestId"] = NeededText,
            ["sessionId"] = NeededText,
            ["interactionId"] = NeededText,
            ["kind"] = Text,
            ["values"] = new(JsonValueKind.Object),
            ["declined"] = Flag,
        },
        ["resume_turn"] = new()
        {
            ["requestId"] = NeededText with { Least = 1 },
            ["sessionId"] = NeededText,
            ["afterSeq"] = new(JsonValueKind.Number) { IsNeeded = true },
        },
    };

    /// <summary>Whether the action answers a question of a turn.</summary>
    internal static bool IsVerb(string? action) => Verbs.Contains(action);

    /// <summary>Returns a frame that a client sent; what is no JSON object is refused (REQ-SRV-02).</summary>
    internal static JsonObject Parse(string text)
    {
        try
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            if (JsonNode.Parse(bytes, documentOptions: new() { MaxDepth = 256 }) is JsonObject frame)
            {
                _ = frame.Count; // members that come twice are refused here
                return frame;
            }
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException or EncoderFallbackException)
        {
            throw Invalid("the frame is not JSON");
        }
        throw Invalid("the frame is no object");
    }

    /// <summary>Returns an action's known members, without nulls; anything out of its bounds is refused with a pointer.</summary>
    internal static JsonObject Check(JsonObject frame, bool replays)
    {
        if (frame["action"] is not JsonValue named || !named.TryGetValue<string>(out var action))
        {
            throw Invalid("/action is missing");
        }
        if (!Actions.TryGetValue(action, out var rules) || (action == "resume_turn" && !replays))
        {
            throw new RefusedException("UNSUPPORTED_ACTION", "the action is unknown");
        }
        var kept = new JsonObject { ["action"] = action };
        if (frame["requestId"]?.GetValueKind() == JsonValueKind.String)
        {
            kept["requestId"] = (string)frame["requestId"]!;
        }
        foreach (var (name, rule) in rules)
        {
            if (frame[name] is { } value)
            {
                rule.Check($"/{name}", value);
                kept[name] = value.DeepClone();
            }
            else if (rule.IsNeeded)
            {
                throw Invalid($"/{name} is missing");
            }
        }
        return Together(kept, action);
    }

    /// <summary>What one member asks of another.</summary>
    private static JsonObject Together(JsonObject kept, string action)
    {
        if (action == "verify_otp" && (bool?)kept["declined"] != true && kept["code"] is null)
        {
            throw Invalid("/code is missing");
        }
        if (action == "list_conversations" && kept["limit"] is { } limit && limit.GetValue<double>() > LongestList)
        {
            kept["limit"] = (double)LongestList; // REQ-SRV-22
        }
        var attached = kept["images"]?.AsArray().Count > 0 || kept["files"]?.AsArray().Count > 0;
        if (action == "send_message" && (string)kept["message"]! == "" && !attached)
        {
            throw Invalid("/message is empty"); // REQ-SRV-23
        }
        return kept;
    }

    private static Rule ListOf(Dictionary<string, Rule> fields) =>
        new(JsonValueKind.Array) { Items = new(JsonValueKind.Object) { Fields = fields } };

    private static RefusedException Invalid(string message) => new("VALIDATION_ERROR", message);

    /// <summary>What a member must be. Bounds are of characters, or the number itself.</summary>
    private sealed record Rule(JsonValueKind Kind)
    {
        internal bool IsNeeded { get; init; }

        internal double Least { get; init; }

        internal double Most { get; init; } = MostInteger;

        internal Regex? Pattern { get; init; }

        internal Rule? Items { get; init; }

        internal Dictionary<string, Rule>? Fields { get; init; }

        internal void Check(string at, JsonNode value)
        {
            var kind = value.GetValueKind();
            if ((kind == JsonValueKind.False ? JsonValueKind.True : kind) != Kind)
            {
                throw Invalid($"{at} is of the wrong type");
            }
            switch (kind)
            {
                case JsonValueKind.String:
                    var text = value.GetValue<string>();
                    Bound(at, text.EnumerateRunes().Count());
                    if (Pattern is { } pattern && !pattern.IsMatch(text))
                    {
                        throw Invalid($"{at} does not match {pattern}");
                    }
                    break;
                case JsonValueKind.Number:
                    var number = value.GetValue<double>();
                    Bound(at, number);
                    if (number != Math.Floor(number))
                    {
                        throw Invalid($"{at} is no whole number");
                    }
                    break;
                case JsonValueKind.Array:
                    CheckItems(at, value.AsArray());
                    break;
                case JsonValueKind.Object:
                    CheckFields(at, value.AsObject());
                    break;
            }
        }

        private void CheckItems(string at, JsonArray items)
        {
            for (var place = 0; place < items.Count; place++)
            {
                if (items[place] is { } item)
                {
                    Items?.Check($"{at}/{place}", item);
                }
                else
                {
                    throw Invalid($"{at}/{place} is of the wrong type");
                }
            }
        }

        private void CheckFields(string at, JsonObject members)
        {
            foreach (var (name, rule) in Fields ?? [])
            {
                if (members[name] is { } member)
                {
                    rule.Check($"{at}/{name}", member);
                }
                else if (rule.IsNeeded)
                {
                    throw Invalid($"{at}/{name} is missing");
                }
            }
        }

        private void Bound(string at, double size)
        {
            if (size < Least || size > Most)
            {
                throw Invalid($"{at} is out of its bounds");
            }
        }
    }
}
