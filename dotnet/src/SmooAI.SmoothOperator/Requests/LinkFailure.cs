namespace SmooAI.SmoothOperator;

/// <summary>The error of what was in flight when the link ended (REQ-CONN-15, REQ-WIRE-11).</summary>
internal static class LinkFailure
{
    private const int RejectedCredentials = 4401;
    private const int MessageTooBig = 1009;

    /// <summary>Makes the error of the kind that a machine asks for; 4401 makes any kind authentication.</summary>
    internal static SmoothAgentException Of(
        string kind, LinkEnd end, SmoothAgentClientOptions options, Func<ErrorFacts, ErrorFacts> with)
    {
        if (kind == ErrorKinds.MessageTooLarge)
        {
            return Failure.TooLarge(
                end.SizeBytes, options.MaxMessageBytes, facts => with(facts) with { CloseCode = MessageTooBig });
        }
        var rejected = end.Code == RejectedCredentials && kind != ErrorKinds.ClientClosed;
        return Failure.Local(
            rejected ? ErrorKinds.Authentication : kind,
            facts => with(facts) with { CloseCode = end.Code, CloseReason = end.Reason });
    }
}
