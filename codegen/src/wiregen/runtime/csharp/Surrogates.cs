namespace Wire;

/// <summary>Replaces escapes of lone surrogates, which no UTF-8 string can hold, by U+FFFD.</summary>
internal static class Surrogates
{
    /// <summary>Returns the text itself when it has none; never changes its length.</summary>
    internal static ReadOnlyMemory<byte> Mend(ReadOnlyMemory<byte> text)
    {
        var span = text.Span;
        byte[]? copy = null;
        // From the first backslash on, so that a pair of them is never taken for the start of an escape.
        var at = span.IndexOf("\\u"u8) < 0 ? -1 : span.IndexOf((byte)'\\');
        while (at >= 0 && at < span.Length)
        {
            if (span[at] != '\\')
            {
                var next = span[at..].IndexOf((byte)'\\');
                at = next < 0 ? -1 : at + next;
                continue;
            }
            var high = Unit(span, at);
            if (high is < 0xD800 or > 0xDFFF)
            {
                at += high < 0 ? 2 : 6;
            }
            else if (high < 0xDC00 && Unit(span, at + 6) is >= 0xDC00 and <= 0xDFFF)
            {
                at += 12;
            }
            else
            {
                copy ??= span.ToArray();
                "fffd"u8.CopyTo(copy.AsSpan(at + 2));
                at += 6;
            }
        }
        return copy ?? text;
    }

    /// <summary>Returns the code unit of an escape <c>\uXXXX</c> at a place, or -1.</summary>
    private static int Unit(ReadOnlySpan<byte> span, int at)
    {
        if (at + 6 > span.Length || span[at] != '\\' || span[at + 1] != 'u')
        {
            return -1;
        }
        var value = 0;
        foreach (var digit in span.Slice(at + 2, 4))
        {
            if (!char.IsAsciiHexDigit((char)digit))
            {
                return -1;
            }
            value = (value << 4) | Convert.ToInt32(((char)digit).ToString(), 16);
        }
        return value;
    }
}
