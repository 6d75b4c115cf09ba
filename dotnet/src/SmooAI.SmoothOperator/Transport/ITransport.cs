namespace SmooAI.SmoothOperator;

/// <summary>One WebSocket: open, send text, receive, close. Used by one reader and one writer at a time.</summary>
internal interface ITransport : IDisposable
{
    /// <exception cref="HandshakeException">The handshake was refused or failed.</exception>
    Task OpenAsync(Uri address, CancellationToken cancellationToken);

    Task SendAsync(ReadOnlyMemory<byte> text);

    /// <summary>
    /// Returns what came next; never throws, and ends with one of the last four kinds. The text lies in memory that the
    /// next receive uses again. Completes at once while the last read of the socket holds more.
    /// </summary>
    ValueTask<Inbound> ReceiveAsync();

    /// <summary>Sends the close frame; the reader goes on until the peer's own.</summary>
    Task CloseAsync(int code);

    /// <summary>Drops the socket; a pending receive ends.</summary>
    void Abort();
}

/// <summary>What a transport received.</summary>
internal enum InboundKind
{
    /// <summary>A text message.</summary>
    Text,

    /// <summary>A binary message.</summary>
    Binary,

    /// <summary>A message over the limit; the rest of it is skipped.</summary>
    TooLarge,

    /// <summary>A close frame.</summary>
    Closed,

    /// <summary>The socket ended without a close frame.</summary>
    Lost,

    /// <summary>A text message that is not UTF-8.</summary>
    InvalidUtf8,
}

/// <summary>One thing that came.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its text; in memory that the next receive uses again.</param>
/// <param name="Number">The close code, or the bytes seen of a message too large.</param>
/// <param name="Reason">What the close frame gave as its reason.</param>
internal readonly record struct Inbound(InboundKind Kind, ReadOnlyMemory<byte> Text = default, int Number = 0, string? Reason = null);

/// <summary>The handshake did not succeed; <c>Refused</c> is the answer where there was one.</summary>
internal sealed class HandshakeException(Refusal? refused, Exception cause) : Exception("The handshake failed.", cause)
{
    internal Refusal? Refused { get; } = refused;
}
