using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Starts calls, verbs of the client and turns: id, frame, wait, in one go inside the gate.</summary>
internal sealed class Caller(ClientContext context, Router router, Sender sender)
{
    /// <summary>Starts an action with one answer; what it was is told, inside the gate, before the wait ends.</summary>
    /// <exception cref="ArgumentException">The id is in flight already; nothing was sent.</exception>
    internal Task<T> Call<T>(CallAction<T> action, Action<WireObject> learn, CancellationToken token)
        where T : WireObject
    {
        if (token.IsCancellationRequested)
        {
            return Task.FromCanceled<T>(token);
        }
        Sender.Check(action);
        using (context.Gate.Enter())
        {
            var id = action.CorrelationId ?? context.Ids.Next();
            var call = new PendingCall<T>(context, router, sender, action, id, learn);
            var frame = Sender.Encode(action, id);
            call.Begin(frame, token);
            return call.Task;
        }
    }

    /// <summary>Starts a verb that no live turn owns (REQ-VERB-08).</summary>
    /// <param name="verb">Which.</param>
    /// <param name="action">What is written.</param>
    /// <param name="read">Reads its answer.</param>
    /// <param name="opens">Makes the result where the answer begins a turn; null for a verb that begins none.</param>
    /// <param name="token">Ends the wait.</param>
    internal Task<T> CallVerb<T>(
        VerbRow verb, ClientAction action, Func<ServerEvent, T> read, OpenTurn<T>? opens, CancellationToken token)
    {
        if (token.IsCancellationRequested)
        {
            return Task.FromCanceled<T>(token);
        }
        Sender.Check(action);
        using (context.Gate.Enter())
        {
            var id = action.CorrelationId!;
            var frame = Sender.Encode(action, id);
            var call = new VerbCall<T>(context, router, sender, verb, action, id, read, opens);
            call.Begin(frame, token);
            return Observed.Quiet(call.Task);
        }
    }

    /// <summary>Writes a cancel that no live turn owns: it has no answer of its own, and is done when it is queued.</summary>
    internal Task Write(CancelAction action, CancellationToken token)
    {
        if (token.IsCancellationRequested)
        {
            return Task.FromCanceled(token);
        }
        Sender.Check(action);
        using (context.Gate.Enter())
        {
            return sender.Submit(Sender.Encode(action, action.CorrelationId)) is { } refused
                ? Observed.Quiet(Task.FromException(Failure.Own(refused, facts => facts with { SessionId = action.SessionId })))
                : Task.CompletedTask;
        }
    }
}
