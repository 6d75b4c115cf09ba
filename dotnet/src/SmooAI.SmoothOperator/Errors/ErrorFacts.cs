namespace SmooAI.SmoothOperator;

/// <summary>What is known of an error when its exception is made.</summary>
internal sealed record ErrorFacts
{
    internal required string Kind { get; init; }

    internal required bool Retryable { get; init; }

    internal string? Code { get; init; }

    internal string? RequestId { get; init; }

    internal string? SessionId { get; init; }

    internal int? CloseCode { get; init; }

    /// <summary>What the peer's close frame gave as its reason.</summary>
    internal string? CloseReason { get; init; }

    /// <summary>The server's own sentence.</summary>
    internal string? ServerMessage { get; init; }

    /// <summary>Host and port of the server.</summary>
    internal string? Host { get; init; }

    /// <summary>What the system or the client can say about the cause; never a word of the server.</summary>
    internal string? Reason { get; init; }

    internal string? PartialText { get; init; }

    internal bool Sent { get; init; }

    internal ServerEvent? Event { get; init; }

    /// <summary>Asks what became of the message of an interrupted turn; null for every other error.</summary>
    internal Func<CancellationToken, Task<Recovery>>? Recover { get; init; }

    internal ErrorDetails Details { get; init; } = ErrorDetails.None;

    internal Exception? Cause { get; init; }
}
