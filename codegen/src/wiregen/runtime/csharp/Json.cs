using System.Text.Json;

namespace Wire;

internal delegate T ReadValue<T>(ref Utf8JsonReader reader);

[Flags]
internal enum JsonKinds
{
    None = 0,
    Object = 1,
    Array = 2,
    String = 4,
    Integer = 8,
    Number = 16,
    Boolean = 32,
    Null = 64,
    Huge = 128, // a number that no double holds
    Large = 256, // an integer that 64 bits do not hold
    Any = Object | Array | String | Integer | Number | Boolean | Null | Huge | Large,
}

internal static partial class Json
{
    internal static readonly JsonReaderOptions Reading = new() { MaxDepth = 256 };

    internal static void Begin(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw WireFault.Type();
        }
    }

    internal static bool NextMember(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    internal static bool IsNull(ref Utf8JsonReader reader) => reader.TokenType == JsonTokenType.Null;

    internal static void ReadTag(ref Utf8JsonReader reader, ReadOnlySpan<byte> tag)
    {
        if (reader.TokenType != JsonTokenType.String || !reader.ValueTextEquals(tag))
        {
            throw WireFault.Type();
        }
    }

    internal static void ReadExtra(ref Utf8JsonReader reader, ref Dictionary<string, JsonElement>? extra)
    {
        var name = reader.GetString()!;
        reader.Read();
        (extra ??= new(StringComparer.Ordinal))[name] = JsonElement.ParseValue(ref reader);
    }

    internal static string ReadString(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw WireFault.Type();

    internal static long ReadInteger(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.Number)
        {
            throw WireFault.Type();
        }
        if (reader.TryGetInt64(out var value))
        {
            return value;
        }
        return Numbers.Whole(reader.ValueSpan, reader.GetDouble()) ?? throw WireFault.Type();
    }

    internal static double ReadNumber(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var value) && double.IsFinite(value) ? value : throw WireFault.Type();

    internal static bool ReadBoolean(ref Utf8JsonReader reader) =>
        reader.TokenType is JsonTokenType.True or JsonTokenType.False ? reader.GetBoolean() : throw WireFault.Type();

    internal static JsonElement ReadElement(ref Utf8JsonReader reader, JsonKinds kinds)
    {
        var found = JsonElement.ParseValue(ref reader);
        return kinds == JsonKinds.Any ? found : Kept(found, kinds);
    }

    internal static IReadOnlyList<T> ReadList<T>(ref Utf8JsonReader reader, ReadValue<T> read)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw WireFault.Type();
        }
        var items = new List<T>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(read(ref reader));
        }
        return items;
    }

    internal static IReadOnlyDictionary<string, T> ReadMap<T>(ref Utf8JsonReader reader, ReadValue<T> read)
    {
        Begin(ref reader);
        var items = new Dictionary<string, T>(StringComparer.Ordinal);
        while (NextMember(ref reader))
        {
            var name = reader.GetString()!;
            reader.Read();
            items[name] = read(ref reader);
        }
        return items;
    }
}
