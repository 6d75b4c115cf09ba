namespace SmooAI.SmoothOperator;

/// <summary>Shows frames to the log and to the listeners (REQ-LOG-01, REQ-LOG-02).</summary>
internal sealed class FrameTap(ClientContext context, Listeners<FrameInfo> listeners)
{
    /// <summary>Whether anybody looks at frames.</summary>
    internal bool IsWanted => listeners.Any || context.Log.IsOn;

    internal void Show(Outgoing frame) => Show(FrameDirection.Out, frame.Action, frame.RequestId, frame.Text);

    internal void Show(ServerEvent received)
    {
        var type = (received as UnknownEvent)?.WireType ?? received.Type;
        Show(FrameDirection.In, type, received.CorrelationId, received.Received);
    }

    /// <summary>Shows a frame that is no event.</summary>
    internal void ShowMalformed(ReadOnlyMemory<byte> text) => Show(FrameDirection.In, null, null, text.ToArray());

    private void Show(FrameDirection direction, string? type, string? id, ReadOnlyMemory<byte> text)
    {
        if (listeners.Any)
        {
            listeners.Raise(new FrameInfo(direction, type, id, text, context.Clock.GetUtcNow()));
        }
        if (context.Log.IsOn)
        {
            var seen = new FrameInfo(direction, type, id, text, default);
            context.Log.Debug(context.Options.LogPayloads ? $"{seen}: {Redaction.Of(seen)}" : seen.ToString());
        }
    }
}
