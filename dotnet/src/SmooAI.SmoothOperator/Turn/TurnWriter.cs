namespace SmooAI.SmoothOperator;

/// <summary>What one turn writes: its message, at most one cancel, and verbs. Guarded by the gate.</summary>
internal sealed class TurnWriter(Sender sender, Outgoing message, string sessionId)
{
    private bool _cancelled;

    internal string RequestId => message.RequestId!;

    internal string SessionId => sessionId;

    /// <summary>Whether the message may have left this machine (REQ-TURN-20).</summary>
    internal bool MayHaveLeft => message.MayHaveLeft;

    /// <summary>Queues the message; returns why it was refused.</summary>
    internal SmoothAgentException? WriteMessage() => sender.Submit(message);

    /// <summary>Writes the one cancel of the turn; false when that was done before, or could not be.</summary>
    internal bool WriteCancel()
    {
        if (_cancelled)
        {
            return false;
        }
        _cancelled = true;
        return Write(new CancelAction { SessionId = sessionId }) is null;
    }

    /// <exception cref="ArgumentException">A text of the verb holds half of a surrogate pair; nothing was sent.</exception>
    internal void Check(ClientAction verb) => Sender.Encode(verb, RequestId);

    /// <summary>Queues a verb under the turn's id; returns why it was refused.</summary>
    internal SmoothAgentException? Write(ClientAction verb) => sender.Submit(Sender.Encode(verb, RequestId));

    /// <summary>The turn is over: a message still in the queue must not go out.</summary>
    internal void Finish() => message.Withdraw();
}
