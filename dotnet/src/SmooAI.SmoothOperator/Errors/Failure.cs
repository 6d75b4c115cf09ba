using System.Globalization;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Makes exceptions by the error table; texts come from the table, never from a frame (REQ-ERR-04, REQ-ERR-07).</summary>
internal static class Failure
{
    /// <summary>How a text names a server whose address is not known where the error is made.</summary>
    private const string SomeServer = "The server";

    /// <summary>An error that the client makes itself.</summary>
    internal static SmoothAgentException Local(string kind, Func<ErrorFacts, ErrorFacts>? with = null, string? leaf = null)
    {
        var row = ErrorTable.FindKind(kind);
        var facts = new ErrorFacts { Kind = kind, Retryable = row.Retryable };
        return ExceptionTable.Create(leaf ?? row.Leaf, with is null ? facts : with(facts));
    }

    /// <summary>Returns what an error of a class says.</summary>
    internal static string TextOf(string leaf, ErrorFacts facts) => ErrorTexts.Of(leaf, new Dictionary<string, string?>
    {
        ["host"] = facts.Host ?? SomeServer,
        ["close"] = Text(facts.CloseCode),
        ["code"] = IsWord(facts.Code) ? facts.Code : null,
        ["status"] = Text(facts.Details.Status),
        ["request_id"] = facts.RequestId,
        ["session_id"] = facts.SessionId,
        ["limit"] = Text(facts.Details.LimitBytes),
        ["reason"] = facts.Reason,
    });

    /// <summary>A code cannot be declined toward this server (REQ-OTP-05).</summary>
    internal static SmoothAgentException NotParked(Func<ErrorFacts, ErrorFacts> with) => Local(ErrorKinds.Unsupported, with);

    /// <summary>The same error with facts of one of those who share it.</summary>
    internal static Exception Own(Exception shared, Func<ErrorFacts, ErrorFacts> with) => shared is SmoothAgentException own
        ? ExceptionTable.Create(ErrorTable.FindKind(own.Kind).Leaf, with(own.Facts))
        : shared;

    /// <summary>The error that a server reported (REQ-ERR-02, REQ-ERR-03).</summary>
    internal static SmoothAgentException FromServer(ErrorEvent reported, Func<ErrorFacts, ErrorFacts>? with = null)
    {
        var row = ErrorTable.Find(reported.Code);
        var facts = new ErrorFacts
        {
            Kind = row.Kind,
            Retryable = row.Retryable,
            Code = reported.Code,
            RequestId = reported.CorrelationId,
            ServerMessage = reported.Message,
            Details = new ErrorDetails { RetryAfterMs = reported.RetryAfterMs, ServerDetails = reported.Details },
        };
        return ExceptionTable.Create(row.Leaf, with is null ? facts : with(facts));
    }

    /// <summary>A response whose status says that it failed (REQ-TURN-04, REQ-CALL-03).</summary>
    internal static SmoothAgentException Status(long status, Func<ErrorFacts, ErrorFacts>? with = null) =>
        Made(ErrorKinds.Protocol, with, facts => facts with { Details = new() { Status = status } });

    /// <summary>A frame that had to be understood was broken (REQ-WIRE-03).</summary>
    internal static SmoothAgentException Broken(
        string frameType, FrameProblem problem, Func<ErrorFacts, ErrorFacts>? with = null) =>
        Made(ErrorKinds.InvalidFrame, with, facts => facts with
        {
            Reason = $"{frameType} {problem.Pointer} ({problem.Kind})",
            Details = new() { FrameType = frameType, Pointer = problem.Pointer },
        });

    /// <summary>An event came out of its place in a turn (REQ-RESUME-06).</summary>
    internal static SmoothAgentException Disorder(string frameType, Func<ErrorFacts, ErrorFacts>? with = null) =>
        Made(ErrorKinds.InvalidFrame, with, facts => facts with
        {
            Reason = $"{frameType} out of its place",
            Details = new() { FrameType = frameType },
        });

    /// <summary>A message over a limit (REQ-CALL-10, REQ-WIRE-11).</summary>
    internal static SmoothAgentException TooLarge(long? size, long limit, Func<ErrorFacts, ErrorFacts>? with = null) =>
        Made(ErrorKinds.MessageTooLarge, with, facts => facts with { Details = new() { SizeBytes = size, LimitBytes = limit } });

    /// <summary>Nothing is open that the verb could answer; nothing was sent (REQ-VERB-05).</summary>
    internal static SmoothAgentException NoPendingQuestion(Func<ErrorFacts, ErrorFacts>? with = null) =>
        Local(ErrorKinds.Conflict, with, "NoPendingQuestion");

    private static SmoothAgentException Made(
        string kind, Func<ErrorFacts, ErrorFacts>? with, Func<ErrorFacts, ErrorFacts> facts) =>
        Local(kind, made => with is null ? facts(made) : with(facts(made)));

    /// <summary>Whether a code is one word: one that the table does not list may hold anything.</summary>
    private static bool IsWord(string? code) =>
        code is { Length: > 0 and <= 64 } && code.All(sign => char.IsAsciiLetterOrDigit(sign) || sign == '_');

    private static string? Text(long? number) => number?.ToString(CultureInfo.InvariantCulture);
}
