using System.Text.Json;

namespace Wire;

/// <summary>Writes members: nothing for one that is absent.</summary>
internal static class MemberWriting
{
    internal static void Member(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }

    internal static void Member(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, long? value)
    {
        if (value is { } number)
        {
            writer.WriteNumber(name, number);
        }
    }

    internal static void Member(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, double? value)
    {
        if (value is { } number)
        {
            writer.WritePropertyName(name);
            Json.WriteNumber(writer, number);
        }
    }

    internal static void Member(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, bool? value)
    {
        if (value is { } truth)
        {
            writer.WriteBoolean(name, truth);
        }
    }

    internal static void Member(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, JsonElement? value)
    {
        if (value is { } json)
        {
            writer.WritePropertyName(name);
            json.WriteTo(writer);
        }
    }

    internal static void Member(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, WireObject? value)
    {
        if (value is not null)
        {
            writer.WritePropertyName(name);
            value.WriteTo(writer);
        }
    }

    internal static void Member<T>(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, T? value, Action<Utf8JsonWriter, T> write)
        where T : class
    {
        if (value is not null)
        {
            writer.WritePropertyName(name);
            write(writer, value);
        }
    }

    internal static void Member<T>(
        this Utf8JsonWriter writer, ReadOnlySpan<byte> name, Optional<T> value, Action<Utf8JsonWriter, T> write)
    {
        if (value.HasValue)
        {
            writer.WritePropertyName(name);
            write(writer, value.Value!);
        }
        else if (value.IsNull)
        {
            writer.WriteNull(name);
        }
    }

    /// <summary>Writes a member that is always there and may be null.</summary>
    internal static void Nullable<T>(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, T? value, Action<Utf8JsonWriter, T> write)
        where T : class
    {
        writer.Member(name, value is null ? Optional<T>.Null : Optional<T>.Of(value), write);
    }

    /// <summary>Writes a member that is always there and may be null.</summary>
    internal static void Nullable<T>(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, T? value, Action<Utf8JsonWriter, T> write)
        where T : struct
    {
        writer.Member(name, value is { } given ? Optional<T>.Of(given) : Optional<T>.Null, write);
    }
}
