using System.Text.Json.Nodes;
using SmooAI.SmoothOperator;

/// <summary>What the client shows, in the words of PROTOCOL.md.</summary>
internal static class Bodies
{
    public static JsonNode Raw(string json) => JsonNode.Parse(json, null, new() { MaxDepth = 512 })!;

    /// <summary>Leaves out what is not there.</summary>
    public static JsonObject Present(params (string Name, JsonNode? Value)[] members) =>
        new(members.Where(m => m.Value is not null).Select(m => KeyValuePair.Create(m.Name, m.Value)));

    public static JsonObject Error(Exception error) => error switch
    {
        SmoothAgentException known => Present(
            ("kind", known.Kind),
            ("text", known.Message),
            ("retryable", known.Retryable),
            ("code", known.Code ?? known.Details.Code),
            ("requestId", known.RequestId),
            ("sessionId", known.SessionId),
            ("closeCode", known.CloseCode),
            ("closeReason", known.CloseReason),
            ("serverMessage", known.ServerMessage),
            ("partialText", known.PartialText),
            ("at", known.Details.Pointer),
            ("state", known.Details.State),
            ("status", known.Details.Status),
            ("retryAfterMs", known.Details.RetryAfterMs),
            ("question", known.Details.OpenQuestion?.Kind.ToString().ToLowerInvariant()),
            ("sent", (known as TurnInterruptedException)?.Sent),
            ("details", Details(known.Details))),
        OperationCanceledException => new() { ["kind"] = "native_cancelled" },
        _ => new() { ["kind"] = "invalid_argument", ["text"] = error.Message },
    };

    private static JsonObject? Details(ErrorDetails details)
    {
        var shown = Present(("body", details.Body), ("requestId", details.RequestId), ("frameType", details.FrameType));
        return shown.Count == 0 ? null : shown;
    }

    public static JsonObject Item(ServerEvent item)
    {
        if (item is UnknownEvent unknown)
        {
            var problem = unknown.Problem is { } p ? Present(("kind", p.Kind), ("pointer", p.Pointer)) : null;
            return Present(
                ("type", "unknown"), ("unknown", true), ("wireType", unknown.WireType), ("raw", Raw(unknown.Raw)), ("problem", problem));
        }
        var flat = (JsonObject)Raw(item.Flatten().GetRawText());
        if (item is StreamChunkEvent { ToolCall: { } call })
        {
            flat["toolCall"] = Raw(call.ToJson());
        }
        if (item is StreamChunkEvent { ToolResult: { } result })
        {
            flat["toolResult"] = Raw(result.ToJson());
        }
        var body = new JsonObject { ["type"] = item.Type, ["data"] = Raw(item.ToJson()), ["flat"] = flat };
        if (item is StreamTokenEvent { Merged: > 1 } run)
        {
            body["merged"] = run.Merged;
        }
        return body;
    }

    /// <summary>What a handler is asked.</summary>
    public static JsonObject Ask(string question, string requestId, string sessionId, JsonObject ask) => new()
    {
        ["question"] = question,
        ["requestId"] = requestId,
        ["sessionId"] = sessionId,
        ["ask"] = ask,
    };

    public static JsonObject Ask(ConfirmAsk ask) => Ask("confirmation", ask.RequestId, ask.SessionId, Present(
        ("toolId", ask.ToolId), ("actionDescription", ask.ActionDescription)));

    public static JsonObject Ask(OtpAsk ask) => Ask("otp", ask.RequestId, ask.SessionId, Present(
        ("toolId", ask.ToolId),
        ("actionDescription", ask.ActionDescription),
        ("availableChannels", ask.AvailableChannels.Count == 0 ? null : new JsonArray([.. ask.AvailableChannels.Select(way => (JsonNode?)way.Value)])),
        ("authLevel", ask.AuthLevel),
        ("channel", ask.Channel?.Value),
        ("maskedDestination", ask.MaskedDestination),
        ("attemptsRemaining", ask.AttemptsRemaining),
        ("error", ask.Error?.Value),
        ("message", ask.Message)));

    public static JsonObject Ask(InteractionAsk ask) => Ask("interaction", ask.RequestId, ask.SessionId, Present(
        ("interactionId", ask.InteractionId),
        ("kind", ask.Kind),
        ("spec", Raw(ask.Spec.GetRawText())),
        ("reason", ask.Reason),
        ("errors", ask.Errors.Count == 0 ? null : List(ask.Errors)),
        ("message", ask.Message)));

    public static JsonObject Result(TurnResult result) => Present(
        ("outcome", result.Outcome.ToString().ToLowerInvariant()),
        ("confirmed", result.Confirmed),
        ("text", result.Text),
        ("messageId", result.MessageId),
        ("citations", result.Citations.Count == 0 ? null : List(result.Citations)),
        ("usage", result.Usage is { } usage ? Raw(usage.ToJson()) : null));

    public static JsonNode? Value(object? value) => value switch
    {
        WireObject wire => Raw(wire.ToJson()),
        Pong pong => Present(("serverTime", pong.ServerTime), ("roundTripMs", pong.RoundTripMs)),
        OtpCheck { Verified: false, Message: null } => null,
        OtpCheck code => Present(
            ("verified", code.Verified), ("attemptsRemaining", code.AttemptsRemaining), ("error", code.Error?.Value), ("message", code.Message)),
        SubmitResult form => Present(
            ("accepted", form.Accepted), ("errors", form.Errors.Count == 0 ? null : List(form.Errors)), ("message", form.Message)),
        IConversation chat => Present(("sessionId", chat.SessionId), ("conversationId", chat.ConversationId)),
        TurnResult result => Result(result),
        Recovery found => Present(
            ("status", StatusOf(found.Status)), ("message", found.Message is { } message ? Raw(message.ToJson()) : null)),
        _ => null,
    };

    public static JsonObject Counted(Counters counts) => new()
    {
        ["connects"] = counts.Connects,
        ["reconnects"] = counts.Reconnects,
        ["framesIn"] = counts.FramesIn,
        ["framesOut"] = counts.FramesOut,
        ["droppedFrames"] = counts.DroppedFrames,
        ["openTurns"] = counts.OpenTurns,
        ["resumedTurns"] = counts.ResumedTurns,
    };

    private static string StatusOf(RecoveryStatus status) => status switch
    {
        RecoveryStatus.Answered => "answered",
        RecoveryStatus.NotAnswered => "not_answered",
        RecoveryStatus.NotDelivered => "not_delivered",
        _ => "unknown",
    };

    private static JsonArray List(IEnumerable<WireObject> items) => [.. items.Select(item => Raw(item.ToJson()))];
}
