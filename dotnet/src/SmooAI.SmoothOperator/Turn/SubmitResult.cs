namespace SmooAI.SmoothOperator;

/// <summary>What the server said to the values of an interaction (REQ-FORM-01).</summary>
public sealed record SubmitResult
{
    /// <summary>Whether they were taken; if not, the question is open again.</summary>
    public required bool Accepted { get; init; }

    /// <summary>What is wrong, field by field.</summary>
    public IReadOnlyList<FieldError> Errors { get; init; } = [];

    /// <summary>The server's words for the person.</summary>
    public string? Message { get; init; }

    internal static SubmitResult Of(ServerEvent answer) => answer is InteractionInvalidEvent invalid
        ? new() { Accepted = false, Errors = invalid.Errors, Message = invalid.Message }
        : new() { Accepted = true };
}
