namespace SmooAI.SmoothOperator;

/// <summary>Tokens that were joined because nobody read them in time (REQ-TURN-02).</summary>
public sealed partial record StreamTokenEvent
{
    /// <summary>
    /// How many tokens of the wire this event stands for: 1, and more where adjacent ones were joined beyond the bound
    /// of an iteration. <see cref="Token"/> is then their concatenation; everything else is the last one's.
    /// </summary>
    public int Merged { get; internal init; } = 1;
}
