using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>What becomes of a turn: its result or its error, and who is told. Guarded by the gate.</summary>
internal sealed class TurnEnding(ClientContext context, TurnDriver turn, Accumulator text)
{
    private readonly TaskCompletionSource<TurnResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task<TurnResult> Completion => _completion.Task;

    /// <summary>Ends the waits with the token's cancellation.</summary>
    internal void Abandon(CancellationToken token)
    {
        context.Gate.After(() => _completion.TrySetCanceled(token));
        turn.Items.End(new OperationCanceledException(token));
    }

    internal (TurnOutcome Outcome, TurnResult? Result) Settle(Outcome outcome, Ending? ending, in TurnCause cause)
    {
        text.End();
        if (outcome == Steps.Outcome.Failed)
        {
            Fail(FailureOf(ending!.Value, cause));
            return (TurnOutcome.Failed, null);
        }
        var how = outcome == Steps.Outcome.Cancelled ? TurnOutcome.Cancelled : TurnOutcome.Completed;
        var confirmed = how == TurnOutcome.Cancelled ? ending != Ending.Unconfirmed : (bool?)null;
        var result = ResultOf(how, confirmed, cause.Event);
        Complete(result);
        return (how, result);
    }

    /// <summary>Returns the result of a turn that may go on: nobody is told of it, verbs end that do not outlive a turn (REQ-ASK-11).</summary>
    internal TurnResult Hold(in TurnCause cause)
    {
        EndVerbs(null);
        return ResultOf(TurnOutcome.Completed, null, cause.Event);
    }

    internal void Complete(TurnResult result)
    {
        text.End();
        EndVerbs(null);
        context.Watch.TurnSettled(turn.RequestId, result.Outcome, null);
        context.Gate.After(() => _completion.TrySetResult(result));
        turn.Items.End(null);
    }

    internal void Fail(Exception failure)
    {
        text.End();
        EndVerbs(failure);
        context.Watch.TurnSettled(turn.RequestId, TurnOutcome.Failed, failure);
        context.Gate.After(() => Observed.Fail(_completion, failure));
        context.Gate.After(() => FailureWatch.Attach(turn, failure, context.Log));
        turn.Items.End(failure);
    }

    /// <summary>
    /// A cancel is done, codes go on waiting, the rest fails (REQ-VERB-06). Of a turn that was suspended no answer comes
    /// any more, not even to a code (REQ-RESUME-08).
    /// </summary>
    private void EndVerbs(Exception? failure)
    {
        foreach (var verb in turn.States.Verbs.ToArray())
        {
            if (verb.Row.OutlivesTurn && !turn.States.WasSuspended)
            {
                continue;
            }
            turn.States.Forget(verb);
            if (verb.Row.Question is null)
            {
                verb.Resolve(null);
            }
            else
            {
                verb.Fail(failure ?? Failure.NoPendingQuestion(turn.NamedVerb));
            }
        }
    }

    private Exception FailureOf(Ending ending, TurnCause cause) => (ending, cause) switch
    {
        (Ending.TurnInterrupted, _) => Interrupted(cause),
        (_, { Error: { } own }) => Failure.Own(own, turn.Named),
        (Ending.ByCode, { Event: ErrorEvent reported }) => Failure.FromServer(reported, turn.Named),
        (Ending.Protocol, { Event: EventualResponseEvent answer }) => Failure.Status(answer.Status, turn.Named),
        (_, { Event: UnknownEvent { Problem: { } problem } broken }) => Failure.Broken(broken.WireType, problem, turn.Named),
        (Ending.InvalidFrame, { Event: { } misplaced }) => Failure.Disorder(TurnResuming.TypeOf(misplaced), turn.Named),
        (_, { End: { } end }) => LinkFailure.Of(StepWords.Of(ending), end, context.Options, facts => Asked(facts, cause.Asked)),
        _ => Failure.Local(StepWords.Of(ending), facts => Asked(facts, cause.Asked)),
    };

    /// <summary>The server, its limit or the link does not let the turn go on.</summary>
    private SmoothAgentException Interrupted(TurnCause cause)
    {
        var end = cause.End ?? turn.LastEnd;
        return cause switch
        {
            { State: { } state } => Told(null, details => details with { State = state }),
            { Event: ErrorEvent refusal } => Told(null, details => details with { Code = refusal.Code }),
            { Word: LocalEvent.ResumeTimeout } => Told(end, details => details),
            _ when end is not null => LinkFailure.Of(ErrorKinds.TurnInterrupted, end, context.Options, facts => Asked(facts, cause.Asked)),
            _ => Told(null, details => details),
        };

        SmoothAgentException Told(LinkEnd? ended, Func<ErrorDetails, ErrorDetails> with) => LinkFailure.Told(
            ErrorKinds.TurnInterrupted, ended, facts => Asked(facts with { Details = with(facts.Details) }, cause.Asked));
    }

    private ErrorFacts Asked(ErrorFacts facts, Question? asked)
    {
        var named = turn.Named(facts);
        return facts.Kind switch
        {
            ErrorKinds.TurnInterrupted => named with
            {
                Sent = turn.MayHaveLeft,
                Recover = turn.RecoverAsync,
                Details = facts.Details with { OpenQuestion = asked },
            },
            ErrorKinds.TurnTimeout => named with { Details = facts.Details with { OpenQuestion = asked } },
            _ => named,
        };
    }

    private TurnResult ResultOf(TurnOutcome outcome, bool? confirmed, ServerEvent? terminal)
    {
        var answer = terminal as EventualResponseEvent;
        return new TurnResult
        {
            Outcome = outcome,
            Text = answer is null ? text.Streamed : text.Final(answer),
            RequestId = turn.RequestId,
            SessionId = turn.SessionId,
            Confirmed = confirmed,
            MessageId = answer?.MessageId,
            Citations = answer?.Citations ?? [],
            Usage = answer?.Usage,
            NeedsEscalation = answer?.NeedsEscalation,
            Duration = turn.Age,
            TimeToFirstToken = turn.FirstTokenAfter,
            Event = terminal,
        };
    }
}
