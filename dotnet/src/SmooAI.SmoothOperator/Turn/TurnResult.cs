namespace SmooAI.SmoothOperator;

/// <summary>What became of a turn that did not fail (REQ-TURN-18).</summary>
public sealed record TurnResult
{
    /// <summary>Completed or cancelled.</summary>
    public required TurnOutcome Outcome { get; init; }

    /// <summary>The answer; what was streamed when the turn was cancelled (REQ-TURN-09).</summary>
    public required string Text { get; init; }

    /// <summary>Id of the turn.</summary>
    public required string RequestId { get; init; }

    /// <summary>Session of the turn.</summary>
    public required string SessionId { get; init; }

    /// <summary>Whether the server confirmed the cancel; null for a completed turn (REQ-STOP-02).</summary>
    public bool? Confirmed { get; init; }

    /// <summary>Message that the server stored.</summary>
    public string? MessageId { get; init; }

    /// <summary>Sources of the answer; empty when there are none.</summary>
    public IReadOnlyList<Citation> Citations { get; init; } = [];

    /// <summary>What the turn cost, where the server says it.</summary>
    public Usage? Usage { get; init; }

    /// <summary>Whether a human agent should take over, where the server says it.</summary>
    public bool? NeedsEscalation { get; init; }

    /// <summary>Time from the send to the outcome, by the client's clock (REQ-LOG-03).</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>Time from the send to the first piece of text; null when nothing was streamed (REQ-LOG-03).</summary>
    public TimeSpan? TimeToFirstToken { get; init; }

    /// <summary>The event that ended the turn; null when a cancel was not confirmed.</summary>
    public ServerEvent? Event { get; init; }

    /// <summary>The answer as the server shaped it.</summary>
    public EventualResponseEvent? Response => Event as EventualResponseEvent;

    /// <summary>Outcome and id; never the text.</summary>
    public override string ToString() => $"{Outcome} {RequestId}";
}
