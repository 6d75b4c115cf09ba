using System.Runtime.InteropServices;
using System.Text.Json;

namespace Wire;

/// <summary>Reads objects from a parsed tree: all but events that stream, which are read from their bytes.</summary>
internal static partial class Json
{
    /// <summary>Returns a member that must be there.</summary>
    internal static JsonElement Due(this JsonElement json, ReadOnlySpan<byte> name) =>
        json.TryGetProperty(name, out var found) ? found : throw WireFault.Missing();

    /// <summary>Whether a member is there and not null.</summary>
    internal static bool Has(this JsonElement json, ReadOnlySpan<byte> name, out JsonElement found) =>
        json.TryGetProperty(name, out found) && found.ValueKind != JsonValueKind.Null;

    /// <summary>Returns a message that is of the type it is read as: of two members of one name the last counts.</summary>
    internal static JsonElement Tagged(JsonElement json, ReadOnlySpan<byte> tag, ReadOnlySpan<byte> word) =>
        json.ValueKind == JsonValueKind.Object && json.Due(tag) is { ValueKind: JsonValueKind.String } found && found.ValueEquals(word)
            ? json
            : throw WireFault.Type();

    /// <summary>Returns the members of an object that its table does not list; null when there are none.</summary>
    internal static Dictionary<string, JsonElement>? Extra(JsonElement json, Shape shape)
    {
        Dictionary<string, JsonElement>? extra = null;
        foreach (var entry in Members(json))
        {
            if (shape.Find(entry.Name) is null)
            {
                (extra ??= new(StringComparer.Ordinal))[entry.Name] = entry.Value;
            }
        }
        return extra;
    }

    /// <summary>Returns the members of an object that are not listed; null when there are none.</summary>
    internal static Dictionary<string, JsonElement>? Extra(JsonElement json, params ReadOnlySpan<string> listed)
    {
        Dictionary<string, JsonElement>? extra = null;
        foreach (var entry in Members(json))
        {
            if (!listed.Contains(entry.Name))
            {
                (extra ??= new(StringComparer.Ordinal))[entry.Name] = entry.Value;
            }
        }
        return extra;
    }

    internal static string Text(JsonElement json) =>
        json.ValueKind == JsonValueKind.String ? json.GetString()! : throw WireFault.Type();

    internal static long Integer(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Number)
        {
            throw WireFault.Type();
        }
        return json.TryGetInt64(out var value) ? value : Numbers.Whole(JsonMarshal.GetRawUtf8Value(json), json.GetDouble()) ?? throw WireFault.Type();
    }

    internal static double Number(JsonElement json) =>
        json.ValueKind == JsonValueKind.Number && double.IsFinite(json.GetDouble()) ? json.GetDouble() : throw WireFault.Type();

    internal static bool Boolean(JsonElement json) =>
        json.ValueKind is JsonValueKind.True or JsonValueKind.False ? json.GetBoolean() : throw WireFault.Type();

    /// <summary>Returns a value of one of the kinds as it is.</summary>
    internal static JsonElement Kept(JsonElement json, JsonKinds kinds)
    {
        return (Faults.KindOf(json) & Numbers.Wider(kinds)) != 0 ? json : throw WireFault.Type();
    }

    /// <summary>Returns a member that may be absent, null or a value.</summary>
    internal static Optional<T> Maybe<T>(JsonElement json, ReadOnlySpan<byte> name, Func<JsonElement, T> read)
    {
        if (!json.TryGetProperty(name, out var found))
        {
            return default;
        }
        return found.ValueKind == JsonValueKind.Null ? Optional<T>.Null : Optional<T>.Of(read(found));
    }

    internal static IReadOnlyList<T> List<T>(JsonElement json, Func<JsonElement, T> read)
    {
        if (json.ValueKind != JsonValueKind.Array)
        {
            throw WireFault.Type();
        }
        var items = new List<T>(json.GetArrayLength());
        foreach (var item in json.EnumerateArray())
        {
            items.Add(read(item));
        }
        return items;
    }

    internal static IReadOnlyDictionary<string, T> Map<T>(JsonElement json, Func<JsonElement, T> read)
    {
        var items = new Dictionary<string, T>(StringComparer.Ordinal);
        foreach (var entry in Members(json))
        {
            items[entry.Name] = read(entry.Value);
        }
        return items;
    }

    /// <summary>Reads a value from its bytes.</summary>
    internal static T Again<T>(JsonElement json, ReadValue<T> read)
    {
        var reader = new Utf8JsonReader(JsonMarshal.GetRawUtf8Value(json), Reading);
        reader.Read();
        return read(ref reader);
    }

    private static JsonElement.ObjectEnumerator Members(JsonElement json) =>
        json.ValueKind == JsonValueKind.Object ? json.EnumerateObject() : throw WireFault.Type();
}
