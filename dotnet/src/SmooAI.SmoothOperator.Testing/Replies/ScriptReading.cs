using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>Reads the document of a script; what is none is refused with the place.</summary>
internal static class ScriptReading
{
    private static readonly string[] Kinds = ["text", "error", "toolCall", "reasoning", "preamble"];
    private static readonly string[] EntryNames = [.. Kinds, "delayMs", "usage"];
    private static readonly string[] ToolNames = ["name", "description", "parameters", "result", "confirm", "auth"];
    private static readonly string[] OtpNames = ["code", "attempts", "channel", "sendFails"];
    private static readonly string[] DocumentNames = ["model", "tools", "otp", "confirmTools", "knowledge"];

    internal static JsonObject[] Model(JsonObject document)
    {
        Known(document, DocumentNames, "script");
        if (!document.ContainsKey("model"))
        {
            throw new ScriptException("script: /model is missing");
        }
        return [.. List(document, "model").Select(Entry)];
    }

    internal static Dictionary<string, JsonObject> Tools(JsonObject document)
    {
        var tools = new Dictionary<string, JsonObject>();
        foreach (var (number, tool) in List(document, "tools").Index())
        {
            var where = $"script: /tools/{number}";
            var read = Known(tool, ToolNames, where);
            tools[TextOf(read, "name", where)] = read;
        }
        return tools;
    }

    internal static (Step.Otp Otp, bool Delivers) Otp(JsonObject document)
    {
        const int UsualAttempts = 3;
        var given = Known(document["otp"] ?? new JsonObject { ["code"] = "123456" }, OtpNames, "script: /otp");
        var channel = new OtpChannel((string?)given["channel"] ?? "email");
        if (!channel.IsKnown)
        {
            throw new ScriptException("script: /otp/channel is not 'email' or 'sms'");
        }
        var attempts = given["attempts"] is { } tries ? (int)Number(tries, "script: /otp/attempts") : UsualAttempts;
        return (new Step.Otp((string?)given["code"] ?? "", attempts, channel, "a***@example.com"), (bool?)given["sendFails"] != true);
    }

    internal static JsonArray List(JsonObject document, string name) => document[name] switch
    {
        null => [],
        JsonArray list => list,
        _ => throw new ScriptException($"script: /{name} is no list"),
    };

    private static JsonObject Entry(JsonNode? entry, int number)
    {
        var where = $"script: /model/{number}";
        var read = Known(entry, EntryNames, where);
        var kinds = Kinds.Where(read.ContainsKey).ToArray();
        if (kinds.Length > 1 || (kinds.Length == 0 && !read.ContainsKey("delayMs")))
        {
            throw new ScriptException($"{where} takes one of {string.Join(", ", Kinds)}, delayMs");
        }
        foreach (var kind in kinds)
        {
            if (kind == "toolCall")
            {
                TextOf(Known(read[kind], ["name", "arguments"], $"{where}/toolCall"), "name", $"{where}/toolCall");
            }
            else
            {
                TextOf(read, kind, where);
            }
        }
        if (read["delayMs"] is { } pause && Number(pause, $"{where}/delayMs") < 0)
        {
            throw new ScriptException($"{where}/delayMs lies in the past");
        }
        return read;
    }

    private static JsonObject Known(JsonNode? node, string[] names, string where)
    {
        if (node is not JsonObject read)
        {
            throw new ScriptException($"{where} is no object");
        }
        return read.Select(member => member.Key).FirstOrDefault(name => !names.Contains(name)) is { } strange
            ? throw new ScriptException($"{where}: '{strange}' is none of {string.Join(", ", names)}")
            : read;
    }

    private static string TextOf(JsonObject node, string name, string where) =>
        node[name] is JsonValue value && value.TryGetValue<string>(out var text)
            ? text
            : throw new ScriptException($"{where}/{name} is no text");

    private static double Number(JsonNode node, string where) => node.GetValueKind() == JsonValueKind.Number
        ? node.GetValue<double>()
        : throw new ScriptException($"{where} is no number");
}
