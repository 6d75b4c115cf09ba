namespace SmooAI.SmoothOperator;

/// <summary>One frame on its way out, or the close frame. Guarded by the gate.</summary>
internal sealed class OutboundFrame(string action, string? requestId, ReadOnlyMemory<byte> text)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal string Action { get; } = action;

    internal string? RequestId { get; } = requestId;

    internal ReadOnlyMemory<byte> Text { get; } = text;

    internal int? CloseCode { get; private init; }

    /// <summary>Whether it was handed to the socket: from here on it may have left the machine.</summary>
    internal bool IsWritten { get; set; }

    /// <summary>Whether it waits for a link that opens: only then can it be taken back (REQ-CONN-16).</summary>
    internal bool WaitsForLink { get; set; } = true;

    /// <summary>Takes it back, if it still waits for the link.</summary>
    internal void TakeBack() => IsDropped |= WaitsForLink;

    /// <summary>Taken back before it was written; it is never sent.</summary>
    internal bool IsDropped { get; set; }

    /// <summary>Completes when the socket took the frame; never fails.</summary>
    internal Task Done => _done.Task;

    internal static OutboundFrame Close(int code) => new("", null, default) { CloseCode = code };

    internal void Finish() => _done.TrySetResult();
}
