namespace SmooAI.SmoothOperator;

/// <summary>The short ways of a streamed frame; each can be closed by an <see cref="AppContext"/> switch, for tests.</summary>
internal sealed class FastPaths
{
    private const string Prefix = "SmooAI.SmoothOperator.";

    /// <summary>Frames of a known form are compared, not parsed.</summary>
    internal bool LearnedFrames { get; } = IsOpen("LearnedFrames");

    /// <summary>An event that moves no machine of a turn passes none.</summary>
    internal bool QuietTurns { get; } = IsOpen("QuietTurns");

    /// <summary>Iterators are woken once for what one read brought.</summary>
    internal bool BatchedWakes { get; } = IsOpen("BatchedWakes");

    private static bool IsOpen(string name) => !AppContext.TryGetSwitch(Prefix + name, out var open) || open;
}
