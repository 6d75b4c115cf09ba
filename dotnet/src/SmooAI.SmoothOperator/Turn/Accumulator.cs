using System.Text;
using System.Text.Json;

namespace SmooAI.SmoothOperator;

/// <summary>The text of a turn. Pure; reasoning and preamble never enter it (REQ-TURN-09).</summary>
internal sealed class Accumulator
{
    private readonly StringBuilder _streamed = new();
    private string? _whole;
    private int _start;
    private char _tail;

    /// <summary>What was streamed so far, of the message as it was sent last.</summary>
    internal string Streamed => _start == 0 ? Whole : Whole[_start..];

    /// <summary>All that was streamed; made once for a text that does not grow.</summary>
    private string Whole => _whole ??= _streamed.ToString();

    /// <summary>How long it is, in characters.</summary>
    internal int Length { get; private set; }

    /// <summary>Returns what was streamed between two places.</summary>
    internal string Between(int from, int to) => _whole?[from..to] ?? _streamed.ToString(from, to - from);

    /// <summary>Nothing follows: the text is kept once.</summary>
    internal void End()
    {
        _ = Whole;
        _streamed.Clear();
        _streamed.Capacity = 0;
    }

    /// <summary>The message is sent again: what follows is the text.</summary>
    internal void BeginAnew() => (_start, _tail) = (Length, default);

    internal void Add(ServerEvent received)
    {
        if (received is StreamTokenEvent piece)
        {
            var halves = Halves.Of(piece);
            _whole = null;
            _streamed.Append(piece.Token);
            if (_tail != default && halves.Head != default)
            {
                _streamed[Length - 1] = _tail; // each half takes the place of its U+FFFD
                _streamed[Length] = halves.Head;
            }
            _tail = halves.Tail;
            Length += piece.Token.Length;
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
