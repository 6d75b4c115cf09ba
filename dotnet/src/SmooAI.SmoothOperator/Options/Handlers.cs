using System.Text.Json;
using System.Text.Json.Nodes;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Answers confirmations: true approves, false denies.</summary>
/// <param name="ask">What is asked.</param>
/// <param name="cancellationToken">Fires when the answer can no longer count (REQ-ASK-06).</param>
public delegate ValueTask<bool> ConfirmHandler(ConfirmAsk ask, CancellationToken cancellationToken);

/// <summary>Gives the one-time code as it was typed; null declines (REQ-ASK-04).</summary>
/// <param name="ask">What is asked.</param>
/// <param name="cancellationToken">Fires when the code can no longer count (REQ-ASK-06).</param>
public delegate ValueTask<string?> OtpHandler(OtpAsk ask, CancellationToken cancellationToken);

/// <summary>Gives the values of an interaction; null declines.</summary>
/// <param name="ask">What is asked.</param>
/// <param name="cancellationToken">Fires when the values can no longer count (REQ-ASK-06).</param>
public delegate ValueTask<JsonObject?> InteractionHandler(InteractionAsk ask, CancellationToken cancellationToken);

/// <summary>
/// What answers the questions of turns in place of verbs (REQ-ASK-01). Give it to a client, a conversation or a message;
/// for each kind of question the nearest one counts.
/// </summary>
/// <remarks>
/// One handler of a turn runs at a time, on a thread of the pool; its token fires when the answer can no longer count.
/// One that throws, or gives what is no answer, never approves: the turn fails with <see cref="HandlerException"/>
/// (REQ-ASK-07).
/// </remarks>
public sealed record Handlers
{
    internal static Handlers None { get; } = new();

    /// <summary>For confirmations; null for none.</summary>
    public ConfirmHandler? Confirm { get; init; }

    /// <summary>For one-time codes; null for none.</summary>
    public OtpHandler? Otp { get; init; }

    /// <summary>For interactions, by their kind; listed as capability words with new sessions (REQ-CALL-07).</summary>
    public IReadOnlyDictionary<string, InteractionHandler> Interaction { get; init; } = new Dictionary<string, InteractionHandler>();

    /// <summary>Names the type and nothing else.</summary>
    public override string ToString() => nameof(Handlers);

    /// <summary>Returns what counts of several levels, the nearest last.</summary>
    internal static Handlers Merged(params ReadOnlySpan<Handlers?> levels)
    {
        var merged = None;
        foreach (var level in levels)
        {
            if (level is not null && level != None)
            {
                merged = merged == None ? level : merged.Under(level);
            }
        }
        return merged;
    }

    /// <summary>Returns the capability words that the interaction handlers stand for.</summary>
    internal IEnumerable<string> Words() => Capabilities.Rows
        .Where(row => Array.Exists(row.ImpliedBy, reason => Interaction.Keys.Any(kind => reason == $"handler {kind}")))
        .Select(row => row.Word);

    private Handlers Under(Handlers nearer) => new()
    {
        Confirm = nearer.Confirm ?? Confirm,
        Otp = nearer.Otp ?? Otp,
        Interaction = Interaction.Where(pair => !nearer.Interaction.ContainsKey(pair.Key)).Concat(nearer.Interaction).ToDictionary(),
    };
}

/// <summary>A confirmation that a handler answers (REQ-ASK-02).</summary>
public sealed record ConfirmAsk
{
    /// <summary>Id of the turn.</summary>
    public required string RequestId { get; init; }

    /// <summary>Session of the turn.</summary>
    public required string SessionId { get; init; }

    /// <summary>Tool that waits for the answer.</summary>
    public required string ToolId { get; init; }

    /// <summary>What it is about to do, for a human.</summary>
    public required string ActionDescription { get; init; }

    /// <summary>The event that asked.</summary>
    public required WriteConfirmationRequiredEvent Event { get; init; }

    /// <summary>Names the type and nothing else.</summary>
    public override string ToString() => nameof(ConfirmAsk);
}

/// <summary>A one-time code that a handler gives (REQ-ASK-02, REQ-ASK-03).</summary>
public sealed record OtpAsk
{
    /// <summary>Id of the turn.</summary>
    public required string RequestId { get; init; }

    /// <summary>Session of the turn.</summary>
    public required string SessionId { get; init; }

    /// <summary>Tool that needs the code; null where no event said it.</summary>
    public string? ToolId { get; init; }

    /// <summary>What the code is needed for, for a human; null where no event said it.</summary>
    public string? ActionDescription { get; init; }

    /// <summary>Ways that the code may travel.</summary>
    public IReadOnlyList<OtpChannel> AvailableChannels { get; init; } = [];

    /// <summary>Level of authentication that is asked for; null where no event said it.</summary>
    public string? AuthLevel { get; init; }

    /// <summary>How the code travels; null when nothing said that it was sent.</summary>
    public OtpChannel? Channel { get; init; }

    /// <summary>Where it was sent to, as far as it may be shown; null when nothing said that it was sent.</summary>
    public string? MaskedDestination { get; init; }

    /// <summary>Tries that are left after a wrong code; null with the first call.</summary>
    public long? AttemptsRemaining { get; init; }

    /// <summary>Why the code before was not accepted.</summary>
    public OtpInvalidReason? Error { get; init; }

    /// <summary>What the server says of the code before, for a human.</summary>
    public string? Message { get; init; }

    /// <summary>The event that asked, or told where the code went.</summary>
    public required ServerEvent Event { get; init; }

    /// <summary>What a human may be shown: the server's words, or where the code went.</summary>
    public string Prompt => Message ?? ActionDescription ?? MaskedDestination ?? "";

    /// <summary>Names the type and nothing else.</summary>
    public override string ToString() => nameof(OtpAsk);
}

/// <summary>An interaction that a handler answers (REQ-ASK-02, REQ-ASK-03).</summary>
public sealed record InteractionAsk
{
    /// <summary>Id of the turn.</summary>
    public required string RequestId { get; init; }

    /// <summary>Session of the turn.</summary>
    public required string SessionId { get; init; }

    /// <summary>Id of the interaction.</summary>
    public required string InteractionId { get; init; }

    /// <summary>Its kind.</summary>
    public required string Kind { get; init; }

    /// <summary>What is asked for, as the server wrote it.</summary>
    public required JsonElement Spec { get; init; }

    /// <summary>Why, for a human; null where the server did not say.</summary>
    public string? Reason { get; init; }

    /// <summary>What was wrong with the values before, field by field.</summary>
    public IReadOnlyList<FieldError> Errors { get; init; } = [];

    /// <summary>What the server says of the values before, for a human.</summary>
    public string? Message { get; init; }

    /// <summary>The event that asked.</summary>
    public required InteractionRequiredEvent Event { get; init; }

    /// <summary>Names the type and nothing else.</summary>
    public override string ToString() => nameof(InteractionAsk);
}
