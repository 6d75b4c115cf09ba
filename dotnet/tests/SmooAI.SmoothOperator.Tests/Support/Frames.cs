using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Tests.Support;

/// <summary>Frames of a server, as short words.</summary>
internal static class Frames
{
    public const string Session = "3f2b8c1e-5a4d-4e6f-8b7a-9c0d1e2f3a4b";
    public const string Conversation = "4f2b8c1e-5a4d-4e6f-8b7a-9c0d1e2f3a4b";
    public const string Agent = "5f2b8c1e-5a4d-4e6f-8b7a-9c0d1e2f3a4b";

    public static string Accepted(string id) => Immediate(id, 202);

    public static string Immediate(string id, int status, string data = "{}") =>
        $$"""{"type":"immediate_response","requestId":"{{id}}","status":{{status}},"data":{{data}}}""";

    public static string SessionOpened(string id, string capabilities = "") => Immediate(
        id,
        200,
        $$"""{"sessionId":"{{Session}}","conversationId":"{{Conversation}}","agentName":"Aria","userParticipantId":"{{Agent}}","agentParticipantId":"{{Agent}}"{{(capabilities.Length > 0 ? $",\"capabilities\":{capabilities}" : "")}}}""");

    public static string Token(string id, string text) => Streamed("stream_token", id, text);

    public static string Streamed(string type, string id, string text) =>
        $$$"""{"type":"{{{type}}}","requestId":"{{{id}}}","token":{{{Quoted(text)}}},"data":{"requestId":"{{{id}}}","token":{{{Quoted(text)}}}}}""";

    public static string Chunk(string id, string raw) =>
        $$$$$"""{"type":"stream_chunk","requestId":"{{{{{id}}}}}","data":{"requestId":"{{{{{id}}}}}","node":"n","state":{"rawResponse":{{{{{raw}}}}}}}}""";

    public static string Final(string id, string response = "\"Done\"", int status = 200, string more = "") =>
        $$$$$"""{"type":"eventual_response","requestId":"{{{{{id}}}}}","status":{{{{{status}}}}},"data":{"requestId":"{{{{{id}}}}}","status":{{{{{status}}}}},"data":{"messageId":"m-1","response":{{{{{response}}}}}{{{{{more}}}}}}}}""";

    public static string Cancelled(string id) =>
        $$$"""{"type":"cancelled","requestId":"{{{id}}}","status":499,"data":{"requestId":"{{{id}}}","status":499}}""";

    public static string Keepalive(string id) =>
        $$$"""{"type":"keepalive","requestId":"{{{id}}}","data":{"requestId":"{{{id}}}"}}""";

    public static string Error(string id, string code, string more = "") =>
        $$$$$"""{"type":"error","requestId":"{{{{{id}}}}}","error":{"code":"{{{{{code}}}}}","message":"no"{{{{{more}}}}}},"data":{"requestId":"{{{{{id}}}}}","error":{"code":"{{{{{code}}}}}","message":"no"{{{{{more}}}}}}}}""";

    public static string Pong(string id) => $$$"""{"type":"pong","requestId":"{{{id}}}","data":{"timestamp":1700000000000}}""";

    public static string Confirm(string id, string more = "") =>
        Asked("write_confirmation_required", id, $$"""{"toolId":"pay","actionDescription":"Pay 5 EUR"{{more}}}""");

    public static string OtpAsked(string id, string more = "") => Asked(
        "otp_verification_required",
        id,
        $$"""{"toolId":"pay","actionDescription":"Pay","availableChannels":["email"],"authLevel":"otp"{{more}}}""");

    public static string OtpSent(string id) =>
        Asked("otp_sent", id, """{"channel":"email","maskedDestination":"a***@example.com"}""");

    public static string OtpVerified(string id) => Asked("otp_verified", id, """{"message":"ok"}""");

    public static string OtpInvalid(string id, int left) =>
        Asked("otp_invalid", id, $$"""{"error":"INVALID_CODE","attemptsRemaining":{{left}},"message":"wrong"}""");

    public static string Interaction(string id, string kind = "identity_intake") => Asked(
        "interaction_required",
        id,
        $$$"""{"interactionId":"i-1","kind":"{{{kind}}}","spec":{"fields":[]},"reason":"who"}""");

    public static string InteractionInvalid(string id) => Asked(
        "interaction_invalid",
        id,
        """{"interactionId":"i-1","kind":"identity_intake","errors":[{"field":"email","message":"bad"}],"message":"once more"}""");

    private static string Asked(string type, string id, string details)
    {
        var frame = new JsonObject
        {
            ["type"] = type,
            ["requestId"] = id,
            ["data"] = new JsonObject { ["requestId"] = id, ["data"] = JsonNode.Parse(details) },
        };
        var moved = (JsonObject)frame["data"]!["data"]!;
        if (moved["timestamp"] is { } time)
        {
            moved.Remove("timestamp");
            frame["timestamp"] = time;
        }
        return frame.ToJsonString();
    }

    /// <summary>The same frame with its place in the turn, as the server writes it: last.</summary>
    public static string Numbered(string frame, int seq) => $$"""{{frame[..^1]}},"seq":{{seq}}}""";

    /// <summary>What the server says of a turn that was asked for.</summary>
    public static string Resumed(string id, int last, string state = "running") =>
        $$$$"""{"type":"turn_resumed","requestId":"{{{{id}}}}","data":{"requestId":"{{{{id}}}}","data":{"state":"{{{{state}}}}","lastSeq":{{{{last}}}}}}}""";

    private static string Quoted(string text) => JsonValue.Create(text).ToJsonString();
}
