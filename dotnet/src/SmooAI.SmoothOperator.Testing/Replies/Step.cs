using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>One thing that an agent does in its turn.</summary>
internal abstract record Step
{
    /// <summary>One streamed piece, by the type of its event.</summary>
    internal sealed record Piece(string Type, string Text) : Step;

    /// <summary>One <c>stream_chunk</c>.</summary>
    internal sealed record Chunk(string Node, JsonElement? Raw, bool? Done) : Step;

    /// <summary>A confirmation; without <c>Rejected</c> a refusal goes on as an approval does.</summary>
    internal sealed record Confirm(string Description, string ToolId, Reply? Rejected) : Step;

    /// <summary>A one-time code.</summary>
    internal sealed record Otp(string Code, int Attempts, OtpChannel Channel, string Masked) : Step;

    /// <summary>A form.</summary>
    internal sealed record Interaction(string Kind, JsonObject Spec) : Step;

    /// <summary>A pause by the server's clock.</summary>
    internal sealed record Delay(TimeSpan Time) : Step;

    /// <summary>The error that ends the turn.</summary>
    internal sealed record Fail(string Code, string Message) : Step;

    /// <summary>The end of the link.</summary>
    internal sealed record Cut(int Code) : Step;

    /// <summary>A text that is sent as it is.</summary>
    internal sealed record Malformed(string Text) : Step;

    /// <summary>The answer.</summary>
    internal sealed record Finish(
        string? Text, IReadOnlyList<Citation> Citations, Usage? Usage, IReadOnlyList<string> Suggestions) : Step;
}
