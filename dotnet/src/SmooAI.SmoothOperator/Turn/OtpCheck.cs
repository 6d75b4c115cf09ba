namespace SmooAI.SmoothOperator;

/// <summary>What the server said to a one-time code; a wrong one is no exception (REQ-OTP-01).</summary>
public sealed record OtpCheck
{
    /// <summary>Whether the code was right.</summary>
    public required bool Verified { get; init; }

    /// <summary>Tries that are left after a wrong code.</summary>
    public long? AttemptsRemaining { get; init; }

    /// <summary>Why the code was not accepted, where the server says it.</summary>
    public OtpInvalidReason? Error { get; init; }

    /// <summary>The server's words for the person.</summary>
    public string? Message { get; init; }

    /// <summary>The verdict and the tries left; never the server's words.</summary>
    public override string ToString() => Verified ? "verified" : $"not verified, {AttemptsRemaining?.ToString() ?? "unknown"} tries left";

    internal static OtpCheck Of(ServerEvent answer) => answer switch
    {
        OtpInvalidEvent wrong => new()
        {
            Verified = false,
            AttemptsRemaining = wrong.AttemptsRemaining,
            Error = wrong.Error,
            Message = wrong.Message,
        },
        OtpVerifiedEvent right => new() { Verified = true, Message = right.Message },
        _ => new() { Verified = false }, // a decline that was acknowledged
    };
}
