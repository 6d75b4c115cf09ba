namespace SmooAI.SmoothOperator;

/// <summary>What is proved of a message whose turn was interrupted (REQ-TURN-30, REQ-RESUME-12).</summary>
public enum RecoveryStatus
{
    /// <summary>It was answered; the answer is there.</summary>
    Answered,

    /// <summary>Its turn is over, and gave no answer.</summary>
    NotAnswered,

    /// <summary>It never came to the server.</summary>
    NotDelivered,

    /// <summary>Nothing proves one of the others.</summary>
    Unknown,
}

/// <summary>What became of a message; it was not sent again (REQ-TURN-30).</summary>
/// <param name="Status">What is proved.</param>
/// <param name="Message">The answer, where it was given; null otherwise.</param>
public sealed record Recovery(RecoveryStatus Status, ConversationMessage? Message = null)
{
    /// <summary>The status; never what was said.</summary>
    public override string ToString() => Status.ToString();
}
