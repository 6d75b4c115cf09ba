using System.Text;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>One link in memory: a socket to the client, a link to the server. Frames cross as text, in their order.</summary>
internal sealed class MemoryLink(IHost host, int number, string owner) : ISocket, ILink
{
    private static readonly SocketMessage Dropped = new(SocketMessageKind.Lost, Number: Reply.Abnormal);

    private readonly Queue<SocketMessage> _waiting = new();
    private TaskCompletionSource<SocketMessage>? _reader;
    private TaskCompletionSource? _resting;
    private bool _left;

    public int Number { get; } = number;

    public string Owner { get; } = owner;

    public bool IsOpen { get; private set; } = true;

    /// <summary>Completes when the client has read everything and waits for more.</summary>
    internal Task WhenResting()
    {
        lock (host.Gate)
        {
            return _left || _reader is not null ? Task.CompletedTask : (_resting ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    public void Write(string text)
    {
        if (IsOpen)
        {
            Hand(new(SocketMessageKind.Text, Encoding.UTF8.GetBytes(text)));
        }
    }

    public void End(int code)
    {
        if (IsOpen)
        {
            Hand(code == Reply.Abnormal ? Dropped : new(SocketMessageKind.Closed, Number: code));
            Close();
        }
    }

    public ValueTask<SocketMessage> ReceiveAsync()
    {
        lock (host.Gate)
        {
            if (_waiting.TryDequeue(out var next))
            {
                return new(next);
            }
            if (_left)
            {
                return new(Dropped);
            }
            _reader = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Rest();
            return new(_reader.Task);
        }
    }

    public Task SendAsync(ReadOnlyMemory<byte> text)
    {
        lock (host.Gate)
        {
            if (IsOpen)
            {
                host.Received(this, Encoding.UTF8.GetString(text.Span));
            }
        }
        return Task.CompletedTask;
    }

    public Task CloseAsync(int code)
    {
        lock (host.Gate)
        {
            if (IsOpen)
            {
                Close();
                Hand(new(SocketMessageKind.Closed, Number: code));
            }
        }
        return Task.CompletedTask;
    }

    public void Abort()
    {
        lock (host.Gate)
        {
            _left = true;
            Close();
            Rest();
            Hand(Dropped);
        }
    }

    public void Dispose() => Abort();

    private void Close()
    {
        if (IsOpen)
        {
            IsOpen = false;
            host.LinkClosed(this);
        }
    }

    private void Rest()
    {
        _resting?.TrySetResult();
        _resting = null;
    }

    private void Hand(SocketMessage message)
    {
        if (_reader is { } reader)
        {
            _reader = null;
            reader.SetResult(message);
        }
        else
        {
            _waiting.Enqueue(message);
        }
    }
}
