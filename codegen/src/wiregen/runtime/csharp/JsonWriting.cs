using System.Buffers;
using System.Text.Json;

namespace Wire;

internal static partial class Json
{
    private static readonly JsonWriterOptions Writing = new()
    {
        Encoder = PlainEncoder.Shared,
        SkipValidation = true,
        MaxDepth = 512,
    };

    /// <summary>Returns the object as UTF-8.</summary>
    internal static ReadOnlyMemory<byte> Bytes(WireObject value) => Bytes(value.WriteTo);

    /// <summary>Returns an action as the UTF-8 of its frame.</summary>
    /// <exception cref="FormatException">A text holds half of a surrogate pair.</exception>
    internal static ReadOnlyMemory<byte> Frame(ClientAction action)
    {
        try
        {
            var frame = Bytes(action.WriteTo, Writing with { Encoder = PlainEncoder.Strict });
            return Surrogates.Mend(frame).Equals(frame)
                ? frame
                : throw new FormatException("A JSON value holds half of a surrogate pair.");
        }
        catch (InvalidOperationException fault)
        {
            throw new FormatException("A JSON value holds half of a surrogate pair.", fault);
        }
    }

    internal static ReadOnlyMemory<byte> Bytes(Action<Utf8JsonWriter> write) => Bytes(write, Writing);

    private static ReadOnlyMemory<byte> Bytes(Action<Utf8JsonWriter> write, JsonWriterOptions options)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, options))
        {
            write(writer);
        }
        return buffer.WrittenMemory;
    }

    internal static JsonElement Facts(ServerEvent value)
    {
        var bytes = Bytes(writer =>
        {
            writer.WriteStartObject();
            value.WriteFacts(writer);
            writer.WriteEndObject();
        });
        var reader = new Utf8JsonReader(bytes.Span, Reading);
        return JsonElement.ParseValue(ref reader);
    }

    internal static void WriteNumber(Utf8JsonWriter writer, double value)
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumberValue(value);
            return;
        }
        if (double.IsNaN(value))
        {
            throw new ArgumentException("NaN is no JSON number.", nameof(value));
        }
        // The reader makes infinity of a number beyond the range of a double: the same way back.
        writer.WriteRawValue(value > 0 ? "1e999" : "-1e999", skipInputValidation: true);
    }

    internal static void WriteList<T>(Utf8JsonWriter writer, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write)
    {
        writer.WriteStartArray();
        foreach (var item in items)
        {
            write(writer, item);
        }
        writer.WriteEndArray();
    }

    internal static void WriteMap<T>(
        Utf8JsonWriter writer, IReadOnlyDictionary<string, T> items, Action<Utf8JsonWriter, T> write)
    {
        writer.WriteStartObject();
        foreach (var (name, item) in items)
        {
            writer.WritePropertyName(name);
            write(writer, item);
        }
        writer.WriteEndObject();
    }
}
