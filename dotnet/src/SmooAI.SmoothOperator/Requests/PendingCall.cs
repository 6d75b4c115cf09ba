using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>A call: one action with one answer, whose event and type the specification names.</summary>
internal sealed class PendingCall<T>(
    ClientContext context, Router router, Sender sender, CallAction<T> action, string id, Action<WireObject> learn)
    : ActionCall<T>(context, router, sender, action, id)
    where T : WireObject
{
    private readonly Operation<T> _operation = action.AnsweredBy;

    private protected override bool IsAnswer(string type) => _operation.Answer == type;

    private protected override void OnOther(ServerEvent received) =>
        Step(LocalEvent.Unexpected, kind => Failure.Local(kind, facts => Named(facts) with
        {
            Reason = received.Type,
            Event = received,
        }));

    private protected override T? Read(ServerEvent received, out FrameProblem? problem)
    {
        problem = null;
        if (_operation.At.Length == 0)
        {
            return (T)(object)received;
        }
        var value = received.Member(_operation.At);
        var at = string.Concat(_operation.At.Select(segment => "/" + segment));
        var read = Decoder.DecodeValue(value, _operation.Shape, _operation.Read, out problem);
        problem = problem is null ? null : problem with { Pointer = at + problem.Pointer };
        return read;
    }

    private protected override void OnRead(T result) => learn(result);
}
