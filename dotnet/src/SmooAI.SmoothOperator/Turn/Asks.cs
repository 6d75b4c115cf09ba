namespace SmooAI.SmoothOperator;

/// <summary>Makes of a question what its handler is shown (REQ-ASK-02, REQ-ASK-03). Pure.</summary>
internal static class Asks
{
    internal static ConfirmAsk Confirm(TurnDriver turn, Question question)
    {
        var asked = (WriteConfirmationRequiredEvent)question.Asked;
        return new()
        {
            RequestId = turn.RequestId,
            SessionId = turn.SessionId,
            ToolId = asked.ToolId,
            ActionDescription = asked.ActionDescription,
            Event = asked,
        };
    }

    internal static OtpAsk Otp(TurnDriver turn, Question question, OtpInvalidEvent? wrong)
    {
        var (required, sent) = (question.Asked as OtpVerificationRequiredEvent, question.Sent);
        return new()
        {
            RequestId = turn.RequestId,
            SessionId = turn.SessionId,
            ToolId = required?.ToolId,
            ActionDescription = required?.ActionDescription,
            AvailableChannels = required?.AvailableChannels ?? [],
            AuthLevel = required?.AuthLevel,
            Channel = sent?.Channel,
            MaskedDestination = sent?.MaskedDestination,
            AttemptsRemaining = wrong?.AttemptsRemaining,
            Error = wrong?.Error,
            Message = wrong?.Message,
            Event = (ServerEvent?)sent ?? question.Asked,
        };
    }

    internal static InteractionAsk Interaction(TurnDriver turn, Question question, InteractionInvalidEvent? wrong)
    {
        var asked = (InteractionRequiredEvent)question.Asked;
        return new()
        {
            RequestId = turn.RequestId,
            SessionId = turn.SessionId,
            InteractionId = asked.InteractionId,
            Kind = asked.Kind,
            Spec = asked.Spec,
            Reason = asked.Reason,
            Errors = wrong?.Errors ?? [],
            Message = wrong?.Message,
            Event = asked,
        };
    }
}
