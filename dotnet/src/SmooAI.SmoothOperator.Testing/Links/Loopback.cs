using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>Listens on 127.0.0.1, for clients that are not in the test's process.</summary>
internal sealed class Loopback : IAsyncDisposable
{
    private const string Salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3
    private const int LongestHead = 16 * 1024; // bytes
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(20); // REQ-SRV-40

    private readonly TcpListener _listener;
    private readonly Func<Refusal?> _refusal;
    private readonly Func<string, TcpClient, WebSocket, SocketLink> _open;
    private readonly CancellationTokenSource _over = new();
    private readonly Task _accepting;

    /// <summary>Opens the port; 0 is a free one.</summary>
    /// <param name="port">The port.</param>
    /// <param name="refusal">Tells how the next handshake is refused; null opens.</param>
    /// <param name="open">Makes the link of an owner.</param>
    internal Loopback(int port, Func<Refusal?> refusal, Func<string, TcpClient, WebSocket, SocketLink> open)
    {
        (_refusal, _open) = (refusal, open);
        _listener = new(IPAddress.Loopback, port);
        _listener.Start();
        _accepting = AcceptAllAsync();
    }

    internal int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync().ConfigureAwait(false);
        _listener.Stop();
        await _accepting.ConfigureAwait(false);
        _over.Dispose();
    }

    /// <summary>Returns whose link a handshake opens: its token, of the query or of the header.</summary>
    internal static string OwnerOf(string query, string? authorization)
    {
        foreach (var pair in query.TrimStart('?').Split('&'))
        {
            if (pair.StartsWith("token=", StringComparison.Ordinal))
            {
                return Uri.UnescapeDataString(pair["token=".Length..]);
            }
        }
        const string Scheme = "Bearer ";
        return authorization?.StartsWith(Scheme, StringComparison.Ordinal) == true ? authorization[Scheme.Length..] : "";
    }

    private async Task AcceptAllAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_over.Token).ConfigureAwait(false);
                serving.RemoveAll(one => one.IsCompleted);
                serving.Add(ServeAsync(client));
            }
        }
        catch (Exception) when (_over.IsCancellationRequested)
        {
            await Task.WhenAll(serving).ConfigureAwait(false);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            client.NoDelay = true;
            var stream = client.GetStream();
            var head = await ReadHeadAsync(stream).ConfigureAwait(false);
            var lines = head.Split("\r\n");
            var headers = lines.Skip(1).Select(line => line.Split(':', 2)).Where(parts => parts.Length == 2)
                .GroupBy(parts => parts[0].Trim(), StringComparer.OrdinalIgnoreCase)
                .ToDictionary(same => same.Key, same => same.First()[1].Trim(), StringComparer.OrdinalIgnoreCase);
            var key = headers.GetValueOrDefault("Sec-WebSocket-Key");
            var refusal = key is null ? new Refusal(400, new Dictionary<string, string>()) : _refusal();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(AnswerTo(key, refusal)), _over.Token).ConfigureAwait(false);
            if (refusal is null)
            {
                var path = lines[0].Split(' ') is [_, var target, ..] ? target : "";
                var query = path.Contains('?', StringComparison.Ordinal) ? path[path.IndexOf('?', StringComparison.Ordinal)..] : "";
                var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = PingEvery });
                var link = _open(OwnerOf(query, headers.GetValueOrDefault("Authorization")), client, socket);
                await link.RunAsync().ConfigureAwait(false);
            }
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // Whoever it was is gone before there was a link.
        }
        client.Dispose();
    }

    private static string AnswerTo(string? key, Refusal? refusal)
    {
        if (refusal is null)
        {
            var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + Salt)));
            return $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n";
        }
        var more = string.Concat(refusal.Headers.Select(header => $"{header.Key}: {header.Value}\r\n"));
        return $"HTTP/1.1 {refusal.Status} Refused\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n";
    }

    private async Task<string> ReadHeadAsync(NetworkStream stream)
    {
        var head = new MemoryStream();
        var one = new byte[1];
        while (head.Length < LongestHead)
        {
            if (await stream.ReadAsync(one, _over.Token).ConfigureAwait(false) == 0)
            {
                break;
            }
            head.WriteByte(one[0]);
            if (one[0] == '\n' && head.Length >= 4 && head.GetBuffer().AsSpan((int)head.Length - 4, 4).SequenceEqual("\r\n\r\n"u8))
            {
                return Encoding.ASCII.GetString(head.GetBuffer(), 0, (int)head.Length);
            }
        }
        throw new IOException("The handshake has no end.");
    }
}
