namespace SmooAI.SmoothOperator;

/// <summary>Why a token is asked for (REQ-CONN-11).</summary>
public enum TokenReason
{
    /// <summary>For the first attempt.</summary>
    Connect,

    /// <summary>For an attempt after one that failed, or after a link that was lost.</summary>
    Reconnect,

    /// <summary>The token before was refused: give another one (REQ-CONN-34).</summary>
    Rejected,
}

/// <summary>What a token provider is asked with.</summary>
public sealed record TokenRequest
{
    /// <summary>Why it is asked.</summary>
    public required TokenReason Reason { get; init; }
}
