using System.Globalization;
using System.Text.Json;

namespace SmooAI.SmoothOperator;

/// <summary>
/// The halves of a surrogate pair at the edges of a token, as its frame had them; a NUL where there is none. The token
/// itself shows U+FFFD for each (REQ-WIRE-06), one character for one.
/// </summary>
/// <param name="Head">The low half that the token begins with.</param>
/// <param name="Tail">The high half that the token ends with.</param>
internal readonly record struct Halves(char Head, char Tail)
{
    internal const char Replacement = '\uFFFD';

    private const int EscapeLength = 6;

    /// <summary>Whether the token has a half at an edge.</summary>
    internal bool Any => Head != default || Tail != default;

    /// <summary>Looks a token's edges up in its frame, where they show that there may be something.</summary>
    internal static Halves Of(StreamTokenEvent piece)
    {
        var token = piece.Token;
        if (token.Length == 0 || (token[0] != Replacement && token[^1] != Replacement) || !piece.IsReceived)
        {
            return default;
        }
        using var frame = JsonDocument.Parse(piece.Received, new() { MaxDepth = 256 });
        var written = Written(frame.RootElement);
        return new(Low(written), High(written));
    }

    /// <summary>Returns the token as it stands in the frame, escapes and all, without its quotes.</summary>
    private static string Written(JsonElement frame)
    {
        var nested = frame.TryGetProperty("data"u8, out var data) && data.ValueKind == JsonValueKind.Object;
        if ((nested && data.TryGetProperty("token"u8, out var token)) || frame.TryGetProperty("token"u8, out token))
        {
            return token.ValueKind == JsonValueKind.String ? token.GetRawText()[1..^1] : "";
        }
        return "";
    }

    private static char Low(string written) =>
        written.Length >= EscapeLength && Unit(written[..EscapeLength]) is var unit && char.IsLowSurrogate(unit) ? unit : default;

    private static char High(string written)
    {
        if (written.Length < EscapeLength)
        {
            return default;
        }
        var from = written.Length - EscapeLength;
        var before = from - written[..from].TrimEnd('\\').Length;
        var unit = Unit(written[from..]);
        return before % 2 == 0 && char.IsHighSurrogate(unit) ? unit : default;
    }

    /// <summary>Returns the code unit of an escape; NUL for anything else.</summary>
    private static char Unit(string escape) =>
        escape.StartsWith("\\u", StringComparison.Ordinal)
        && ushort.TryParse(escape.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit
            : default;
}

/// <summary>Hands text on piece by piece; a half at the end of one waits for the next (REQ-TURN-23).</summary>
internal sealed class TextJoint
{
    private char _tail;

    /// <summary>Returns the text of the next token.</summary>
    internal string Next(StreamTokenEvent piece)
    {
        var (text, halves) = (piece.Token, Halves.Of(piece));
        if (_tail != default)
        {
            text = halves.Head == default ? Halves.Replacement + text : $"{_tail}{halves.Head}{text[1..]}";
        }
        _tail = halves.Tail;
        return _tail == default ? text : text[..^1];
    }

    /// <summary>Returns what stands for a half whose other half never came.</summary>
    internal string Rest() => _tail == default ? "" : Halves.Replacement.ToString();
}
