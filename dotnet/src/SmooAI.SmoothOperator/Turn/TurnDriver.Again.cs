using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>How a turn goes on with its message sent again: after a code, and when it came a moment too early.</summary>
internal sealed partial class TurnDriver
{
    /// <summary>Lets the result that was held back be the outcome, once no code can come (REQ-ASK-12).</summary>
    internal void ReleaseHeld()
    {
        if (_held is { } held && !_handling.ExpectsCode)
        {
            (_held, Outcome, Result) = (null, TurnOutcome.Completed, held);
            _ending.Complete(held);
            Leave();
        }
    }

    /// <summary>Fails the turn by what its handler threw (REQ-ASK-07); false when it had its outcome before.</summary>
    internal bool FailByHandler(Question? asked, Exception cause)
    {
        var failed = Failure.Local(ErrorKinds.HandlerFailed, facts => Named(facts) with
        {
            Cause = cause,
            Details = facts.Details with { OpenQuestion = asked },
        });
        if (_held is not null)
        {
            (_held, Outcome) = (null, TurnOutcome.Failed);
            _ending.Fail(failed);
            Leave();
            return true;
        }
        if (States.IsSettled)
        {
            return false;
        }
        Step(new TurnCause(LocalEvent.HandlerFailed, Error: failed, Asked: asked));
        return true;
    }

    /// <summary>Whether the turn goes on when its handler has given the code (REQ-ASK-11).</summary>
    private bool AwaitsCode => _context.Options.ResendAfterOtp && _writer.CanRepeat && !_isSentAgain
        && _handling.GivesCodes && _handling.ExpectsCode;

    /// <summary>Sends the message again, once, under a new id, and goes on with it (REQ-ASK-11).</summary>
    private void SendAgain()
    {
        (_held, _isSentAgain) = (null, true);
        foreach (var verb in States.Verbs.ToArray())
        {
            States.Forget(verb);
            verb.Fail(Failure.NoPendingQuestion(NamedVerb));
        }
        Questions.StopAll();
        Renew();
        _router.OnNextSend(SessionId);
        if (_writer.WriteMessage() is { } refusal)
        {
            Refuse(refusal);
        }
        FollowQuestions();
    }

    /// <summary>Sends a message that was refused once more, where that may pass; what comes meanwhile is nobody's (REQ-TURN-32).</summary>
    private bool IsTooEarly(ServerEvent received)
    {
        if (_slot is not null)
        {
            return !IsSettled;
        }
        var isRefused = received is ErrorEvent { Code: "TURN_IN_PROGRESS" } && States.State == TurnState.Sent;
        if (!isRefused || _isRetried || !_writer.CanRepeat || !_line.IsEarly(this, _sentAt))
        {
            return false;
        }
        _isRetried = true;
        _writer.TakeBack();
        _slot = new LimitTimer(_context, TimeSpan.FromMilliseconds(Limits.SlotPause), () =>
        {
            _slot = null;
            Renew();
            Start();
        });
        return true;
    }

    private void Tell()
    {
        if (!_isTold)
        {
            _isTold = true;
            _context.Watch.TurnStarted(RequestId, SessionId);
        }
    }

    /// <summary>Goes on under a new id, as for a message that was never sent.</summary>
    private void Renew()
    {
        _router.Release(RequestId);
        _router.RemoveTail(RequestId, this);
        _writer.Renew(_router.AnotherId());
        (States, _resuming) = (NewStates(), new TurnResuming(_context.Options, _resuming.Replays));
        _text.BeginAnew();
        _router.Register(RequestId, this);
    }
}
