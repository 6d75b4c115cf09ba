using System.Text.Json;

namespace Wire;

/// <summary>Why the body of a known event could not be read.</summary>
/// <param name="Kind"><c>missing</c>, <c>type</c> or <c>const</c>.</param>
/// <param name="Pointer">JSON Pointer of the member.</param>
public sealed record FrameProblem(string Kind, string Pointer);

/// <summary>An event of a type that this version does not know, or a known one with a broken body.</summary>
public sealed record UnknownEvent : ServerEvent
{
    internal UnknownEvent(string wireType, ReadOnlyMemory<byte> received, string? id, FrameProblem? problem)
    {
        WireType = wireType;
        Received = received;
        RequestId = id;
        Problem = problem;
    }

    /// <summary>Always <c>unknown</c>.</summary>
    public override string Type => "unknown";

    /// <summary>The wire's word.</summary>
    public string WireType { get; }

    /// <summary>Id of the action that caused the event, where the frame has one.</summary>
    public string? RequestId { get; }

    /// <summary>What is wrong with the body of a known type; null for an unknown type.</summary>
    public FrameProblem? Problem { get; }

    internal override string? CorrelationId => RequestId;

    internal override void WriteTo(Utf8JsonWriter writer)
    {
        var reader = new Utf8JsonReader(Received.Span, Json.Reading);
        JsonElement.ParseValue(ref reader).WriteTo(writer);
    }

    internal override void WriteMembers(Utf8JsonWriter writer) { }
}
