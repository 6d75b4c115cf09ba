namespace SmooAI.SmoothOperator;

/// <summary>What the history proves of a message whose turn was interrupted (REQ-TURN-30).</summary>
public enum RecoveryStatus
{
    /// <summary>It was answered; the answer is there.</summary>
    Answered,

    /// <summary>Its turn is over, and gave no answer.</summary>
    NotAnswered,

    /// <summary>It never came to the server.</summary>
    NotDelivered,

    /// <summary>The history proves none of the others.</summary>
    Unknown,
}

/// <summary>What became of a message, as the history tells it; nothing was sent again (REQ-TURN-30).</summary>
/// <param name="Status">What is proved.</param>
/// <param name="Message">The answer, where it was given; null otherwise.</param>
public sealed record Recovery(RecoveryStatus Status, ConversationMessage? Message = null)
{
    /// <summary>The status; never what was said.</summary>
    public override string ToString() => Status.ToString();
}
