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

    /// <summary>Asked for the token before every attempt, with the reason, inside <see cref="ConnectTimeout"/> (REQ-CONN-11).</summary>
    public Func<TokenRequest, CancellationToken, ValueTask<string>>? TokenProvider { get; init; }

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

    /// <summary>
    /// Time that a turn may wait, without a new event, to be taken up again after a loss; 60 s, zero waits without end
    /// (REQ-RESUME-09).
    /// </summary>
    public TimeSpan ResumeTimeout { get; init; } = TimeSpan.FromMilliseconds(Defaults.ResumeTimeout);

    /// <summary>Largest message that is taken in, in bytes; 16 MiB (REQ-WIRE-11).</summary>
    public int MaxMessageBytes { get; init; } = (int)Defaults.MaxMessageBytes;

    /// <summary>Whether the first action connects by itself; off (REQ-CONN-09).</summary>
    public bool Lazy { get; init; }

    /// <summary>Whether a link that was lost is sought again; on (REQ-CONN-30).</summary>
    public bool AutoReconnect { get; init; } = Defaults.AutoReconnect;

    /// <summary>Whether a link is sought again when the first attempt fails; off (REQ-CONN-04).</summary>
    public bool RetryInitialConnect { get; init; }

    /// <summary>Attempts without a link before it is given up, from 0, which seeks none again; null for no end (REQ-CONN-36).</summary>
    public int? MaxReconnectAttempts { get; init; }

    /// <summary>Unit of the waits between attempts, at least 1 ms; 0.5 s (REQ-CONN-31).</summary>
    public TimeSpan BackoffBase { get; init; } = TimeSpan.FromMilliseconds(Defaults.BackoffBase);

    /// <summary>Longest wait before an attempt, at least 1 ms; 20 s (REQ-CONN-31).</summary>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromMilliseconds(Defaults.BackoffMax);

    /// <summary>Time open after which attempts are counted anew; 10 s, zero counts anew at once (REQ-CONN-32).</summary>
    public TimeSpan StableAfter { get; init; } = TimeSpan.FromMilliseconds(Defaults.StableAfter);

    /// <summary>Silence of the link after which the client asks whether it lives; 25 s (REQ-CONN-38).</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromMilliseconds(Defaults.PingInterval);

    /// <summary>Time for the sign of life that was asked for; 10 s (REQ-CONN-38).</summary>
    public TimeSpan PongTimeout { get; init; } = TimeSpan.FromMilliseconds(Defaults.PongTimeout);

    /// <summary>Actions that may wait for a link; 64, zero lets none wait (REQ-CONN-40).</summary>
    public int QueueLimit { get; init; } = (int)Defaults.QueueLimit;

    /// <summary>What an action does while a lost link is sought; it waits unless said otherwise (REQ-CONN-40).</summary>
    public QueuePolicy QueuePolicy { get; init; } = QueuePolicy.Wait;

    /// <summary>What a message does while another turn of its session runs; it goes out unless said otherwise (REQ-TURN-31).</summary>
    public TurnPolicy TurnPolicy { get; init; } = TurnPolicy.Parallel;

    /// <summary>What answers the questions of turns in place of verbs; null for nothing (REQ-ASK-01).</summary>
    public Handlers? Handlers { get; init; }

    /// <summary>Time that a handler may take; off (REQ-ASK-07).</summary>
    public TimeSpan HandlerTimeout { get; init; } = TimeSpan.FromMilliseconds(Defaults.HandlerTimeout);

    /// <summary>
    /// Whether a message is sent again when its handler has given the code that it was refused for, the same turn going on
    /// with it; on (REQ-ASK-11).
    /// </summary>
    public bool ResendAfterOtp { get; init; } = Defaults.ResendAfterOtp;

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

    /// <summary>Draws a number from 0 up to 1, without 1, for each wait before an attempt; the system's (REQ-TIME-01).</summary>
    public Func<double> Random { get; init; } = System.Random.Shared.NextDouble;

    /// <summary>Names the type and nothing else: options hold secrets.</summary>
    public override string ToString() => nameof(SmoothAgentClientOptions);

    /// <summary>Whether a link that was lost is sought again (REQ-CONN-30).</summary>
    internal bool Seeks => AutoReconnect && MaxReconnectAttempts != 0;

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
        NotNegative(ResumeTimeout, nameof(ResumeTimeout));
        NotNegative(HandlerTimeout, nameof(HandlerTimeout));
        CheckSeeking();
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMessageBytes, 1);
        ArgumentNullException.ThrowIfNull(TimeProvider);
        ArgumentNullException.ThrowIfNull(RandomSource);
        ArgumentNullException.ThrowIfNull(Random);
        return this with
        {
            Headers = Headers is null ? null : new Dictionary<string, string>(Headers, StringComparer.OrdinalIgnoreCase),
            Supports = Supports?.ToArray(),
            TrustedRoots = TrustedRoots is null ? null : [.. TrustedRoots],
        };
    }

    private void CheckSeeking()
    {
        NotNegative(BackoffBase, nameof(BackoffBase));
        NotNegative(BackoffMax, nameof(BackoffMax));
        ArgumentOutOfRangeException.ThrowIfLessThan(BackoffBase, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(BackoffMax, TimeSpan.FromMilliseconds(1));
        NotNegative(StableAfter, nameof(StableAfter));
        NotNegative(PingInterval, nameof(PingInterval));
        NotNegative(PongTimeout, nameof(PongTimeout));
        ArgumentOutOfRangeException.ThrowIfNegative(MaxReconnectAttempts ?? 0, nameof(MaxReconnectAttempts));
        ArgumentOutOfRangeException.ThrowIfNegative(QueueLimit);
        if (!Enum.IsDefined(TurnPolicy))
        {
            throw new ArgumentOutOfRangeException(nameof(TurnPolicy), TurnPolicy, "No policy has that number.");
        }
        if (!Enum.IsDefined(QueuePolicy))
        {
            throw new ArgumentOutOfRangeException(nameof(QueuePolicy), QueuePolicy, "No policy has that number.");
        }
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
