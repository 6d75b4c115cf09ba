namespace SmooAI.SmoothOperator;

/// <summary>A question to a human that is open, or was when a turn ended.</summary>
/// <param name="Kind">What is asked for.</param>
/// <param name="Asked">The event that opened it.</param>
/// <param name="Sent">Where the one-time code went, once the server said it.</param>
public sealed record Question(QuestionKind Kind, ServerEvent Asked, OtpSentEvent? Sent = null)
{
    /// <summary>Names the kind; never what is asked.</summary>
    public override string ToString() => Kind.ToString();
}
