using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// A verb of the client without a live turn: a call that awaits the verb's answers. Other events of its id belong to
/// somebody else (REQ-VERB-08).
/// </summary>
internal sealed class VerbCall<T>(
    ClientContext context, Router router, VerbRow verb, ClientAction action, string id, Func<ServerEvent, T> read)
    : ActionCall<T>(context, router, action, id)
{
    /// <summary>Other events are to this call what unknown ones are.</summary>
    private const string UnknownType = "unknown";

    private protected override bool IsAnswer(string type) => StepTables.Answering(type, new()).Contains(verb.Name);

    private protected override bool Answers(ServerEvent received) =>
        StepTables.Answering(received.Type, FrameFacts.Of(received)).Contains(verb.Name);

    private protected override void OnOther(ServerEvent received) => Step(UnknownType, Local, received);

    private protected override T? Read(ServerEvent received, out FrameProblem? problem)
    {
        problem = null;
        return read(received);
    }
}
