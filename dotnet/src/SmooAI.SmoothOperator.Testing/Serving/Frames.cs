using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>What an event of a turn begins with.</summary>
internal readonly record struct FrameHead(string Id, long? Seq, long At);

/// <summary>Writes frames with the writers of the client's own wire room.</summary>
internal static class Frames
{
    private const int ClosedRequest = 499; // the status of a turn that was stopped

    internal static JsonElement Empty { get; } = Element([]);

    internal static string Text(WireObject value) => Encoding.UTF8.GetString(Json.Bytes(value).Span);

    internal static JsonElement Element(JsonObject value)
    {
        using var document = JsonDocument.Parse(value.ToJsonString());
        return document.RootElement.Clone();
    }

    internal static string Pong(string? id, long at) => Text(new PongEvent { RequestId = id, Timestamp = at });

    internal static string Value(string? id, long at, JsonObject data) =>
        Text(new ImmediateResponseEvent { RequestId = id, Status = 200, Data = Element(data), Timestamp = at });

    internal static ServerEvent Taken(FrameHead head) => new ImmediateResponseEvent
    {
        RequestId = head.Id,
        Seq = head.Seq,
        Status = 200,
        Data = Empty,
        Timestamp = head.At,
    };

    internal static ServerEvent Cancelled(FrameHead head) =>
        new CancelledEvent { RequestId = head.Id, Seq = head.Seq, Status = ClosedRequest, Timestamp = head.At };

    internal static ErrorEvent Error(string? id, long? seq, long at, string code, string message) =>
        new() { RequestId = id, Seq = seq, Code = code, Message = message, Timestamp = at };

    internal static string Resumed(string id, long at, ResumeState state, int last) =>
        Text(new TurnResumedEvent { RequestId = id, State = state, LastSeq = last, Timestamp = at });

    internal static Func<FrameHead, ServerEvent> OtpInvalid(OtpInvalidReason why, int left, string message) => head => new OtpInvalidEvent
    {
        RequestId = head.Id,
        Seq = head.Seq,
        Error = why,
        AttemptsRemaining = left,
        Message = message,
        Timestamp = head.At,
    };

    /// <summary>A time as history and lists show it.</summary>
    internal static string Shown(DateTimeOffset time) =>
        time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'+00:00'", CultureInfo.InvariantCulture);
}
