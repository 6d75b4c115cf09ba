using Microsoft.Extensions.AI;

namespace SmooAI.SmoothOperator.Extensions.AI;

/// <summary>Asks a human for a one-time code, before the agent may go on; also again, after a wrong one.</summary>
public sealed class OtpRequestContent : InputRequestContent
{
    internal OtpRequestContent(string requestId, OtpVerificationRequiredEvent? asked, OtpSentEvent? sent, OtpInvalidEvent? wrong)
        : base(requestId)
    {
        ToolId = asked?.ToolId;
        ActionDescription = asked?.ActionDescription;
        Channel = sent?.Channel;
        MaskedDestination = sent?.MaskedDestination;
        AttemptsRemaining = wrong?.AttemptsRemaining;
        Error = wrong?.Error;
        Message = wrong?.Message;
    }

    /// <summary>Tool that needs the code; null where no event said it.</summary>
    public string? ToolId { get; }

    /// <summary>What the code is needed for, for a human; null where no event said it.</summary>
    public string? ActionDescription { get; }

    /// <summary>How the code travels; null where no event said it.</summary>
    public OtpChannel? Channel { get; }

    /// <summary>Where it was sent to, as far as it may be shown; null where no event said it.</summary>
    public string? MaskedDestination { get; }

    /// <summary>Tries that are left after a wrong code; null with the first request.</summary>
    public long? AttemptsRemaining { get; }

    /// <summary>Why the code before was not accepted; null with the first request.</summary>
    public OtpInvalidReason? Error { get; }

    /// <summary>What the server says of the code before, for a human; null with the first request.</summary>
    public string? Message { get; }

    /// <summary>Makes the response with the code.</summary>
    /// <param name="code">The code as it was typed.</param>
    /// <exception cref="ArgumentNullException">There is no code; <see cref="CreateRefusal"/> declines.</exception>
    public OtpResponseContent CreateResponse(string code)
    {
        ArgumentNullException.ThrowIfNull(code);
        return new OtpResponseContent(RequestId, code);
    }

    /// <summary>Makes the response that declines; only where the session has <c>otp_park</c> (REQ-OTP-05).</summary>
    public OtpResponseContent CreateRefusal() => new(RequestId, null);
}

/// <summary>A one-time code, or the word that there will be none. Shows its code in no text.</summary>
public sealed class OtpResponseContent : InputResponseContent
{
    internal OtpResponseContent(string requestId, string? code)
        : base(requestId) => Code = code;

    /// <summary>The code as it was typed; null declines. A secret: neither log nor store it.</summary>
    public string? Code { get; }

    /// <summary>Names the type and the request; never the code.</summary>
    public override string ToString() => $"{nameof(OtpResponseContent)} {RequestId}";
}
