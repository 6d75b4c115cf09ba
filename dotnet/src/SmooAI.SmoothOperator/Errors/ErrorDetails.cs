using System.Text.Json;

namespace SmooAI.SmoothOperator;

/// <summary>Further facts of an error; what does not apply is null.</summary>
public sealed record ErrorDetails
{
    internal static ErrorDetails None { get; } = new();

    /// <summary>HTTP status of a refused handshake, or the status of a response of 400 and above.</summary>
    public long? Status { get; init; }

    /// <summary>Milliseconds after which the server takes the action again (REQ-ERR-02).</summary>
    public long? RetryAfterMs { get; init; }

    /// <summary>Type of the frame that could not be read.</summary>
    public string? FrameType { get; init; }

    /// <summary>JSON Pointer of the fault inside that frame.</summary>
    public string? Pointer { get; init; }

    /// <summary>Bytes of the message that was too large, where known.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>The limit in bytes that it was over.</summary>
    public long? LimitBytes { get; init; }

    /// <summary>The question that was open when the turn ended.</summary>
    public Question? OpenQuestion { get; init; }

    /// <summary>
    /// What the server said of a turn that does not go on: <c>gone</c>, <c>moved</c>, <c>never</c>, or a newer word
    /// (REQ-RESUME-04).
    /// </summary>
    public string? State { get; init; }

    /// <summary>Code with which the server refused that the turn goes on (REQ-RESUME-05).</summary>
    public string? Code { get; init; }

    /// <summary>What a refused handshake said, at most 4,096 bytes of it (REQ-CONN-22).</summary>
    public string? Body { get; init; }

    /// <summary>The server's id of a refused handshake, from <c>x-request-id</c>.</summary>
    public string? RequestId { get; init; }

    /// <summary>What the server added under <c>details</c>.</summary>
    public JsonElement? ServerDetails { get; init; }

    /// <summary>The facts that are numbers or places; never what the server said.</summary>
    public override string ToString()
    {
        (string Name, object? Value)[] shown =
        [
            (nameof(Status), Status), (nameof(RetryAfterMs), RetryAfterMs), (nameof(FrameType), FrameType), (nameof(Pointer), Pointer),
            (nameof(SizeBytes), SizeBytes), (nameof(LimitBytes), LimitBytes), (nameof(OpenQuestion), OpenQuestion),
        ];
        return $"ErrorDetails {{ {string.Join(", ", shown.Where(fact => fact.Value is not null).Select(fact => $"{fact.Name} = {fact.Value}"))} }}";
    }
}
