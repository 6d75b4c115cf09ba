using System.Text.Json;

namespace SmooAI.SmoothOperator;

/// <summary>Tool calls and results as they travel in a chunk, by convention (REQ-TURN-19).</summary>
public sealed partial record StreamChunkEvent
{
    private static readonly JsonElement NoArguments = JsonElement.Parse("{}");

    /// <summary>
    /// The tool call that the chunk carries; null when it has none. Its arguments are always an object: the one that
    /// came, else the one that a string holds, else an empty one.
    /// </summary>
    public ToolCall? ToolCall => Carried("toolCall"u8, out var call)
        ? new ToolCall { Name = Text(call, "name"u8)!, Arguments = ObjectIn(call), CallId = Text(call, "callId"u8) }
        : null;

    /// <summary>The tool result that the chunk carries; null when it has none.</summary>
    public ToolResult? ToolResult => Carried("toolResult"u8, out var result)
        ? new ToolResult
        {
            Name = Text(result, "name"u8)!,
            IsError = Flag(result, "isError"u8),
            Result = result.TryGetProperty("result"u8, out var returned) && returned.ValueKind != JsonValueKind.Null ? returned : null,
            CallId = Text(result, "callId"u8),
        }
        : null;

    private bool Carried(ReadOnlySpan<byte> name, out JsonElement found)
    {
        found = default;
        return State.RawResponse is { ValueKind: JsonValueKind.Object } raw
            && raw.TryGetProperty(name, out found)
            && found.ValueKind == JsonValueKind.Object
            && Text(found, "name"u8) is not null;
    }

    private static string? Text(JsonElement tree, ReadOnlySpan<byte> name) =>
        tree.TryGetProperty(name, out var found) && found.ValueKind == JsonValueKind.String ? found.GetString() : null;

    private static bool? Flag(JsonElement tree, ReadOnlySpan<byte> name) =>
        tree.TryGetProperty(name, out var found) && found.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? found.GetBoolean()
            : null;

    private static JsonElement ObjectIn(JsonElement call)
    {
        if (!call.TryGetProperty("arguments"u8, out var arguments))
        {
            return NoArguments;
        }
        if (arguments.ValueKind == JsonValueKind.String)
        {
            arguments = Parsed(arguments.GetString()!);
        }
        return arguments.ValueKind == JsonValueKind.Object ? arguments : NoArguments;
    }

    private static JsonElement Parsed(string text)
    {
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            return NoArguments;
        }
    }
}
