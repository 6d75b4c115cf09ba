using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace SmooAI.SmoothOperator.Extensions.AI;

/// <summary>Asks a human to fill in a form, or to choose; also again, after values that were not taken.</summary>
public sealed class InteractionRequestContent : InputRequestContent
{
    internal InteractionRequestContent(string requestId, InteractionRequiredEvent asked, InteractionInvalidEvent? invalid)
        : base(requestId)
    {
        (InteractionId, Kind, Spec, Reason) = (asked.InteractionId, asked.Kind, asked.Spec, asked.Reason);
        (Errors, Message) = (invalid?.Errors ?? [], invalid?.Message);
    }

    /// <summary>Id of the interaction.</summary>
    public string InteractionId { get; }

    /// <summary>Its kind, such as <c>identity_intake</c> or <c>choices</c>.</summary>
    public string Kind { get; }

    /// <summary>What is asked for, as the server wrote it.</summary>
    public JsonElement Spec { get; }

    /// <summary>Why the agent asks, for a human.</summary>
    public string Reason { get; }

    /// <summary>What was wrong with the values before, field by field; empty with the first request.</summary>
    public IReadOnlyList<FieldError> Errors { get; }

    /// <summary>What the server says of the values before, for a human; null with the first request.</summary>
    public string? Message { get; }

    /// <summary>Makes the response with the values.</summary>
    /// <param name="values">The values, as the kind wants them.</param>
    /// <exception cref="ArgumentNullException">There are no values; <see cref="CreateRefusal"/> declines.</exception>
    public InteractionResponseContent CreateResponse(JsonObject values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new InteractionResponseContent(RequestId, values);
    }

    /// <summary>Makes the response that declines.</summary>
    public InteractionResponseContent CreateRefusal() => new(RequestId, null);
}

/// <summary>The values of an interaction, or the word that there will be none. Shows its values in no text.</summary>
public sealed class InteractionResponseContent : InputResponseContent
{
    internal InteractionResponseContent(string requestId, JsonObject? values)
        : base(requestId) => Values = values;

    /// <summary>The values; null declines.</summary>
    public JsonObject? Values { get; }

    /// <summary>Names the type and the request; never a value.</summary>
    public override string ToString() => $"{nameof(InteractionResponseContent)} {RequestId}";
}
