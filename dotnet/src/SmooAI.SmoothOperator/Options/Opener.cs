namespace SmooAI.SmoothOperator;

/// <summary>
/// Opens the socket of a link in the place of the client's own WebSocket; called once an attempt. A failure fails the
/// attempt with kind <c>connect_failed</c> and is its cause.
/// </summary>
/// <param name="request">What to open.</param>
/// <param name="cancellationToken">Fires when the attempt is over; the opener gives up.</param>
public delegate ValueTask<ISocket> Opener(OpenRequest request, CancellationToken cancellationToken);

/// <summary>What a socket is opened with.</summary>
public sealed record OpenRequest
{
    /// <summary>Address of the server, with the token when that travels in the query.</summary>
    public required Uri Url { get; init; }

    /// <summary>Headers of the handshake, <c>Origin</c> and a token that travels in a header included.</summary>
    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    /// <summary>Largest message that the client takes, in bytes.</summary>
    public required int MaxMessageBytes { get; init; }

    /// <summary>Names host and port; everything else may be secret.</summary>
    public override string ToString() => $"{nameof(OpenRequest)} {Url.Authority}";
}

/// <summary>
/// Carries the messages of one link. One reader and one writer use it at a time; <see cref="CloseAsync"/> is a write,
/// <see cref="Abort"/> may come from any thread at any time.
/// </summary>
public interface ISocket : IDisposable
{
    /// <summary>
    /// Returns what came next, in memory that the next receive may use again. Completes at once while there is more.
    /// After <see cref="SocketMessageKind.Closed"/> or <see cref="SocketMessageKind.Lost"/> nobody asks again; an
    /// exception counts as lost.
    /// </summary>
    ValueTask<SocketMessage> ReceiveAsync();

    /// <summary>Hands one text message to the peer.</summary>
    /// <param name="text">UTF-8.</param>
    Task SendAsync(ReadOnlyMemory<byte> text);

    /// <summary>Tells the peer that nothing more follows; the reader goes on until the peer's own close.</summary>
    /// <param name="code">Close code of RFC 6455.</param>
    Task CloseAsync(int code);

    /// <summary>Drops the socket; a pending receive ends.</summary>
    void Abort();
}

/// <summary>What a socket received.</summary>
public enum SocketMessageKind
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

/// <summary>One thing that a socket received.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Data">The message; empty for what is none.</param>
/// <param name="Number">The close code (1005 without one, 1006 without a close frame), or the bytes seen of a message too large.</param>
/// <param name="Reason">What the close frame gave as its reason.</param>
public readonly record struct SocketMessage(
    SocketMessageKind Kind, ReadOnlyMemory<byte> Data = default, int Number = 0, string? Reason = null)
{
    /// <summary>Kind and size; never the text.</summary>
    public override string ToString() => $"{Kind} {Data.Length} bytes";
}
