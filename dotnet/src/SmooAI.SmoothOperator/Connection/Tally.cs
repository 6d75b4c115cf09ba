namespace SmooAI.SmoothOperator;

/// <summary>What a client counts, as it grows (REQ-LOG-03).</summary>
internal sealed class Tally
{
    private long _framesIn;

    /// <summary>Links that opened; guarded by the gate, as all but <see cref="FramesIn"/>.</summary>
    internal long Connects { get; set; }

    internal long Reconnects { get; set; }

    internal long FramesOut { get; set; }

    internal long DroppedFrames { get; set; }

    internal long ResumedTurns { get; set; }

    /// <summary>Messages that came; one reader counts at a time.</summary>
    internal long FramesIn => Volatile.Read(ref _framesIn);

    internal void CountIn() => _framesIn++;
}
