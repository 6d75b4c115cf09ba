namespace SmooAI.SmoothOperator;

/// <summary>Base of every error of this library; branch on <see cref="Kind"/> or on the class (REQ-ERR-01).</summary>
public abstract class SmoothAgentException : Exception
{
    private protected SmoothAgentException(ErrorFacts facts) : base(null, facts.Cause) => Facts = facts;

    /// <summary>What happened, to whom, and what to do about it; never a word of the server or of the person (REQ-ERR-07).</summary>
    public override string Message => Failure.TextOf(Leaf, Facts);

    /// <summary>One of <see cref="ErrorKinds"/>, the same word in every language.</summary>
    public string Kind => Facts.Kind;

    /// <summary>Whether the same action may succeed later without a change.</summary>
    public bool Retryable => Facts.Retryable;

    /// <summary>The server's code; null for errors that the client made itself.</summary>
    public string? Code => Facts.Code;

    /// <summary>Id of the action that failed, where known.</summary>
    public string? RequestId => Facts.RequestId;

    /// <summary>Session of the action that failed, where known.</summary>
    public string? SessionId => Facts.SessionId;

    /// <summary>Close code of the link, when its end was the cause.</summary>
    public int? CloseCode => Facts.CloseCode;

    /// <summary>What the server's close frame gave as its reason; null when it gave none (REQ-ERR-06).</summary>
    public string? CloseReason => Facts.CloseReason;

    /// <summary>The server's own sentence; may hold private data, so no text repeats it (REQ-ERR-06).</summary>
    public string? ServerMessage => Facts.ServerMessage;

    /// <summary>What was streamed before a turn failed; null when no turn failed.</summary>
    public string? PartialText => Facts.PartialText;

    /// <summary>Further facts; never null.</summary>
    public ErrorDetails Details => Facts.Details;

    internal ErrorFacts Facts { get; }

    /// <summary>The word of the error table that the class is named after.</summary>
    private string Leaf
    {
        get
        {
            var name = GetType().Name[..^"Exception".Length];
            return name.StartsWith("Smooth", StringComparison.Ordinal) ? name["Smooth".Length..] : name;
        }
    }
}
