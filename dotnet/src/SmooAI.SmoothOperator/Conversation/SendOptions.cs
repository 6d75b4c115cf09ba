namespace SmooAI.SmoothOperator;

/// <summary>Optional fields of a message; what is not set is not sent.</summary>
public sealed record SendOptions
{
    /// <summary>The caller's own id for the turn; drawn when null.</summary>
    public string? RequestId { get; init; }

    /// <summary>Whether tokens are wanted.</summary>
    public bool? Stream { get; init; }

    /// <summary>Model for this turn alone.</summary>
    public string? Model { get; init; }

    /// <summary>Skill whose instructions are used for this turn.</summary>
    public string? Skill { get; init; }

    /// <summary>Pictures that the agent looks at.</summary>
    public IReadOnlyList<ImageAttachment>? Images { get; init; }

    /// <summary>Files made known to the agent's host.</summary>
    public IReadOnlyList<FileAttachment>? Files { get; init; }

    /// <summary>What answers the questions of this turn; comes before the conversation's (REQ-ASK-01).</summary>
    public Handlers? Handlers { get; init; }

    /// <summary>Names the type and nothing else: addresses of attachments may hold secrets.</summary>
    public override string ToString() => nameof(SendOptions);
}
