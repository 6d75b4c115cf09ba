namespace Wire;

/// <summary>What a frame turned out to be.</summary>
/// <param name="Event">The event: typed, or an <see cref="UnknownEvent"/>; null for a malformed frame.</param>
/// <param name="IsTerminal">Whether the type ends a turn; meant for a known type with a broken body.</param>
public readonly record struct DecodedFrame(ServerEvent? Event, bool IsTerminal)
{
    /// <summary>Not JSON, no object, or without a string at the discriminator.</summary>
    public bool IsMalformed => Event is null;

    /// <summary>What is wrong with the body of a known type; null when it is good or the type unknown.</summary>
    public FrameProblem? Problem => (Event as UnknownEvent)?.Problem;
}
