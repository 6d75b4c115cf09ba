namespace SmooAI.SmoothOperator;

/// <summary>
/// A verb of the client without a live turn: a call that awaits the verb's answers. Other events of its id belong to
/// somebody else (REQ-VERB-08).
/// </summary>
internal sealed class VerbCall<T>(
    ClientContext context, Exchanges exchanges, Verb verb, ClientAction action, string id, Func<ServerEvent, T> read)
    : ActionCall<T>(context, exchanges, action, id)
{
    private const long Accepted = 202;

    private protected override bool IsAnswer(string type) => Array.Exists(
        Machines.Answers, row => MachineWords.Of(row.Event) == type && Array.IndexOf(row.Verbs, verb) >= 0);

    private protected override bool Answers(ServerEvent received) =>
        base.Answers(received) && received is not ImmediateResponseEvent { Status: Accepted };

    private protected override void OnOther(ServerEvent received) => Step(MachineEvent.Unknown, Local, received);

    private protected override T? Read(ServerEvent received, out FrameProblem? problem)
    {
        problem = null;
        return read(received);
    }
}
