namespace SmooAI.SmoothOperator;

/// <summary>A verb whose answer has not come. Guarded by the gate.</summary>
internal abstract class PendingVerb(Verb verb, QuestionKind? kind)
{
    internal Verb Verb { get; } = verb;

    /// <summary>The question that it answers; null for cancel.</summary>
    internal QuestionKind? Kind { get; } = kind;

    /// <summary>Whether it goes on waiting when its turn settles (REQ-VERB-06).</summary>
    internal bool OutlivesTurn => Verb is Verb.VerifyOtp or Verb.DeclineOtp;

    internal abstract void Resolve(ServerEvent? answer);

    internal abstract void Fail(Exception error);
}

/// <summary>A verb with the type of its result.</summary>
internal sealed class PendingVerb<T>(Verb verb, QuestionKind? kind, Waiter<T> waiter, Func<ServerEvent?, T> read)
    : PendingVerb(verb, kind)
{
    internal override void Resolve(ServerEvent? answer) => waiter.Resolve(read(answer));

    internal override void Fail(Exception error) => waiter.Fail(error);
}
