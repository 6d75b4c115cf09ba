namespace SmooAI.SmoothOperator;

/// <summary>One item of a turn, or a run of tokens that stands for several (REQ-TURN-21).</summary>
/// <param name="Event">The event; of a run the last one.</param>
/// <param name="From">Where its text begins in the text of the turn.</param>
/// <param name="To">Where its text ends there.</param>
/// <param name="Count">How many events it stands for.</param>
internal readonly record struct TurnItem(ServerEvent Event, int From, int To, int Count = 1)
{
    /// <summary>Bytes of the frame that it keeps.</summary>
    internal int Bytes => Event.Received.Length;

    /// <summary>Whether a later item continues this one: both are tokens, and what they show is what they hold.</summary>
    internal bool IsContinuedBy(in TurnItem next) => IsWhole(Event) && IsWhole(next.Event);

    /// <summary>Returns one item for this one and the next.</summary>
    internal TurnItem Joined(in TurnItem next) => next with { From = From, Count = Count + next.Count };

    /// <summary>Returns the event that a reader sees.</summary>
    internal ServerEvent Shown(Accumulator text)
    {
        if (Count == 1)
        {
            return Event;
        }
        var last = (StreamTokenEvent)Event;
        return last with { Token = text.Between(From, To), Merged = Count };
    }

    private static bool IsWhole(ServerEvent item) => item is StreamTokenEvent piece && !Halves.Of(piece).Any;
}
