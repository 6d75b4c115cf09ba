namespace SmooAI.SmoothOperator;

/// <summary>Counts of one client since it was made, as they stood when they were asked for (REQ-LOG-03).</summary>
public sealed record Counters
{
    /// <summary>Links that opened.</summary>
    public required long Connects { get; init; }

    /// <summary>Those of them that were found again after a loss.</summary>
    public required long Reconnects { get; init; }

    /// <summary>Messages that came, of any kind.</summary>
    public required long FramesIn { get; init; }

    /// <summary>Messages that a socket took.</summary>
    public required long FramesOut { get; init; }

    /// <summary>Messages that were malformed (REQ-WIRE-04).</summary>
    public required long DroppedFrames { get; init; }

    /// <summary>Turns that have no outcome yet.</summary>
    public required int OpenTurns { get; init; }

    /// <summary>How often a turn that was suspended went on (REQ-RESUME-04).</summary>
    public required long ResumedTurns { get; init; }
}
