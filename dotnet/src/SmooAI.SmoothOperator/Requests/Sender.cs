using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Turns actions into queued frames; asks for the link where the option says so (REQ-CONN-09).</summary>
internal sealed class Sender(ClientContext context, Supervisor connection)
{
    /// <summary>Encodes an action under an id, as it is without one. Opens nothing.</summary>
    internal static Outgoing Encode(ClientAction action, string? id)
    {
        var bound = id is null ? action : action.Bound(id);
        return new Outgoing(bound.Action, id, Json.Bytes(bound));
    }

    /// <summary>Queues a frame; called inside the gate. Returns why it was refused, null when it is queued.</summary>
    internal SmoothAgentException? Submit(Outgoing frame)
    {
        if (frame.Text.Length > Limits.OutboundBytes)
        {
            return Failure.TooLarge(frame.Text.Length, Limits.OutboundBytes, facts => facts with { RequestId = frame.RequestId, Host = context.Host });
        }
        if (!connection.TakesActions)
        {
            if (!context.Options.Lazy)
            {
                return Failure.Local(ErrorKinds.NotConnected, facts => facts with { RequestId = frame.RequestId, Host = context.Host });
            }
            _ = connection.ConnectAsync();
        }
        connection.Submit(frame);
        return null;
    }
}
