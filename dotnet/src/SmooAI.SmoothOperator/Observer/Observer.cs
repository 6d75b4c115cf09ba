namespace SmooAI.SmoothOperator;

/// <summary>What an application may watch of a client, for spans, counters and logs; every method does nothing by default.</summary>
/// <remarks>
/// Methods are called like listeners: in order, one at a time, never in the frame of the call that caused them
/// (REQ-CONN-07), and should not block. One that throws is logged once and disturbs nothing (REQ-CONN-08). No text of a
/// message, no code and no token is ever given to one. Override what is wanted and give the observer to
/// <see cref="SmoothAgentClientOptions.Observer"/>.
/// </remarks>
public abstract class Observer
{
    /// <summary>An attempt to open a link ended.</summary>
    /// <param name="host">Host and port of the server.</param>
    /// <param name="error">Why it failed; null when the link is open.</param>
    public virtual void Attempt(string host, Exception? error)
    {
    }

    /// <summary>A call has its answer, or failed. One that its caller gave up is not told.</summary>
    /// <param name="action">The protocol's word for it, such as <c>get_session</c>.</param>
    /// <param name="requestId">Its id.</param>
    /// <param name="error">Why it failed; null when it was answered.</param>
    public virtual void Call(string action, string requestId, Exception? error)
    {
    }

    /// <summary>A message was queued, and its turn began.</summary>
    /// <param name="requestId">Id of the turn.</param>
    /// <param name="sessionId">Session of the turn.</param>
    public virtual void TurnStarted(string requestId, string sessionId)
    {
    }

    /// <summary>The first piece of a turn's text came.</summary>
    /// <param name="requestId">Id of the turn.</param>
    public virtual void FirstToken(string requestId)
    {
    }

    /// <summary>A turn asks a human.</summary>
    /// <param name="requestId">Id of the turn.</param>
    /// <param name="kind">What kind of answer it waits for.</param>
    public virtual void Question(string requestId, QuestionKind kind)
    {
    }

    /// <summary>A turn has its outcome.</summary>
    /// <param name="requestId">Id of the turn.</param>
    /// <param name="outcome">How it ended.</param>
    /// <param name="error">The error of a failed turn; null otherwise.</param>
    public virtual void TurnSettled(string requestId, TurnOutcome outcome, Exception? error)
    {
    }
}
