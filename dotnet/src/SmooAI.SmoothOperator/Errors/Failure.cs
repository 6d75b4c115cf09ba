namespace SmooAI.SmoothOperator;

/// <summary>Makes exceptions by the error table; texts come from the table, never from a frame (REQ-ERR-04).</summary>
internal static class Failure
{
    /// <summary>An error that the client makes itself, with the words of the table unless others are given.</summary>
    internal static SmoothAgentException Local(string kind, Func<ErrorFacts, ErrorFacts>? with = null, string? leaf = null)
    {
        var row = ErrorTable.FindKind(kind);
        var facts = new ErrorFacts { Kind = kind, Message = row.When, Retryable = row.Retryable };
        return ExceptionTable.Create(leaf ?? row.Leaf, with is null ? facts : with(facts));
    }

    /// <summary>A code cannot be declined toward this server (REQ-OTP-05).</summary>
    internal static SmoothAgentException NotParked(Func<ErrorFacts, ErrorFacts> with) => Local(ErrorKinds.Unsupported, facts => with(facts) with
    {
        Message = "The session's capabilities do not list otp_park; nothing was sent.",
    });

    /// <summary>The same error with facts of one of those who share it.</summary>
    internal static SmoothAgentException Own(SmoothAgentException shared, Func<ErrorFacts, ErrorFacts> with) =>
        ExceptionTable.Create(ErrorTable.FindKind(shared.Kind).Leaf, with(shared.Facts));

    /// <summary>The error that a server reported (REQ-ERR-02, REQ-ERR-03).</summary>
    internal static SmoothAgentException FromServer(ErrorEvent reported, Func<ErrorFacts, ErrorFacts>? with = null)
    {
        var row = ErrorTable.Find(reported.Code);
        var facts = new ErrorFacts
        {
            Kind = row.Kind,
            Message = row.Code == reported.Code ? $"{row.Code}: {row.When}" : "The server reported an unlisted code.",
            Retryable = row.Retryable,
            Code = reported.Code,
            RequestId = reported.CorrelationId,
            Details = new ErrorDetails
            {
                RetryAfterMs = reported.RetryAfterMs,
                ServerMessage = reported.Message,
                ServerDetails = reported.Details,
            },
        };
        return ExceptionTable.Create(row.Leaf, with is null ? facts : with(facts));
    }

    /// <summary>A response whose status says that it failed (REQ-TURN-04, REQ-CALL-03).</summary>
    internal static SmoothAgentException Status(long status, Func<ErrorFacts, ErrorFacts>? with = null) =>
        Local(ErrorKinds.Protocol, facts =>
        {
            facts = facts with { Message = $"The server answered with status {status}.", Details = new() { Status = status } };
            return with is null ? facts : with(facts);
        });

    /// <summary>A frame that had to be understood was broken (REQ-WIRE-03).</summary>
    internal static SmoothAgentException Broken(
        string frameType, FrameProblem problem, Func<ErrorFacts, ErrorFacts>? with = null) =>
        Local(ErrorKinds.InvalidFrame, facts =>
        {
            facts = facts with
            {
                Message = $"The frame '{frameType}' is broken at '{problem.Pointer}' ({problem.Kind}).",
                Details = new() { FrameType = frameType, Pointer = problem.Pointer },
            };
            return with is null ? facts : with(facts);
        });

    /// <summary>A message over a limit (REQ-CALL-10, REQ-WIRE-11).</summary>
    internal static SmoothAgentException TooLarge(long? size, long limit, Func<ErrorFacts, ErrorFacts>? with = null) =>
        Local(ErrorKinds.MessageTooLarge, facts =>
        {
            facts = facts with
            {
                Message = $"A message was over the limit of {limit} bytes.",
                Details = new() { SizeBytes = size, LimitBytes = limit },
            };
            return with is null ? facts : with(facts);
        });

    /// <summary>Nothing is open that the verb could answer; nothing was sent (REQ-VERB-05).</summary>
    internal static SmoothAgentException NoPendingQuestion(Func<ErrorFacts, ErrorFacts>? with = null) =>
        Local(ErrorKinds.Conflict, facts =>
        {
            facts = facts with { Message = "No question of this kind is open; nothing was sent." };
            return with is null ? facts : with(facts);
        }, "NoPendingQuestion");
}
