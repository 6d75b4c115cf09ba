using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>Handlers that tests often want.</summary>
public static class FakeHandlers
{
    /// <summary>Approves every confirmation.</summary>
    public static Handlers ApproveAll { get; } = new() { Confirm = static (_, _) => new(true) };

    /// <summary>Rejects every confirmation.</summary>
    public static Handlers RejectAll { get; } = new() { Confirm = static (_, _) => new(false) };

    /// <summary>Gives this one-time code whenever one is asked for.</summary>
    /// <param name="code">The code.</param>
    public static Handlers Code(string code) => new() { Otp = (_, _) => new(code) };

    /// <summary>Fills in every form of a kind alike.</summary>
    /// <param name="kind">Kind of the interaction.</param>
    /// <param name="values">What is filled in.</param>
    public static Handlers Form(string kind, JsonObject values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new()
        {
            Interaction = new Dictionary<string, InteractionHandler> { [kind] = (_, _) => new((JsonObject)values.DeepClone()) },
        };
    }
}
