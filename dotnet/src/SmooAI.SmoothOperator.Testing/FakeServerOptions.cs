namespace SmooAI.SmoothOperator.Testing;

/// <summary>How a <see cref="FakeServer"/> is set up.</summary>
public sealed record FakeServerOptions
{
    /// <summary>Whether turns survive their link (the capability word <c>replay</c>); true by default.</summary>
    public bool Replay { get; init; } = true;

    /// <summary>Seed of the randomness of its clients, so that their waits are the same in each run; 0 by default.</summary>
    public int Seed { get; init; }

    /// <summary>What sessions say that their agent is called; <c>Fake Agent</c> by default.</summary>
    public string AgentName { get; init; } = "Fake Agent";

    /// <summary>How long a question stays open; what nobody answers is denied. 300 s by default.</summary>
    public TimeSpan QuestionTime { get; init; } = TimeSpan.FromMinutes(5);
}
