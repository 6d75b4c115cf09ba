namespace SmooAI.SmoothOperator;

/// <summary>What is known of an error when its exception is made.</summary>
internal sealed record ErrorFacts
{
    internal required string Kind { get; init; }

    internal required string Message { get; init; }

    internal required bool Retryable { get; init; }

    internal string? Code { get; init; }

    internal string? RequestId { get; init; }

    internal string? SessionId { get; init; }

    internal int? CloseCode { get; init; }

    internal string? PartialText { get; init; }

    internal bool Sent { get; init; }

    internal ServerEvent? Event { get; init; }

    internal ErrorDetails Details { get; init; } = ErrorDetails.None;

    internal Exception? Cause { get; init; }
}
