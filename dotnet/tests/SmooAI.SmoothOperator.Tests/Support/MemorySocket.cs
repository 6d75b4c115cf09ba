using System.Text;
using System.Threading.Channels;

namespace SmooAI.SmoothOperator.Tests.Support;

/// <summary>A socket in memory that says how long it lives: from its making to its disposal.</summary>
internal sealed class MemorySocket : ISocket
{
    private readonly Channel<SocketMessage> _received = Channel.CreateUnbounded<SocketMessage>();
    private readonly TaskCompletionSource _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<string> _sent = Channel.CreateUnbounded<string>();

    public bool IsDisposed { get; private set; }

    /// <summary>The next text of the client.</summary>
    public Task<string> SentAsync() => _sent.Reader.ReadAsync().Soon();

    public void Say(string text) =>
        _received.Writer.TryWrite(new(SocketMessageKind.Text, Encoding.UTF8.GetBytes(text)));

    /// <summary>The peer closes, or is gone where the code is 1006.</summary>
    public void End(int code) => _received.Writer.TryWrite(
        new(code == 1006 ? SocketMessageKind.Lost : SocketMessageKind.Closed, Number: code));

    public async ValueTask<SocketMessage> ReceiveAsync() => await _received.Reader.WaitToReadAsync()
        ? await _received.Reader.ReadAsync()
        : new(SocketMessageKind.Lost, Number: 1006);

    public Task SendAsync(ReadOnlyMemory<byte> text) => _sent.Writer.WriteAsync(Encoding.UTF8.GetString(text.Span)).AsTask();

    /// <summary>The peer does not read: a close frame never leaves.</summary>
    public Task CloseAsync(int code) => _aborted.Task;

    public void Abort()
    {
        _received.Writer.TryComplete();
        _aborted.TrySetResult();
    }

    public void Dispose()
    {
        IsDisposed = true;
        Abort();
    }
}
