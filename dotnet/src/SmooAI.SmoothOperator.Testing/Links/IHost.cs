namespace SmooAI.SmoothOperator.Testing;

/// <summary>The server, as its links see it. Safe from any thread.</summary>
internal interface IHost
{
    /// <summary>The world's gate, which guards what links know.</summary>
    Lock Gate { get; }

    /// <summary>Answers one frame.</summary>
    void Received(ILink link, string text);

    /// <summary>Answers a binary frame.</summary>
    void ReceivedBinary(ILink link);

    /// <summary>Takes note that a link is gone; called once.</summary>
    void LinkClosed(ILink link);
}

/// <summary>How a handshake is refused.</summary>
internal sealed record Refusal(int Status, IReadOnlyDictionary<string, string> Headers);
