using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Wire;

/// <summary>The one repair pass: writes a tree again as its table wants it, and names the first fault.</summary>
internal static class Repair
{
    private static readonly JsonDocumentOptions Parsing = new() { MaxDepth = 256 };

    internal static JsonElement Parse(ReadOnlyMemory<byte> text)
    {
        using var document = JsonDocument.Parse(text, Parsing);
        return document.RootElement.Clone();
    }

    /// <summary>Repairs a tree and checks it; returns the fault, or null and the repaired text.</summary>
    internal static FrameProblem? Mend(JsonElement tree, Shape shape, Mirror[] mirrors, out ReadOnlyMemory<byte> mended)
    {
        var check = Check.Of(shape.Name);
        mended = Json.Bytes(writer => Write(writer, tree, check, tree, mirrors, []));
        var root = Parse(mended);
        return Faults.Find(root, check, "") ?? Faults.FindMirror(root, mirrors);
    }

    private static void Write(
        Utf8JsonWriter writer, JsonElement value, Check check, JsonElement root, Mirror[] mirrors, string[] path)
    {
        if (check.Shape is { } shape && value.ValueKind == JsonValueKind.Object)
        {
            WriteObject(writer, value, shape, root, mirrors, path);
        }
        // only with unions {
        else if (check.Branches?.Choose(value) is { } chosen)
        {
            Write(writer, value, chosen, root, [], path);
        }
        // }
        else if (check.Item is { } item && value.ValueKind == JsonValueKind.Array)
        {
            writer.WriteStartArray();
            foreach (var entry in value.EnumerateArray())
            {
                Write(writer, entry, item, root, [], path);
            }
            writer.WriteEndArray();
        }
        else if (check.Item is { } member && value.ValueKind == JsonValueKind.Object)
        {
            writer.WriteStartObject();
            foreach (var entry in value.EnumerateObject())
            {
                if (!Repeated(value, entry))
                {
                    writer.WritePropertyName(entry.Name);
                    Write(writer, entry.Value, member, root, [], path);
                }
            }
            writer.WriteEndObject();
        }
        else if (check.Allowed == JsonKinds.Integer && Numbers.Whole(value) is { } whole)
        {
            writer.WriteRawValue(whole, skipInputValidation: true);
        }
        else
        {
            value.WriteTo(writer);
        }
    }

    private static void WriteObject(
        Utf8JsonWriter writer, JsonElement value, Shape shape, JsonElement root, Mirror[] mirrors, string[] path)
    {
        writer.WriteStartObject();
        foreach (var entry in value.EnumerateObject())
        {
            if (Repeated(value, entry))
            {
                continue;
            }
            var field = shape.Find(entry.Name);
            if (field is { Required: false, Nullable: false } && entry.Value.ValueKind == JsonValueKind.Null)
            {
                continue;
            }
            writer.WritePropertyName(entry.Name);
            Write(writer, entry.Value, field?.Check ?? Check.Any, root, mirrors, [.. path, entry.Name]);
        }
        foreach (var mirror in mirrors)
        {
            var name = mirror.Nested[^1];
            if (mirror.Fill && path.AsSpan().SequenceEqual(mirror.Nested.AsSpan(0, mirror.Nested.Length - 1)) && IsAbsent(value, shape, name)
                && root.TryGetProperty(mirror.Top, out var copy)
                && (copy.ValueKind != JsonValueKind.Null || shape.Find(name) is { Nullable: true }))
            {
                writer.WritePropertyName(name);
                Write(writer, copy, shape.Find(name)?.Check ?? Check.Any, root, [], path);
            }
        }
        writer.WriteEndObject();
    }

    /// <summary>Whether a member of the same name follows: the last one counts.</summary>
    private static bool Repeated(JsonElement owner, JsonProperty entry) =>
        !JsonMarshal.GetRawUtf8Value(owner.GetProperty(entry.Name)).Overlaps(JsonMarshal.GetRawUtf8Value(entry.Value));

    private static bool IsAbsent(JsonElement owner, Shape shape, string name) =>
        !owner.TryGetProperty(name, out var found)
        || (found.ValueKind == JsonValueKind.Null && shape.Find(name) is { Required: false, Nullable: false });
}

/// <summary>Whole numbers that were written with a fraction or an exponent.</summary>
internal static class Numbers
{
    /// <summary>Returns the digits of a number without a fraction; null for anything else and for digits alone.</summary>
    internal static string? Whole(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Number || IsDigits(JsonMarshal.GetRawUtf8Value(value)) || !double.IsInteger(value.GetDouble()))
        {
            return null;
        }
        return new BigInteger(value.GetDouble()).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Returns what a number with a zero fraction is as an integer; null for all others, and beyond 64 bits.</summary>
    internal static long? Whole(ReadOnlySpan<byte> text, double number) =>
        !IsDigits(text) && double.IsInteger(number) && number is >= long.MinValue and < -(double)long.MinValue ? (long)number : null;

    /// <summary>Returns the kinds that fit where these are asked for: an integer is a number.</summary>
    internal static JsonKinds Wider(JsonKinds kinds) =>
        (kinds & JsonKinds.Number) != 0 ? kinds | JsonKinds.Integer | JsonKinds.Large : kinds;

    /// <summary>Returns the kind of a number.</summary>
    internal static JsonKinds KindOf(JsonElement value)
    {
        var number = value.GetDouble();
        if (!double.IsInteger(number))
        {
            return double.IsFinite(number) ? JsonKinds.Number : JsonKinds.Huge;
        }
        var held = value.TryGetInt64(out _) || Whole(JsonMarshal.GetRawUtf8Value(value), number) is not null;
        return held ? JsonKinds.Integer : JsonKinds.Large;
    }

    private static bool IsDigits(ReadOnlySpan<byte> text) => text.IndexOfAny((byte)'.', (byte)'e', (byte)'E') < 0;
}
