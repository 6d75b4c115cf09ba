namespace SmooAI.SmoothOperator;

/// <summary>How a turn ended.</summary>
public enum TurnOutcome
{
    /// <summary>The agent answered.</summary>
    Completed,

    /// <summary>Somebody stopped it.</summary>
    Cancelled,

    /// <summary>It ended with an error.</summary>
    Failed,
}
