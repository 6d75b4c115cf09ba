using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Every option of a client. Only <see cref="Url"/> is required; the client copies what it is given.</summary>
/// <remarks>For every time, <see cref="TimeSpan.Zero"/> turns the limit off.</remarks>
public sealed record SmoothAgentClientOptions
{
    /// <summary>Address of the server, <c>ws:</c> or <c>wss:</c>. Its query is kept, its fragment dropped (REQ-CONN-10).</summary>
    public required string Url { get; init; }

    /// <summary>A token that does not change; null for none. Not together with <see cref="TokenProvider"/>.</summary>
    public string? Token { get; init; }

    /// <summary>Asked for the token before every attempt, inside <see cref="ConnectTimeout"/> (REQ-CONN-11).</summary>
    public Func<CancellationToken, ValueTask<string?>>? TokenProvider { get; init; }

    /// <summary>Where the token travels; in the query unless said otherwise.</summary>
    public TokenPlace TokenIn { get; init; } = TokenPlace.Query;

    /// <summary>Further headers of the handshake.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>The handshake's <c>Origin</c> header; null for none.</summary>
    public string? Origin { get; init; }

    /// <summary>Capability words sent with every session, beside the client's own (REQ-CALL-07).</summary>
    public IReadOnlyCollection<string>? Supports { get; init; }

    /// <summary>Time from the first byte to the end of the handshake; 10 s (REQ-CONN-04).</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromMilliseconds(Defaults.ConnectTimeout);

    /// <summary>Time that closing waits for the peer's close frame; 5 s, zero does not wait (REQ-CONN-05).</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromMilliseconds(Defaults.CloseTimeout);

    /// <summary>Time for the answer to a call or verb, the wait for the link included; 30 s (REQ-CALL-02).</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMilliseconds(Defaults.RequestTimeout);

    /// <summary>Time without a frame of a turn; stands still while a human is asked; 120 s (REQ-TURN-11).</summary>
    public TimeSpan TurnIdleTimeout { get; init; } = TimeSpan.FromMilliseconds(Defaults.TurnIdleTimeout);

    /// <summary>Time for a whole turn, extended by nothing; off (REQ-TURN-12).</summary>
    public TimeSpan TurnTimeout { get; init; } = TimeSpan.FromMilliseconds(Defaults.TurnTimeout);

    /// <summary>Time for a human to answer a question that does not say when it lapses; 330 s (REQ-TURN-13).</summary>
    public TimeSpan QuestionTimeout { get; init; } = TimeSpan.FromMilliseconds(Defaults.QuestionTimeout);

    /// <summary>Time for the server to confirm a cancel; 5 s, zero does not wait (REQ-STOP-02).</summary>
    public TimeSpan CancelTimeout { get; init; } = TimeSpan.FromMilliseconds(Defaults.CancelTimeout);

    /// <summary>Largest message that is taken in, in bytes; 16 MiB (REQ-WIRE-11).</summary>
    public int MaxMessageBytes { get; init; } = (int)Defaults.MaxMessageBytes;

    /// <summary>Whether the first action connects by itself; off (REQ-CONN-09).</summary>
    public bool Lazy { get; init; }

    /// <summary>Certificates that are trusted as roots for <c>wss:</c> beside the platform's own (REQ-CONN-13).</summary>
    public X509Certificate2Collection? TrustedRoots { get; init; }

    /// <summary>Opens the socket of each link in the place of the client's own WebSocket; null for that.</summary>
    public Opener? Opener { get; init; }

    /// <summary>Takes the log, from any thread; null keeps the client silent (REQ-LOG-01).</summary>
    public Action<LogEntry>? Logger { get; init; }

    /// <summary>Whether the log shows the text of frames; off. Frames hold what people say.</summary>
    public bool LogPayloads { get; init; }

    /// <summary>Hears of attempts, calls, turns and questions; null for nobody.</summary>
    public Observer? Observer { get; init; }

    /// <summary>The clock behind every limit; the system's (REQ-TIME-01).</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Draws a requestId; null for <c>req-</c> and a random UUID (REQ-CALL-01).</summary>
    public Func<string>? IdGenerator { get; init; }

    /// <summary>Fills a span with random bytes, for the default ids; the cryptographic source.</summary>
    public Action<Span<byte>> RandomSource { get; init; } = RandomNumberGenerator.Fill;

    /// <summary>Names the type and nothing else: options hold secrets.</summary>
    public override string ToString() => nameof(SmoothAgentClientOptions);

    /// <summary>Returns a checked copy that later changes of the caller's collections do not reach.</summary>
    internal SmoothAgentClientOptions Checked()
    {
        Endpoint.Check(Url);
        if (Token is not null && TokenProvider is not null)
        {
            throw new ArgumentException($"Give {nameof(Token)} or {nameof(TokenProvider)}, not both.", nameof(TokenProvider));
        }
        HeaderRules.Check(Headers, nameof(Headers));
        if (Origin is not null)
        {
            HeaderRules.CheckValue(Origin, nameof(Origin));
        }
        if (Token is not null && TokenIn == TokenPlace.Header)
        {
            HeaderRules.CheckValue(Token, nameof(Token));
        }
        NotNegative(ConnectTimeout, nameof(ConnectTimeout));
        NotNegative(CloseTimeout, nameof(CloseTimeout));
        NotNegative(RequestTimeout, nameof(RequestTimeout));
        NotNegative(TurnIdleTimeout, nameof(TurnIdleTimeout));
        NotNegative(TurnTimeout, nameof(TurnTimeout));
        NotNegative(QuestionTimeout, nameof(QuestionTimeout));
        NotNegative(CancelTimeout, nameof(CancelTimeout));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMessageBytes, 1);
        ArgumentNullException.ThrowIfNull(TimeProvider);
        ArgumentNullException.ThrowIfNull(RandomSource);
        return this with
        {
            Headers = Headers is null ? null : new Dictionary<string, string>(Headers, StringComparer.OrdinalIgnoreCase),
            Supports = Supports?.ToArray(),
            TrustedRoots = TrustedRoots is null ? null : [.. TrustedRoots],
        };
    }

    private static void NotNegative(TimeSpan value, string name)
    {
        // Timers of the platform end at about 49 days.
        if (value < TimeSpan.Zero || value.TotalMilliseconds > uint.MaxValue - 1)
        {
            throw new ArgumentOutOfRangeException(name, value, "A time must not be negative and at most 49 days.");
        }
    }
}
