using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Reads what a frame says to the machines, once, before any of them moves. Pure.</summary>
internal static class FrameFacts
{
    internal static Facts Of(ServerEvent received) => received switch
    {
        ErrorEvent reported => new()
        {
            Code = reported.Code,
            CodeTerminal = ErrorTable.Find(reported.Code).Terminal,
            ErrorRetryable = ErrorTable.Find(reported.Code).Retryable,
            SaidTerminal = reported.Terminal,
        },
        ImmediateResponseEvent acknowledgement => new() { Status = acknowledgement.Status },
        EventualResponseEvent answer => new() { Status = answer.Status },
        CancelledEvent cancelled => new() { Status = cancelled.Status },
        OtpInvalidEvent wrong => new() { AttemptsRemaining = wrong.AttemptsRemaining },
        StreamChunkEvent chunk => new() { ToolResult = chunk.ToolResult is not null },
        _ => new(),
    };
}
