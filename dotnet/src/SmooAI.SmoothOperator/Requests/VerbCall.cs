using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Takes a turn up that begins with the answer to its question; the frame is what accepted it.</summary>
internal delegate T OpenTurn<out T>(in DecodedFrame frame, Outgoing answer);

/// <summary>
/// A verb of the client without a live turn: a call that awaits the verb's answers. Other events of its id belong to
/// somebody else (REQ-VERB-08).
/// </summary>
internal sealed class VerbCall<T>(
    ClientContext context, Router router, Sender sender, VerbRow verb, ClientAction action, string id, Func<ServerEvent, T> read, OpenTurn<T>? opens)
    : ActionCall<T>(context, router, sender, action, id)
{
    /// <summary>Other events are to this call what unknown ones are.</summary>
    private const string UnknownType = "unknown";

    private bool _begun;

    /// <summary>Acceptance before any other frame: a server that kept the question goes on with the turn (REQ-VERB-15).</summary>
    public override bool OnEvent(in DecodedFrame frame)
    {
        var first = !_begun;
        _begun = true;
        if (first && opens is not null && frame.Event is ImmediateResponseEvent accepted && Guards.Status202(FrameFacts.Of(accepted), null))
        {
            Leave();
            Resolve(opens(frame, Frame!));
            return true;
        }
        return base.OnEvent(frame);
    }

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
