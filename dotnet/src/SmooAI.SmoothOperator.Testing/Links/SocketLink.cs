using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Threading.Channels;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>One link on a socket; frames wait in order for it.</summary>
internal sealed class SocketLink(IHost host, int number, string owner, TcpClient client, WebSocket socket) : ILink
{
    private const int LargestFrame = 1 << 20; // bytes, as clients keep to it (REQ-CALL-10)
    private static readonly TimeSpan ClosesWithin = TimeSpan.FromSeconds(5);

    private readonly Channel<(string? Text, int Code)> _waiting = Channel.CreateUnbounded<(string?, int)>();

    private readonly TaskCompletionSource _readAll = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Number { get; } = number;

    public string Owner { get; } = owner;

    public bool IsOpen { get; private set; } = true;

    public void Write(string text)
    {
        if (IsOpen)
        {
            _waiting.Writer.TryWrite((text, 0));
        }
    }

    public void End(int code)
    {
        if (IsOpen)
        {
            _waiting.Writer.TryWrite((null, code));
            Over();
        }
    }

    /// <summary>Reads and writes until the link is over.</summary>
    internal async Task RunAsync()
    {
        var writing = WriteAllAsync();
        try
        {
            await ReadAllAsync().ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The client is gone: that is the end of the link.
        }
        _readAll.SetResult();
        lock (host.Gate)
        {
            Over();
        }
        await writing.ConfigureAwait(false);
        client.Dispose();
    }

    private async Task ReadAllAsync()
    {
        var buffer = new byte[LargestFrame];
        while (true)
        {
            var count = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                if (count == buffer.Length)
                {
                    await socket.CloseOutputAsync(WebSocketCloseStatus.MessageTooBig, null, CancellationToken.None).ConfigureAwait(false);
                    return;
                }
                part = await socket.ReceiveAsync(buffer.AsMemory(count), CancellationToken.None).ConfigureAwait(false);
                count += part.Count;
            }
            while (!part.EndOfMessage);
            switch (part.MessageType)
            {
                case WebSocketMessageType.Close:
                    return;
                case WebSocketMessageType.Binary:
                    host.ReceivedBinary(this);
                    break;
                default:
                    host.Received(this, Encoding.UTF8.GetString(buffer, 0, count));
                    break;
            }
        }
    }

    private async Task WriteAllAsync()
    {
        var code = (int)WebSocketCloseStatus.NormalClosure;
        try
        {
            await foreach (var (text, end) in _waiting.Reader.ReadAllAsync().ConfigureAwait(false))
            {
                if (text is null)
                {
                    code = end;
                    break;
                }
                await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, CancellationToken.None).ConfigureAwait(false);
            }
            if (code != Reply.Abnormal)
            {
                await socket.CloseOutputAsync((WebSocketCloseStatus)code, null, CancellationToken.None).ConfigureAwait(false);
                // The reader takes the client's own close frame; a client that sends none is dropped.
                await _readAll.Task.WaitAsync(ClosesWithin).ConfigureAwait(false);
            }
        }
        catch (Exception fault) when (fault is WebSocketException or IOException or TimeoutException or ObjectDisposedException or InvalidOperationException)
        {
            // The client is gone: nothing more reaches it.
        }
        client.Dispose();
    }

    private void Over()
    {
        if (IsOpen)
        {
            IsOpen = false;
            host.LinkClosed(this);
        }
        _waiting.Writer.TryComplete();
    }
}
