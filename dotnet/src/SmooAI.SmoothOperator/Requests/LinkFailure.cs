using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>The error of what was in flight when the link ended (REQ-CONN-15, REQ-WIRE-11).</summary>
internal static class LinkFailure
{
    private const int MessageTooBig = 1009;

    /// <summary>Makes the error of the kind that a machine asks for; where the link was lost, the table of close codes may know more.</summary>
    internal static SmoothAgentException Of(
        string kind, LinkEnd end, SmoothAgentClientOptions options, Func<ErrorFacts, ErrorFacts> with)
    {
        if (kind == ErrorKinds.MessageTooLarge)
        {
            return Failure.TooLarge(
                end.SizeBytes, options.MaxMessageBytes, facts => with(facts) with { CloseCode = MessageTooBig });
        }
        var rejected = kind is ErrorKinds.ConnectionLost or ErrorKinds.TurnInterrupted
            && end.Code is { } code
            && CloseCodes.Of(code)?.Kind == ErrorKinds.Authentication;
        return Told(rejected ? ErrorKinds.Authentication : kind, end, with);
    }

    /// <summary>Makes an error of a kind that says how the link ended, where one did.</summary>
    internal static SmoothAgentException Told(string kind, LinkEnd? end, Func<ErrorFacts, ErrorFacts> with) =>
        Failure.Local(kind, facts => with(facts) with { CloseCode = end?.Code, CloseReason = end?.Reason });
}
