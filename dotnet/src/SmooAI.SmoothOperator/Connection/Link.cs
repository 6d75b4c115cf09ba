namespace SmooAI.SmoothOperator;

/// <summary>One attempt and the link that came of it. Guarded by the gate.</summary>
internal sealed class Link(Gate gate, AttemptLimit limit, Action<OutboundFrame> written)
{
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Outbox Outbox { get; } = new(gate, written);

    internal AttemptLimit Limit { get; } = limit;

    internal ITransport? Transport { get; set; }

    /// <summary>The attempt and after it the read loop; never fails.</summary>
    internal Task Running { get; set; } = Task.CompletedTask;

    /// <summary>Completes when the handshake is over; shared by every caller of connect (REQ-CONN-03).</summary>
    internal Task Opened => _opened.Task;

    /// <summary>Drops the socket when the peer does not answer the close frame in time.</summary>
    internal ITimer? CloseLimit { get; set; }

    internal int MalformedInARow { get; set; }

    internal IDisposable? Settling { get; set; }

    internal void SetOpened() => gate.After(() => _opened.TrySetResult());

    internal void SetFailed(Exception error) => gate.After(() =>
    {
        _opened.TrySetException(error);
        _ = _opened.Task.Exception; // seen: nobody has to await an attempt that a lazy call started
    });
}
