using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Wire;

/// <summary>What differs between two frames of one stream.</summary>
internal enum FramePart
{
    Id,
    Text,
    Number,
}

/// <summary>A place whose value differs, and which number it is.</summary>
internal readonly record struct FramePlace(string[] Path, FramePart Part, int Index);

/// <summary>The values at the changing places of one frame.</summary>
internal ref struct StreamFacts
{
    internal string Id { get; set; }

    internal string Text { get; set; }

    internal Span<long> Numbers { get; set; }
}

internal delegate ServerEvent RemakeEvent(ServerEvent model, in StreamFacts facts);

/// <summary>One row of the table of streamed events.</summary>
internal sealed record StreamKind(FramePlace[] Places, RemakeEvent Remake);

/// <summary>
/// One form of a streamed frame, learned from a frame that was decoded in full: bytes that stay, and places between
/// them that change. A frame that fits byte for byte is read by comparing, without a parse.
/// </summary>
internal sealed class LearnedFrame
{
    private const int MostDigits = 15;
    private const int ShortText = 256;

    /// <summary>What ends a string or asks for a closer look.</summary>
    private static readonly SearchValues<byte> Special = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(value => (byte)value), (byte)'"', (byte)'\\']);

    private readonly StreamKind _kind;
    private readonly ServerEvent _model;
    private readonly byte[][] _fixed;
    private readonly FramePlace[] _places;
    private readonly int _numbers;

    private LearnedFrame(StreamKind kind, ServerEvent model, byte[][] staying, FramePlace[] places)
    {
        _kind = kind;
        _model = model;
        _fixed = staying;
        _places = places;
        _numbers = places.Count(place => place.Part == FramePart.Number) > 0 ? kind.Places.Max(place => place.Index) + 1 : 0;
    }

    /// <summary>Learns the form of a frame; null when it has places that a comparison cannot tell.</summary>
    internal static LearnedFrame? Learn(StreamKind kind, ServerEvent model, ReadOnlySpan<byte> frame)
    {
        // Escapes of code units are left to the full way, here and in every frame that is read.
        if (frame.IndexOf("\\u"u8) >= 0)
        {
            return null;
        }
        var found = new List<(FramePlace Place, int From, int To)>();
        var reader = new Utf8JsonReader(frame, Json.Reading);
        reader.Read();
        if (!Walk(ref reader, kind.Places, [], found))
        {
            return null;
        }
        var staying = new List<byte[]>();
        var at = 0;
        foreach (var (_, from, to) in found)
        {
            staying.Add(frame[at..from].ToArray());
            at = to;
        }
        staying.Add(frame[at..].ToArray());
        var learned = new LearnedFrame(kind, model, [.. staying], [.. found.Select(item => item.Place)]);
        return learned.Read(frame, new IdMemory()) is null ? null : learned;
    }

    /// <summary>Reads a frame of this form; null when it has another one, or anything that asks for a parse.</summary>
    internal ServerEvent? Read(ReadOnlySpan<byte> frame, IdMemory ids)
    {
        Span<long> numbers = stackalloc long[_numbers];
        ReadOnlySpan<byte> id = default, text = default;
        var (seenId, seenText, escaped) = (false, false, false);
        var rest = frame;
        for (var index = 0; index < _places.Length; index++)
        {
            if (!rest.StartsWith(_fixed[index]))
            {
                return null;
            }
            rest = rest[_fixed[index].Length..];
            int length;
            switch (_places[index].Part)
            {
                case FramePart.Id:
                    length = seenId ? Same(rest, id) : StringLength(rest, out var odd) is var size && !odd ? size : -1;
                    id = seenId || length < 0 ? id : rest[..length];
                    seenId = true;
                    break;
                case FramePart.Text:
                    length = seenText ? Same(rest, text) : StringLength(rest, out escaped);
                    text = seenText || length < 0 ? text : rest[..length];
                    seenText = true;
                    break;
                default:
                    length = Integer(rest, out numbers[_places[index].Index]);
                    break;
            }
            if (length < 0)
            {
                return null;
            }
            rest = rest[length..];
        }
        if (!rest.SequenceEqual(_fixed[^1]) || Decoded(text, escaped) is not { } shown || ids.Find(id) is not { } named)
        {
            return null;
        }
        var facts = new StreamFacts { Id = named, Text = shown, Numbers = numbers };
        return _kind.Remake(_model, in facts);
    }

    private static bool Walk(
        ref Utf8JsonReader reader, FramePlace[] places, string[] at, List<(FramePlace Place, int From, int To)> found)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (Json.NextMember(ref reader))
        {
            var name = reader.GetString()!;
            string[] path = [.. at, name];
            reader.Read();
            if (!seen.Add(name))
            {
                return false; // of two members of one name the last counts
            }
            var place = Array.FindIndex(places, item => item.Path.AsSpan().SequenceEqual(path));
            var leads = Array.Exists(places, item => item.Path.Length > path.Length && item.Path.AsSpan().StartsWith(path));
            if (leads && reader.TokenType == JsonTokenType.StartObject)
            {
                if (!Walk(ref reader, places, path, found))
                {
                    return false;
                }
            }
            else if (place >= 0 && reader.TokenType is JsonTokenType.String or JsonTokenType.Number)
            {
                var quote = reader.TokenType == JsonTokenType.String ? 1 : 0;
                var from = (int)reader.TokenStartIndex + quote;
                found.Add((places[place], from, from + reader.ValueSpan.Length));
            }
            else
            {
                reader.Skip();
            }
        }
        return true;
    }

    private static int Same(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> value) => rest.StartsWith(value) ? value.Length : -1;

    /// <summary>Returns the bytes up to the closing quote; -1 when the string is left to the full way.</summary>
    private static int StringLength(ReadOnlySpan<byte> rest, out bool escaped)
    {
        escaped = false;
        var at = 0;
        while (rest[at..].IndexOfAny(Special) is var found and >= 0)
        {
            at += found;
            if (rest[at] == '"')
            {
                return at;
            }
            if (rest[at] != '\\' || at + 1 >= rest.Length || !"\"\\/bfnrt"u8.Contains(rest[at + 1]))
            {
                return -1;
            }
            escaped = true;
            at += 2;
        }
        return -1;
    }

    private static int Integer(ReadOnlySpan<byte> rest, out long value)
    {
        value = 0;
        var at = 0;
        while (at < rest.Length && at <= MostDigits && rest[at] is >= (byte)'0' and <= (byte)'9')
        {
            value = (value * 10) + rest[at++] - '0';
        }
        var ends = at < rest.Length && rest[at] is not ((byte)'.' or (byte)'e' or (byte)'E');
        return ends && at is > 0 and <= MostDigits && (at == 1 || rest[0] != '0') ? at : -1;
    }

    /// <summary>Returns the text that the bytes of a string stand for; null when they are no UTF-8.</summary>
    private static string? Decoded(ReadOnlySpan<byte> text, bool escaped)
    {
        if (text.Length > ShortText)
        {
            return escaped || !Utf8.IsValid(text) ? null : Encoding.UTF8.GetString(text);
        }
        Span<byte> plain = stackalloc byte[ShortText];
        var unescaped = escaped ? plain[..Unescape(text, plain)] : text;
        Span<char> shown = stackalloc char[ShortText];
        var status = Utf8.ToUtf16(unescaped, shown, out _, out var written, replaceInvalidSequences: false);
        return status == OperationStatus.Done ? new string(shown[..written]) : null;
    }

    private static int Unescape(ReadOnlySpan<byte> text, Span<byte> plain)
    {
        var length = 0;
        for (var at = 0; at < text.Length; at++)
        {
            var value = text[at];
            if (value == '\\')
            {
                value = text[++at] switch
                {
                    (byte)'b' => (byte)'\b',
                    (byte)'f' => (byte)'\f',
                    (byte)'n' => (byte)'\n',
                    (byte)'r' => (byte)'\r',
                    (byte)'t' => (byte)'\t',
                    var itself => itself,
                };
            }
            plain[length++] = value;
        }
        return length;
    }
}

/// <summary>The ids seen last, so that the frames of one turn share one string.</summary>
internal sealed class IdMemory
{
    private const int Size = 256;

    private readonly (byte[] Bytes, string Text)[] _known = new (byte[], string)[Size];

    /// <summary>Returns the id as text; null when it is no UTF-8.</summary>
    internal string? Find(ReadOnlySpan<byte> id)
    {
        var hash = id.Length;
        foreach (var value in id[^Math.Min(id.Length, 4)..])
        {
            hash = (hash * 31) + value;
        }
        ref var known = ref _known[hash & (Size - 1)];
        if (known.Bytes is null || !id.SequenceEqual(known.Bytes))
        {
            if (!Utf8.IsValid(id))
            {
                return null;
            }
            known = (id.ToArray(), Encoding.UTF8.GetString(id));
        }
        return known.Text;
    }
}
