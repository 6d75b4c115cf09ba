using System.Text;
using System.Text.Json;

namespace SmooAI.SmoothOperator;

/// <summary>The text of a turn. Pure; reasoning and preamble never enter it (REQ-TURN-09).</summary>
internal sealed class Accumulator
{
    private readonly StringBuilder _streamed = new();

    /// <summary>What was streamed so far.</summary>
    internal string Streamed => _streamed.ToString();

    internal void Add(ServerEvent received)
    {
        if (received is StreamTokenEvent piece)
        {
            _streamed.Append(piece.Token);
        }
    }

    /// <summary>Returns the final text: what the answer says, else what was streamed.</summary>
    internal string Final(EventualResponseEvent answer)
    {
        var response = answer.Response;
        if (response.ValueKind == JsonValueKind.String)
        {
            return response.GetString()!;
        }
        if (response.ValueKind != JsonValueKind.Object
            || !response.TryGetProperty("responseParts"u8, out var parts)
            || parts.ValueKind != JsonValueKind.Array
            || parts.GetArrayLength() == 0)
        {
            return Streamed;
        }
        var texts = parts.EnumerateArray().Where(part => part.ValueKind == JsonValueKind.String);
        return string.Join("\n\n", texts.Select(part => part.GetString()));
    }
}
