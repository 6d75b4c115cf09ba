using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>One open socket: reads until it is gone, writes what it takes. Leaves decisions to the supervisor. Guarded by the gate.</summary>
internal sealed class Link(ClientContext context, Supervisor supervisor, ISocket socket) : IFrameTaker
{
    /// <summary>Frames after which iterators are woken though the socket holds more.</summary>
    private const int LargestBatch = 128;

    /// <summary>A write that takes longer on a socket that is given up anyway waits for a peer that does not read.</summary>
    private static readonly TimeSpan Blocked = TimeSpan.FromMilliseconds(100);

    private static readonly SocketMessage Gone = new(SocketMessageKind.Lost, Number: WebSocketTransport.AbnormalClosure);

    private readonly Queue<Outgoing> _frames = new();
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _busy;
    private ITimer? _closeLimit;
    private int? _closeCode;
    private bool _closes;

    internal int MalformedInARow { get; set; }

    /// <summary>Completes when the socket is gone and nothing of the link runs any more.</summary>
    internal Task WhenGone => _gone.Task;

    /// <summary>Takes a frame; it is written as soon as the gate is left.</summary>
    public void Take(Outgoing frame)
    {
        _frames.Enqueue(frame);
        StartWriting();
    }

    /// <summary>Sends the close frame behind all that was taken, and drops the socket unless the peer closes in time.</summary>
    internal void Close(int code)
    {
        (_closeCode, _closes) = (code, true);
        StartWriting();
        if (context.Options.CloseTimeout is var limit && limit > TimeSpan.Zero)
        {
            _closeLimit = context.Clock.CreateTimer(_ => socket.Abort(), null, limit, Timeout.InfiniteTimeSpan);
        }
        else
        {
            context.Gate.After(() => _ = AbortAsync());
        }
    }

    /// <summary>
    /// Drops the socket of a link that has ended, once what it has to say is out; a peer that does not read gets no time
    /// for it. Comes back when the socket is gone.
    /// </summary>
    internal async Task LetGoAsync()
    {
        await Task.WhenAny(_closes ? WhenIdle() : WhenGone, Task.Delay(Blocked)).ConfigureAwait(false);
        socket.Abort();
        await WhenGone.ConfigureAwait(false);
    }

    /// <summary>Forgets what was not written.</summary>
    internal void Drop() => _frames.Clear();

    /// <summary>Completes when everything taken was handed to the socket.</summary>
    internal Task WhenIdle()
    {
        using (context.Gate.Enter())
        {
            return _busy?.Task ?? Task.CompletedTask;
        }
    }

    /// <summary>Reads until the socket is gone; never fails.</summary>
    internal async Task RunAsync()
    {
        try
        {
            using (socket)
            {
                await ReadAllAsync().ConfigureAwait(false);
                // What was taken before the end has gone out or failed by now, the close frame included.
                socket.Abort();
                await WhenIdle().ConfigureAwait(false);
            }
        }
        finally
        {
            _closeLimit?.Dispose();
            _gone.TrySetResult();
        }
    }

    private async Task ReadAllAsync()
    {
        var reader = new FrameReader(context.FastPaths.LearnedFrames);
        var unrested = 0;
        while (true)
        {
            var receiving = ReceiveAsync();
            var rests = !receiving.IsCompleted || unrested == LargestBatch || !context.FastPaths.BatchedWakes;
            if (rests)
            {
                supervisor.Rest();
                unrested = 0;
            }
            var message = await receiving.ConfigureAwait(false);
            if (rests)
            {
                supervisor.Heard(this);
            }
            unrested++;
            if (message.Kind == SocketMessageKind.Text && message.Data.Length > context.Options.MaxMessageBytes)
            {
                supervisor.End(this, new(LocalEvent.TooLarge, null, message.Data.Length));
            }
            else if (message.Kind == SocketMessageKind.Text)
            {
                context.Tally.CountIn();
                Decode(reader, message.Data);
            }
            else if (!await GoOnAsync(message).ConfigureAwait(false))
            {
                return;
            }
        }
    }

    /// <summary>Tells of what is no text; false when nothing follows.</summary>
    private async Task<bool> GoOnAsync(SocketMessage message)
    {
        switch (message.Kind)
        {
            case SocketMessageKind.Binary:
                context.Tally.CountIn();
                supervisor.ReceiveMalformed(this, message.Data);
                return true;
            case SocketMessageKind.TooLarge:
                supervisor.End(this, new(LocalEvent.TooLarge, null, message.Number));
                return true;
            case SocketMessageKind.InvalidUtf8:
                supervisor.End(this, new(LocalEvent.InvalidUtf8, null));
                return false;
            case SocketMessageKind.Closed:
                supervisor.End(this, new(LocalEvent.ClosedByPeer, message.Number, Reason: message.Reason));
                await WriteAsync(socket.CloseAsync, 1000).ConfigureAwait(false);
                return false;
            default:
                supervisor.End(this, new(LocalEvent.Lost, message.Number));
                return false;
        }
    }

    /// <summary>Waits for what comes next; an exception of the socket, and what it may not give, count as a lost link.</summary>
    private static async ValueTask<SocketMessage> SafelyAsync(ValueTask<SocketMessage> receiving)
    {
        try
        {
            return await receiving.ConfigureAwait(false);
        }
        catch (Exception)
        {
            return Gone;
        }
    }

    private ValueTask<SocketMessage> ReceiveAsync()
    {
        try
        {
            var receiving = socket.ReceiveAsync();
            return receiving.IsCompletedSuccessfully || socket is WebSocketTransport ? receiving : SafelyAsync(receiving);
        }
        catch (Exception)
        {
            return new(Gone);
        }
    }

    private void Decode(FrameReader reader, ReadOnlyMemory<byte> text)
    {
        var frame = reader.Decode(text.Span);
        if (frame.IsMalformed)
        {
            supervisor.ReceiveMalformed(this, text);
        }
        else
        {
            supervisor.Receive(this, frame);
        }
    }

    private void StartWriting()
    {
        if (_busy is null)
        {
            _busy = new(TaskCreationOptions.RunContinuationsAsynchronously);
            // Runs on the caller's thread up to the first write that has to wait.
            context.Gate.After(() => _ = WriteAllAsync());
        }
    }

    private async Task WriteAllAsync()
    {
        while (Next() is var (frame, code))
        {
            await (code is { } closing ? WriteAsync(socket.CloseAsync, closing) : WriteAsync(socket.SendAsync, frame!.Text))
                .ConfigureAwait(false);
            if (frame is not null)
            {
                supervisor.Flushed(frame);
            }
        }
    }

    private (Outgoing? Frame, int? CloseCode)? Next()
    {
        using (context.Gate.Enter())
        {
            if (_frames.TryDequeue(out var frame))
            {
                supervisor.Tap.Show(frame);
                return (frame, null);
            }
            if (_closeCode is { } code)
            {
                _closeCode = null;
                return (null, code);
            }
            var busy = _busy;
            _busy = null;
            busy?.TrySetResult();
            return null;
        }
    }

    private static async Task WriteAsync<T>(Func<T, Task> write, T what)
    {
        try
        {
            await write(what).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // A socket that cannot be written ends the read loop too: the loss is reported there.
        }
    }

    /// <summary>Drops the socket once the close frame went out; a peer that does not read gets no time for it.</summary>
    private async Task AbortAsync()
    {
        await Task.WhenAny(WhenIdle(), Task.Delay(Blocked)).ConfigureAwait(false);
        socket.Abort();
    }
}
