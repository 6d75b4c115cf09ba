using System.Collections.ObjectModel;
using System.Text;
using System.Text.Json;

namespace Wire;

/// <summary>A JSON object of the protocol. Members that the specification does not list are kept.</summary>
public abstract record WireObject
{
    private protected WireObject() { }

    /// <summary>Members that this version of the specification does not list; written again by the encoder.</summary>
    public IReadOnlyDictionary<string, JsonElement> Extra =>
        (IReadOnlyDictionary<string, JsonElement>?)Unlisted ?? ReadOnlyDictionary<string, JsonElement>.Empty;

    internal Dictionary<string, JsonElement>? Unlisted { get; init; }

    /// <summary>Returns the object as JSON: members in the order of the specification, absent ones left out.</summary>
    public string ToJson() => Encoding.UTF8.GetString(Json.Bytes(this).Span);

    /// <summary>Names the type and nothing else: values may be private.</summary>
    public sealed override string ToString() => TypeLabel;

    private protected virtual string TypeLabel => GetType().Name;

    internal virtual void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        WriteMembers(writer);
        foreach (var (name, value) in Unlisted ?? [])
        {
            writer.WritePropertyName(name);
            value.WriteTo(writer);
        }
        writer.WriteEndObject();
    }

    internal abstract void WriteMembers(Utf8JsonWriter writer);
}
