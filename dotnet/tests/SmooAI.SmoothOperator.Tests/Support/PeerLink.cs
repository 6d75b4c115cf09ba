using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Tests.Support;

/// <summary>One link of the peer: frames in both directions, and everything a broken server can do.</summary>
internal sealed class PeerLink : IDisposable
{
    private readonly TcpClient _client;
    private readonly Stream _stream;
    private readonly WebSocket _socket;
    private readonly byte[] _buffer = new byte[4 * 1024 * 1024];

    public PeerLink(TcpClient client, Stream stream)
    {
        _client = client;
        _stream = stream;
        _socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
    }

    /// <summary>Close code that the client sent; null before.</summary>
    public int? CloseCode => (int?)_socket.CloseStatus;

    /// <summary>The next action of the client.</summary>
    public async Task<JsonObject> ReceiveAsync()
    {
        var text = await ReceiveTextAsync() ?? throw new InvalidOperationException($"The client closed with {CloseCode}.");
        return (JsonObject)JsonNode.Parse(text)!;
    }

    /// <summary>The next text of the client; null when it closed.</summary>
    public async Task<string?> ReceiveTextAsync()
    {
        var count = 0;
        while (true)
        {
            var part = await _socket.ReceiveAsync(_buffer.AsMemory(count), CancellationToken.None).AsTask().Soon();
            count += part.Count;
            if (part.MessageType == WebSocketMessageType.Close)
            {
                return null;
            }
            if (part.EndOfMessage)
            {
                return Encoding.UTF8.GetString(_buffer, 0, count);
            }
        }
    }

    /// <summary>Takes the next action and answers it; the requestId is filled in.</summary>
    public async Task<JsonObject> AnswerAsync(string action, Func<string, string> answer)
    {
        var received = await ReceiveAsync();
        received["action"]!.ToString().ShouldBe(action);
        await SendAsync(answer(received["requestId"]!.ToString()));
        return received;
    }

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text);

    public Task SendAsync(byte[] bytes, WebSocketMessageType type) =>
        _socket.SendAsync(bytes, type, true, CancellationToken.None).Soon();

    /// <summary>Puts bytes on the stream below the WebSocket.</summary>
    public Task SendRawAsync(params byte[] bytes) => _stream.WriteAsync(bytes).AsTask().Soon();

    /// <summary>Takes bytes from the stream below the WebSocket.</summary>
    public async Task<byte[]> ReceiveRawAsync(int count)
    {
        var bytes = new byte[count];
        await _stream.ReadExactlyAsync(bytes).AsTask().Soon();
        return bytes;
    }

    /// <summary>Takes one short frame of the client from the stream below the WebSocket; returns opcode and payload.</summary>
    public async Task<(int Opcode, byte[] Payload)> ReceiveFrameAsync()
    {
        var head = await ReceiveRawAsync(6); // opcode, masked length, mask
        var payload = await ReceiveRawAsync(head[1] & 0x7F);
        return (head[0] & 0x0F, [.. payload.Select((value, index) => (byte)(value ^ head[2 + (index % 4)]))]);
    }

    /// <summary>Waits for the client's close frame and answers it; returns its code.</summary>
    public async Task<int?> ClosedAsync()
    {
        while (await ReceiveTextAsync() is not null)
        {
        }
        await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).Soon();
        return CloseCode;
    }

    public Task CloseAsync(int code, string? reason = null) =>
        _socket.CloseOutputAsync((WebSocketCloseStatus)code, reason, CancellationToken.None).Soon();

    /// <summary>Ends the TCP connection without a close frame.</summary>
    public void Drop() => _client.Dispose();

    public void Dispose()
    {
        _socket.Dispose();
        _client.Dispose();
    }
}
