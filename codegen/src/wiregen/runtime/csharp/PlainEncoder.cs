using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;

namespace Wire;

/// <summary>Escapes what JSON demands and nothing else; the framework's own encoders escape emoji.</summary>
internal sealed unsafe class PlainEncoder(bool refusesHalves) : JavaScriptEncoder
{
    internal static PlainEncoder Shared { get; } = new(false);

    /// <summary>Throws for half of a surrogate pair, which the other one writes as U+FFFD.</summary>
    internal static PlainEncoder Strict { get; } = new(true);

    public override int MaxOutputCharactersPerInputCharacter => 6;

    public override int FindFirstCharacterToEncode(char* text, int textLength)
    {
        if (refusesHalves && HasHalf(new ReadOnlySpan<char>(text, textLength)))
        {
            throw new FormatException("A text holds half of a surrogate pair.");
        }
        for (var at = 0; at < textLength; at++)
        {
            var unit = text[at];
            if (char.IsHighSurrogate(unit) && at + 1 < textLength && char.IsLowSurrogate(text[at + 1]))
            {
                at++;
            }
            else if (WillEncode(unit) || char.IsSurrogate(unit))
            {
                return at;
            }
        }
        return -1;
    }

    private static bool HasHalf(ReadOnlySpan<char> text)
    {
        for (var at = text.IndexOfAnyInRange('\uD800', '\uDFFF'); at >= 0 && at < text.Length; at++)
        {
            if (char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]))
            {
                at++;
            }
            else if (char.IsSurrogate(text[at]))
            {
                return true;
            }
        }
        return false;
    }

    public override bool WillEncode(int unicodeScalar) => unicodeScalar is < 0x20 or '"' or '\\';

    public override bool TryEncodeUnicodeScalar(
        int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        var output = new Span<char>(buffer, bufferLength);
        if (!WillEncode(unicodeScalar))
        {
            return new Rune(unicodeScalar).TryEncodeToUtf16(output, out numberOfCharactersWritten);
        }
        var text = unicodeScalar switch
        {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            _ => "\\u" + unicodeScalar.ToString("x4", CultureInfo.InvariantCulture),
        };
        var fits = text.TryCopyTo(output);
        numberOfCharactersWritten = fits ? text.Length : 0;
        return fits;
    }
}
