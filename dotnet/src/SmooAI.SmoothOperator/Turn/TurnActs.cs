using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>What the steps of a turn are about.</summary>
/// <param name="Word">The event that moved the machines.</param>
/// <param name="Event">The frame; null for a local event.</param>
/// <param name="End">How the link ended, where that is it.</param>
/// <param name="Error">Why an attempt failed or an action was refused, where that is it.</param>
/// <param name="Asked">What was open before.</param>
/// <param name="State">What <c>turn_resumed</c> says of the turn, where that is it (REQ-RESUME-04).</param>
internal readonly record struct TurnCause(
    string Word, ServerEvent? Event = null, LinkEnd? End = null, Exception? Error = null, Question? Asked = null, string? State = null);

/// <summary>Carries out what the tables ask for in one step of a turn.</summary>
internal sealed class TurnActs(TurnDriver turn, TurnCause cause) : ITurnActs
{
    private TurnStep _step;

    /// <summary>Why the table refused an answer; null when it did not.</summary>
    internal SmoothAgentException? Refused { get; private set; }

    internal void CarryOut(List<TurnStep> steps)
    {
        foreach (var step in steps)
        {
            _step = step;
            step.Effect.Do(this);
        }
    }

    public void Item() => turn.Append(cause.Event!);

    /// <summary>The connection has shown the frame already.</summary>
    public void Tap()
    {
    }

    public void Settle(Outcome outcome, Ending? ending) => turn.Settle(outcome, ending, cause);

    public void Resolve()
    {
        if (_step.Verb is { } verb && turn.States.Forget(verb))
        {
            verb.Resolve(cause.Event);
        }
    }

    public void Fail(Ending? ending)
    {
        if (_step.Verb is { } verb && turn.States.Forget(verb))
        {
            turn.Fail(verb, ending is { } kind
                ? turn.LostVerb(kind)
                : Failure.FromServer((ErrorEvent)cause.Event!, turn.NamedVerb));
        }
    }

    public void Refuse(Refusal refusal) => Refused = refusal == Refusal.AlreadyAnswered
        ? Failure.Local(ErrorKinds.AlreadyAnswered, turn.NamedVerb)
        : Failure.NoPendingQuestion(turn.NamedVerb);

    public void Open() => turn.Ask(_step.Question!, cause.Event!);

    public void Reopen() => turn.AskAgain(_step.Question!, cause.Event);

    public void Shut() => turn.Shut(_step.Question!);

    /// <summary>Writes what the turn itself says; the frame of an answer is written by the verb that gave it.</summary>
    public void Send(StepAction action)
    {
        if (action == StepAction.Cancel)
        {
            turn.WriteCancel();
        }
        else if (action == StepAction.ResumeTurn)
        {
            turn.WriteResume();
        }
    }

    public void Schedule(StepTimer timer) => turn.WaitForResume(((ErrorEvent)cause.Event!).RetryAfterMs);

    public void Repeat()
    {
        if (_step is { Question: not null, Verb: { } verb })
        {
            turn.Actions.Repeat(verb);
        }
        else
        {
            turn.RepeatMessage();
        }
    }

    public void Suspend() => turn.Suspend();

    public void Resume() => turn.Resume((TurnResumedEvent)cause.Event!);
}
