namespace SmooAI.SmoothOperator;

/// <summary>What one turn writes: its message, at most one cancel, and verbs. Guarded by the gate.</summary>
/// <param name="sender">Queues what goes out.</param>
/// <param name="message">What the turn begins with.</param>
/// <param name="sessionId">Session of the turn.</param>
/// <param name="again">Makes the message under another id; null where it is not the client's own.</param>
internal sealed class TurnWriter(Sender sender, Outgoing message, string sessionId, Func<string, Outgoing>? again = null)
{
    private Outgoing _message = message;
    private Outgoing? _cancel;

    internal string RequestId => _message.RequestId!;

    internal string SessionId => sessionId;

    /// <summary>Whether the message may have left this machine (REQ-TURN-20).</summary>
    internal bool MayHaveLeft => _message.MayHaveLeft;

    /// <summary>Whether the turn is to be stopped.</summary>
    internal bool IsCancelling { get; private set; }

    /// <summary>How the last link was lost; null when none was.</summary>
    internal LinkEnd? Ending => sender.Ending;

    /// <summary>Queues the message; returns why it was refused.</summary>
    internal SmoothAgentException? WriteMessage() => sender.Submit(_message);

    /// <summary>Writes the message once more: the server never had it (REQ-RESUME-04).</summary>
    internal void RepeatMessage()
    {
        _message = _message.Again();
        sender.Put(_message);
    }

    /// <summary>Whether the message can be sent again under another id.</summary>
    internal bool CanRepeat => again is not null;

    /// <summary>Makes the message anew: it was refused, and has not left until it goes out under another id (REQ-TURN-32).</summary>
    internal void TakeBack() => _message = again!(RequestId);

    /// <summary>Makes the message anew, under another id; nothing was cancelled of that.</summary>
    internal void Renew(string id) => (_message, _cancel, IsCancelling) = (again!(id), null, false);

    /// <summary>Makes the one cancel of the turn; false when that was done before.</summary>
    internal bool MakeCancel()
    {
        if (IsCancelling)
        {
            return false;
        }
        IsCancelling = true;
        _cancel = Sender.Encode(new CancelAction { SessionId = sessionId }, RequestId);
        return true;
    }

    /// <summary>Writes a cancel that was made and is not written yet, unless it is kept for the next link (REQ-RESUME-08).</summary>
    /// <param name="keeps">Whether it waits for <c>resume_turn</c> where there is no link.</param>
    /// <param name="late">When it is too late for it; null = never.</param>
    /// <returns>Whether it was written.</returns>
    internal bool WriteCancel(bool keeps, Lateness? late)
    {
        if (_cancel is null || (keeps && !sender.IsLinked))
        {
            return false;
        }
        _cancel.Late = late;
        sender.Put(_cancel);
        _cancel = null;
        return true;
    }

    /// <summary>Asks for events of the turn; false without a link (REQ-RESUME-03).</summary>
    internal bool WriteResume(ResumeTurnAction action)
    {
        if (sender.IsLinked)
        {
            sender.Put(Sender.Encode(action, RequestId));
        }
        return sender.IsLinked;
    }

    /// <summary>Makes the frame of a verb under the turn's id; says why one that is too large is refused.</summary>
    /// <exception cref="ArgumentException">A text of the verb holds half of a surrogate pair; nothing was sent.</exception>
    internal Outgoing Encode(ClientAction verb, out SmoothAgentException? refusal)
    {
        var frame = Sender.Encode(verb, RequestId);
        refusal = sender.TooLarge(frame);
        return frame;
    }

    /// <summary>Writes the frame of a verb.</summary>
    internal void Write(Outgoing verb) => sender.Put(verb);

    /// <summary>The turn is over: a message still in the queue must not go out, a kept cancel goes by the next link.</summary>
    /// <param name="late">When it is too late for that cancel; null = never.</param>
    internal void Finish(Lateness? late)
    {
        WriteCancel(keeps: false, late);
        _message.Withdraw();
    }
}
