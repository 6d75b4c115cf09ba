using System.Text.Json;

namespace SmooAI.SmoothOperator;

/// <summary>Tool calls and results as they travel in a chunk, by convention (REQ-TURN-19).</summary>
public sealed partial record StreamChunkEvent
{
    /// <summary>The tool call that the chunk carries, its arguments as an object; null when it has none.</summary>
    public ToolCall? ToolCall =>
        Carried("toolCall"u8, Shapes.ToolCall, SmoothOperator.ToolCall.ReadFrom) is { } call
            ? call with { Arguments = Unpacked(call.Arguments) }
            : null;

    /// <summary>The tool result that the chunk carries; null when it has none.</summary>
    public ToolResult? ToolResult =>
        Carried("toolResult"u8, Shapes.ToolResult, SmoothOperator.ToolResult.ReadFrom);

    private T? Carried<T>(ReadOnlySpan<byte> name, Shape shape, ReadValue<T> read)
        where T : class =>
        State.RawResponse is { ValueKind: JsonValueKind.Object } raw
        && raw.TryGetProperty(name, out var found)
        && found.ValueKind == JsonValueKind.Object
            ? Decoder.DecodeValue(found, shape, read, out _)
            : null;

    private static JsonElement? Unpacked(JsonElement? arguments)
    {
        if (arguments is not { ValueKind: JsonValueKind.String } text)
        {
            return arguments;
        }
        try
        {
            using var parsed = JsonDocument.Parse(text.GetString()!);
            return parsed.RootElement.ValueKind == JsonValueKind.Object ? parsed.RootElement.Clone() : arguments;
        }
        catch (JsonException)
        {
            return arguments;
        }
    }
}
