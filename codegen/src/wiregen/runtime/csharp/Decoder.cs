using System.Runtime.InteropServices;
using System.Text.Json;

namespace Wire;

/// <summary>From bytes to events: strict first, then one repair pass.</summary>
internal static class Decoder
{
    internal static DecodedFrame Decode(ReadOnlyMemory<byte> frame)
    {
        try
        {
            return DecodeText(frame, Surrogates.Mend(frame));
        }
        catch (JsonException)
        {
            return default;
        }
        catch (InvalidOperationException)
        {
            return default; // a string that is no UTF-8
        }
    }

    private static DecodedFrame DecodeText(ReadOnlyMemory<byte> frame, ReadOnlyMemory<byte> text)
    {
        var tag = new Utf8JsonReader(text.Span, Json.Reading);
        if (FindTag(ref tag) && tag.TokenType == JsonTokenType.String && EventTable.Find(ref tag) is { } kind)
        {
            try
            {
                return new(Read(kind.Read, frame, text), kind.Terminal);
            }
            catch (WireFault)
            {
                // what needs a repair, and where two members have one name
            }
        }
        return DecodeWhole(frame, text);
    }

    /// <summary>Decodes a frame by a look at all of it: of several members of one name the last counts.</summary>
    private static DecodedFrame DecodeWhole(ReadOnlyMemory<byte> frame, ReadOnlyMemory<byte> text)
    {
        var tag = new Utf8JsonReader(text.Span, Json.Reading);
        var there = FindTag(ref tag);
        for (var next = tag; there; tag = next)
        {
            next.Skip();
            if (!NextTag(ref next))
            {
                break;
            }
        }
        if (!there || tag.TokenType != JsonTokenType.String)
        {
            return default;
        }
        return EventTable.Find(ref tag) is { } kind
            ? Mend(kind, frame, text)
            : new(new UnknownEvent(tag.GetString()!, frame, Correlation(text), null), false);
    }

    private static bool FindTag(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.StartObject && NextTag(ref reader);
    }

    /// <summary>Goes to the value of the next member that names the event; false at the end of the text.</summary>
    private static bool NextTag(ref Utf8JsonReader reader)
    {
        while (Json.NextMember(ref reader))
        {
            var found = reader.ValueTextEquals(EventTable.Tag);
            reader.Read();
            if (found)
            {
                return true;
            }
            reader.Skip();
        }
        while (reader.Read()) { } // what follows the object is no JSON
        return false;
    }

    private static ServerEvent Read(ReadValue<ServerEvent> read, ReadOnlyMemory<byte> frame, ReadOnlyMemory<byte> text)
    {
        var reader = new Utf8JsonReader(text.Span, Json.Reading);
        reader.Read();
        var made = read(ref reader);
        reader.Read(); // refuses what follows the object
        made.Received = frame;
        return made;
    }

    private static DecodedFrame Mend(EventKind kind, ReadOnlyMemory<byte> frame, ReadOnlyMemory<byte> text)
    {
        var tree = Repair.Parse(text);
        var problem = Repair.Mend(tree, kind.Shape, kind.Mirrors, out var mended);
        if (problem is null)
        {
            try
            {
                return new(Read(kind.Read, frame, mended), kind.Terminal);
            }
            catch (WireFault)
            {
                problem = new("type", "");
            }
        }
        return new(new UnknownEvent(kind.WireType, frame, Correlation(text), problem), kind.Terminal);
    }

    /// <summary>Reads a value that an event carries, such as the result of a call.</summary>
    internal static T? DecodeValue<T>(JsonElement value, Shape shape, Func<JsonElement, T> read, out FrameProblem? problem)
        where T : class
    {
        problem = null;
        try
        {
            return read(value);
        }
        catch (WireFault)
        {
            problem = Repair.Mend(value, shape, [], out var mended);
            if (problem is not null)
            {
                return null;
            }
            try
            {
                return read(Repair.Parse(mended));
            }
            catch (WireFault)
            {
                problem = new("type", "");
                return null;
            }
        }
    }

    /// <summary>Returns the id at the first of its places that holds a string.</summary>
    private static string? Correlation(ReadOnlyMemory<byte> text)
    {
        foreach (var place in EventTable.Places)
        {
            if (TextAt(text.Span, place) is { } id)
            {
                return id;
            }
        }
        return null;
    }

    private static string? TextAt(ReadOnlySpan<byte> text, string[] place)
    {
        var reader = new Utf8JsonReader(text, Json.Reading);
        reader.Read();
        var depth = 0;
        while (Json.NextMember(ref reader))
        {
            var found = reader.ValueTextEquals(place[depth]);
            reader.Read();
            if (!found)
            {
                reader.Skip();
            }
            else if (++depth == place.Length)
            {
                return reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            }
            else if (reader.TokenType != JsonTokenType.StartObject)
            {
                return null;
            }
        }
        return null;
    }
}
