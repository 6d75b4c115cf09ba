namespace SmooAI.SmoothOperator;

/// <summary>The frames of one link, written one at a time in the order of the calls (REQ-CONN-16).</summary>
internal sealed class Outbox(Gate gate, Action<OutboundFrame> written)
{
    private readonly Queue<OutboundFrame> _frames = new();
    private ITransport? _transport;
    private TaskCompletionSource? _busy;

    /// <summary>Queues a frame; called inside the gate, written as soon as it is left.</summary>
    internal void Enqueue(OutboundFrame frame)
    {
        frame.WaitsForLink = _transport is null;
        _frames.Enqueue(frame);
        Start();
    }

    /// <summary>Gives the queue its open socket; called inside the gate.</summary>
    internal void Open(ITransport transport)
    {
        _transport = transport;
        foreach (var frame in _frames)
        {
            frame.WaitsForLink = false;
        }
        Start();
    }

    /// <summary>Forgets what was not written; called inside the gate.</summary>
    internal void Clear()
    {
        while (_frames.TryDequeue(out var frame))
        {
            frame.IsDropped = true;
            gate.After(frame.Finish);
        }
    }

    /// <summary>Completes when everything queued was handed to the socket.</summary>
    internal Task WhenIdle()
    {
        using (gate.Enter())
        {
            return _busy?.Task ?? Task.CompletedTask;
        }
    }

    private void Start()
    {
        if (_busy is null && _transport is not null && _frames.Count > 0)
        {
            _busy = new(TaskCreationOptions.RunContinuationsAsynchronously);
            // Runs on the caller's thread up to the first write that has to wait.
            gate.After(() => _ = WriteAllAsync());
        }
    }

    private async Task WriteAllAsync()
    {
        while (Take() is { } frame)
        {
            try
            {
                await WriteAsync(frame).ConfigureAwait(false);
            }
            catch (Exception)
            {
                // A socket that cannot be written ends the read loop too: the loss is reported there.
            }
            frame.Finish();
        }
    }

    private Task WriteAsync(OutboundFrame frame) =>
        frame.CloseCode is { } code ? _transport!.CloseAsync(code) : _transport!.SendAsync(frame.Text);

    private OutboundFrame? Take()
    {
        using (gate.Enter())
        {
            while (_frames.TryDequeue(out var frame))
            {
                if (!frame.IsDropped)
                {
                    frame.IsWritten = true;
                    written(frame);
                    return frame;
                }
                gate.After(frame.Finish);
            }
            var busy = _busy;
            _busy = null;
            gate.After(() => busy?.TrySetResult());
            return null;
        }
    }
}
