namespace SmooAI.SmoothOperator;

/// <summary>Hears what happens on the link; every call comes inside the gate.</summary>
internal interface ILinkListener
{
    /// <summary>A well-formed frame came.</summary>
    void OnEvent(in DecodedFrame frame);

    /// <summary>The socket has nothing more for now: what was put off for a batch of frames is done.</summary>
    void OnRest();

    /// <summary>There is a link: what is written now goes before all that waits for it.</summary>
    void OnOpened();

    /// <summary>The attempt that waiting actions hoped for failed.</summary>
    /// <param name="error">Why.</param>
    /// <param name="sought">Whether another attempt follows, so that what waits may go on waiting.</param>
    void OnAttemptFailed(Exception error, bool sought);

    /// <summary>The link is gone.</summary>
    void OnEnded(LinkEnd end);

    /// <summary>Draws a ping of the client's own, whose answer is nobody's (REQ-CONN-38).</summary>
    Outgoing DrawPing();
}

/// <summary>How a link ended.</summary>
/// <param name="Cause">Event of the connection machine, a <see cref="Steps.LocalEvent"/>.</param>
/// <param name="Code">Close code; null when the caller closed.</param>
/// <param name="SizeBytes">Bytes seen of a message that was too large.</param>
/// <param name="Reason">What the peer's close frame gave as its reason.</param>
/// <param name="Sought">Whether another attempt follows, so that what waits for a link may go on waiting.</param>
internal sealed record LinkEnd(
    string Cause, int? Code, long? SizeBytes = null, string? Reason = null, bool Sought = false);
