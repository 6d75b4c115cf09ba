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

    /// <summary>
    /// The turn that began with the answer, when this client did not follow the one that asked and the server goes on
    /// with it; else null (REQ-VERB-15).
    /// </summary>
    public ITurn? Turn { get; init; }

    /// <summary>Whether they were taken, and how many fields were not; never a value.</summary>
    public override string ToString() => Accepted ? "accepted" : $"not accepted, {Errors.Count} errors";

    internal static SubmitResult Of(ServerEvent answer) => answer is InteractionInvalidEvent invalid
        ? new() { Accepted = false, Errors = invalid.Errors, Message = invalid.Message }
        : new() { Accepted = true };
}
