using System.Text.Json;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>The human verbs of a turn: asks the machine, writes, and waits (REQ-VERB-02).</summary>
internal sealed class TurnVerbs(ClientContext context, TurnDriver turn, TurnWriter writer, Func<string, string, bool> lists)
{
    private Task? _cancelled;

    internal Task<bool> Confirm(bool approved, CancellationToken token, bool byHandler = false) => Write(
        "confirm",
        () => new ConfirmToolActionAction
        {
            RequestId = turn.RequestId,
            SessionId = turn.SessionId,
            Approved = approved,
            ConfirmationId = (turn.Questions["confirmation"].Asked?.Asked as WriteConfirmationRequiredEvent)?.ConfirmationId,
        },
        _ => true,
        token,
        byHandler);

    internal Task<OtpCheck> VerifyOtp(string code, CancellationToken token, bool byHandler = false) => Write(
        "verify_otp",
        () => new VerifyOtpAction { RequestId = turn.RequestId, SessionId = turn.SessionId, Code = code },
        answer => OtpCheck.Of(answer!),
        token,
        byHandler);

    internal Task<SubmitResult> Submit(JsonElement? values, CancellationToken token, bool byHandler = false) => Write(
        "submit", () => Interaction(values, null), answer => SubmitResult.Of(answer!), token, byHandler);

    internal Task<SubmitResult> Decline(CancellationToken token, bool byHandler = false) => Write(
        "decline", () => Interaction(null, true), answer => SubmitResult.Of(answer!), token, byHandler);

    /// <summary>Declines a code, only where the server said that it understands (REQ-OTP-05).</summary>
    internal Task<T> DeclineOtp<T>(Func<ServerEvent, T> read, CancellationToken token, bool byHandler = false)
    {
        if (!lists(turn.SessionId, StepTables.Verbs["decline_otp"].Needs!))
        {
            return Refused<T>(Failure.NotParked(turn.NamedVerb));
        }
        return Write(
                "decline_otp",
            () => new VerifyOtpAction { RequestId = turn.RequestId, SessionId = turn.SessionId, Declined = true },
            answer => read(answer!),
            token,
            byHandler);
    }

    /// <summary>Writes at most one cancel; done when the turn settles (REQ-STOP-01).</summary>
    internal Task Cancel()
    {
        using (context.Gate.Enter())
        {
            if (turn.IsSettled)
            {
                return Task.CompletedTask;
            }
            if (_cancelled is null)
            {
                var waiter = new Waiter<bool>(context);
                turn.Track(new PendingVerb<bool>(StepTables.Verbs["cancel"], waiter, _ => true));
                _cancelled = waiter.Task;
                turn.Cancel();
            }
            return _cancelled;
        }
    }

    private SubmitInteractionAction Interaction(JsonElement? values, bool? declined)
    {
        var asked = (InteractionRequiredEvent)turn.Questions["interaction"].Asked!.Asked;
        return new SubmitInteractionAction
        {
            RequestId = turn.RequestId,
            SessionId = turn.SessionId,
            InteractionId = asked.InteractionId,
            Kind = asked.Kind,
            Values = values,
            Declined = declined,
        };
    }

    private Task<T> Write<T>(string name, Func<ClientAction> action, Func<ServerEvent?, T> read, CancellationToken token, bool byHandler)
    {
        if (token.IsCancellationRequested)
        {
            return Task.FromCanceled<T>(token);
        }
        var verb = StepTables.Verbs[name];
        using (context.Gate.Enter())
        {
            if (turn.Questions[verb.Question!].Asked is null)
            {
                return Refused<T>(turn.Answer(verb.Question!)!);
            }
            var answer = action();
            var frame = writer.Encode(answer, out var tooLarge); // before the question counts as answered
            if ((tooLarge ?? turn.Answer(verb.Question!)) is { } refused)
            {
                return Refused<T>(refused);
            }
            var waiter = new Waiter<T>(context);
            var isNamed = answer is ConfirmToolActionAction { ConfirmationId: not null } or SubmitInteractionAction;
            Wait(new PendingVerb<T>(verb, waiter, read, frame, isNamed) { IsByHandler = byHandler });
            waiter.CancelBy(token); // only the wait ends: the question stays answered (REQ-VERB-07)
            if (!byHandler)
            {
                turn.After();
            }
            return waiter.Task;
        }
    }

    /// <summary>Lets all limits stand still: the turn is suspended (REQ-RESUME-09).</summary>
    internal void Pause()
    {
        foreach (var verb in turn.States.Verbs)
        {
            verb.Pause();
        }
    }

    /// <summary>Starts all limits anew, and writes what was called meanwhile (REQ-RESUME-08).</summary>
    internal void GoOn(IReadOnlyList<PendingVerb> held)
    {
        foreach (var verb in turn.States.Verbs)
        {
            Limit(verb);
        }
        foreach (var verb in held)
        {
            writer.Write(verb.Frame!);
        }
    }

    /// <summary>Writes the frame of a verb once more (REQ-RESUME-07).</summary>
    internal void Repeat(PendingVerb verb) => writer.Write(verb.Again());

    private void Wait(PendingVerb verb)
    {
        turn.Track(verb);
        if (!turn.Holds(verb))
        {
            Limit(verb);
            writer.Write(verb.Frame!);
        }
    }

    private void Limit(PendingVerb verb)
    {
        if (verb.Frame is not null)
        {
            verb.Limit(context.Options.RequestTimeout, () =>
            {
                turn.Forget(verb);
                verb.Fail(Failure.Local(ErrorKinds.RequestTimeout, turn.NamedVerb));
            });
        }
    }

    private static Task<T> Refused<T>(SmoothAgentException error) => Observed.Quiet(Task.FromException<T>(error));
}
