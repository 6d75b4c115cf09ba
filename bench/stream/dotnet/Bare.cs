using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

/// <summary>The framework's WebSocket and its untyped JSON, in one read loop; without the JSON in mode raw.</summary>
internal sealed class Bare(Options options)
{
    private const string Agent = "6b1f0c3e-2d4a-4f5b-8c6d-7e8f90a1b2c3";
    private const int LargestMessage = 16 * 1024 * 1024;

    private readonly ClientWebSocket _socket = new();
    private byte[] _buffer = new byte[64 * 1024];
    private long _pingSent;

    public async Task RunAsync()
    {
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        await _socket.ConnectAsync(options.Url, CancellationToken.None);
        await SendAsync(new() { ["action"] = "create_conversation_session", ["requestId"] = "r-1", ["agentId"] = Agent });
        var opened = JsonNode.Parse((await ReceiveAsync()).Span)!;
        var measure = new Measure();
        await SendAsync(new()
        {
            ["action"] = "send_message",
            ["requestId"] = "r-2",
            ["sessionId"] = (string)opened["data"]!["sessionId"]!,
            ["message"] = options.Events.ToString(),
        });
        var (events, chars) = options.Mode == "raw" ? await CountAsync(measure) : await ReadAsync(measure);
        if (events != options.Events)
        {
            throw new InvalidOperationException($"{events} of {options.Events} events came");
        }
        measure.Print(events, chars, 1);
    }

    private async Task<(long Events, long Chars)> CountAsync(Measure measure)
    {
        for (var frame = 0; frame < options.Events + 2; frame++)
        {
            await ReceiveAsync();
            if (frame == 1)
            {
                measure.FirstToken();
            }
        }
        return (options.Events, 0);
    }

    private async Task<(long Events, long Chars)> ReadAsync(Measure measure)
    {
        var (events, chars) = (0L, 0L);
        while (true)
        {
            var body = JsonNode.Parse((await ReceiveAsync()).Span)!;
            switch ((string)body["type"]!)
            {
                case "stream_token":
                    chars += ((string)body["token"]!).Length;
                    if (events++ == 0)
                    {
                        measure.FirstToken();
                        _ = options.Ping ? PingAsync() : Task.CompletedTask;
                    }
                    break;
                case "pong":
                    measure.PingMs = Stopwatch.GetElapsedTime(_pingSent).TotalMilliseconds;
                    break;
                case "eventual_response" when !options.Ping || measure.PingMs is not null:
                    return (events, chars);
                case "eventual_response":
                    measure.PingMs = await PongAsync();
                    return (events, chars);
                default:
                    break;
            }
        }
    }

    private async Task PingAsync()
    {
        await Task.Delay(50);
        _pingSent = Stopwatch.GetTimestamp();
        await SendAsync(new() { ["action"] = "ping", ["requestId"] = "r-3" });
    }

    /// <summary>The stream was over before the ping was answered.</summary>
    private async Task<double> PongAsync()
    {
        await ReceiveAsync();
        return Stopwatch.GetElapsedTime(_pingSent).TotalMilliseconds;
    }

    private async Task SendAsync(JsonObject action) =>
        await _socket.SendAsync(Encoding.UTF8.GetBytes(action.ToJsonString()), WebSocketMessageType.Text, true, default);

    private async ValueTask<ReadOnlyMemory<byte>> ReceiveAsync()
    {
        var count = 0;
        while (true)
        {
            var part = await _socket.ReceiveAsync(_buffer.AsMemory(count), CancellationToken.None);
            count += part.Count;
            if (part.MessageType == WebSocketMessageType.Close || count > LargestMessage)
            {
                throw new InvalidOperationException($"the link ended with {_socket.CloseStatus}");
            }
            if (part.EndOfMessage)
            {
                return _buffer.AsMemory(0, count);
            }
            if (count == _buffer.Length)
            {
                Array.Resize(ref _buffer, count * 2);
            }
        }
    }
}
