namespace SmooAI.SmoothOperator;

/// <summary>What a message does while another turn of its session runs (REQ-TURN-31).</summary>
public enum TurnPolicy
{
    /// <summary>It goes out all the same.</summary>
    Parallel,

    /// <summary>It waits for the outcome of the turns before it.</summary>
    Queue,
}
