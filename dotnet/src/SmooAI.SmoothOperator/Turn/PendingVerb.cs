using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>A verb whose answer has not come. Guarded by the gate.</summary>
/// <param name="row">What the table says of it.</param>
internal abstract class PendingVerb(VerbRow row)
{
    internal VerbRow Row { get; } = row;

    internal abstract void Resolve(ServerEvent? answer);

    internal abstract void Fail(Exception error);
}

/// <summary>A verb with the type of its result.</summary>
internal sealed class PendingVerb<T>(VerbRow row, Waiter<T> waiter, Func<ServerEvent?, T> read) : PendingVerb(row)
{
    internal override void Resolve(ServerEvent? answer) => waiter.Resolve(read(answer));

    internal override void Fail(Exception error) => waiter.Fail(error);
}
