using System.Text.Json;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Turns actions into queued frames; asks for the link where the option says so (REQ-CONN-09).</summary>
internal sealed class Sender(ClientContext context, Supervisor connection)
{
    /// <summary>Refuses an action whose members the schema or JSON does not allow, before an id is drawn for it.</summary>
    /// <exception cref="ArgumentException">A member is missing, out of its bounds (REQ-CALL-12) or half a character (REQ-CALL-11).</exception>
    internal static void Check(ClientAction action)
    {
        using var written = JsonDocument.Parse(FrameOf(action));
        if (ArgumentTable.Fault(action.Action, written.RootElement) is { } fault)
        {
            throw new ArgumentException(fault, nameof(action));
        }
    }

    /// <summary>Encodes an action under an id, as it is without one. Opens nothing.</summary>
    /// <exception cref="ArgumentException">A text holds half of a surrogate pair (REQ-CALL-11).</exception>
    internal static Outgoing Encode(ClientAction action, string? id)
    {
        var bound = id is null ? action : action.Bound(id);
        return new Outgoing(bound.Action, id, FrameOf(bound));
    }

    private static ReadOnlyMemory<byte> FrameOf(ClientAction action)
    {
        try
        {
            return Json.Frame(action);
        }
        catch (FormatException half)
        {
            throw new ArgumentException(half.Message, nameof(action));
        }
    }

    /// <summary>Whether a frame that is written now leaves at once.</summary>
    internal bool IsLinked => connection.IsLinked;

    /// <summary>How the last link was lost; null when none was.</summary>
    internal LinkEnd? Ending => connection.Ending;

    /// <summary>Why a frame is refused that is over 1 MiB (REQ-CALL-10); null for any other.</summary>
    internal SmoothAgentException? TooLarge(Outgoing frame) => frame.Text.Length > Limits.OutboundBytes
        ? Failure.TooLarge(frame.Text.Length, Limits.OutboundBytes, facts => facts with { RequestId = frame.RequestId, Host = context.Host })
        : null;

    /// <summary>Queues a frame; called inside the gate. Returns why it was refused, null when it is queued.</summary>
    internal SmoothAgentException? Submit(Outgoing frame)
    {
        if (TooLarge(frame) is { } refused)
        {
            return refused;
        }
        return connection.Submit(frame) is { } refusal
            ? Failure.Local(refusal, facts => facts with { RequestId = frame.RequestId, Host = context.Host })
            : null;
    }

    /// <summary>Writes or keeps a frame of what began before; called inside the gate.</summary>
    internal void Put(Outgoing frame) => connection.Put(frame);

    /// <summary>The event of the machines that an action ends with that was refused.</summary>
    internal static string WordOf(SmoothAgentException refusal) => refusal.Kind switch
    {
        ErrorKinds.NotConnected => LocalEvent.NotConnected,
        ErrorKinds.QueueFull => LocalEvent.QueueFull,
        _ => LocalEvent.TooLarge,
    };
}
