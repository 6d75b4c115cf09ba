using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>A verb whose answer has not come. Guarded by the gate.</summary>
/// <param name="row">What the table says of it.</param>
/// <param name="frame">What is written; null for a cancel, which its turn writes.</param>
/// <param name="isNamed">Whether it echoes an id of its question, by which the server knows it again (REQ-RESUME-07).</param>
internal abstract class PendingVerb(VerbRow row, Outgoing? frame, bool isNamed)
{
    internal VerbRow Row { get; } = row;

    internal Outgoing? Frame { get; private set; } = frame;

    internal bool IsNamed { get; } = isNamed;

    /// <summary>Whether a handler gave it.</summary>
    internal bool IsByHandler { get; init; }

    /// <summary>Whether its frame may be lost.</summary>
    internal bool IsUnsure { get; set; }

    /// <summary>Returns the same frame, to be written once more.</summary>
    internal Outgoing Again()
    {
        IsUnsure = false;
        return Frame = Frame!.Again();
    }

    /// <summary>Starts the limit of the wait, anew; zero is none.</summary>
    internal abstract void Limit(TimeSpan after, Action late);

    /// <summary>Lets the limit stand still.</summary>
    internal abstract void Pause();

    internal abstract void Resolve(ServerEvent? answer);

    internal abstract void Fail(Exception error);
}

/// <summary>A verb with the type of its result.</summary>
internal sealed class PendingVerb<T>(
    VerbRow row, Waiter<T> waiter, Func<ServerEvent?, T> read, Outgoing? frame = null, bool isNamed = false)
    : PendingVerb(row, frame, isNamed)
{
    internal override void Limit(TimeSpan after, Action late) => waiter.Limit(after, late);

    internal override void Pause() => waiter.Lift();

    internal override void Resolve(ServerEvent? answer) => waiter.Resolve(read(answer));

    internal override void Fail(Exception error) => waiter.Fail(error);
}
