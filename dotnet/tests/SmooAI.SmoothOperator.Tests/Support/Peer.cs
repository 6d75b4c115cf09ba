using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Channels;

namespace SmooAI.SmoothOperator.Tests.Support;

/// <summary>A small server on a real socket: TCP, a hand-written handshake, then a WebSocket over the stream.</summary>
internal sealed class Peer : IAsyncDisposable
{
    private const string Salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2? _certificate;
    private readonly Channel<PeerLink> _links = Channel.CreateUnbounded<PeerLink>();
    private readonly ConcurrentBag<PeerLink> _all = [];
    private readonly CancellationTokenSource _over = new();
    private readonly Task _accepting;

    public Peer(X509Certificate2? certificate = null)
    {
        _certificate = certificate;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Url => $"{(_certificate is null ? "ws" : "wss")}://127.0.0.1:{Port}/ws";

    /// <summary>Status that handshakes are answered with; 101 opens.</summary>
    public int Status { get; set; } = 101;

    /// <summary>Header lines added to the answer.</summary>
    public string Headers { get; set; } = "";

    /// <summary>Body of the answer that refuses.</summary>
    public string Body { get; set; } = "";

    /// <summary>Whether handshakes are not answered: the socket just ends.</summary>
    public bool HangsUp { get; set; }

    /// <summary>Handshakes wait for this.</summary>
    public Task Hold { get; set; } = Task.CompletedTask;

    /// <summary>Request heads in the order in which they came.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>The next link that was opened.</summary>
    public Task<PeerLink> LinkAsync() => _links.Reader.ReadAsync().AsTask().Soon();

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        _listener.Stop();
        foreach (var link in _all)
        {
            link.Dispose();
        }
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                serving.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_over.Token)));
            }
        }
        catch (Exception) when (_over.IsCancellationRequested)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            client.NoDelay = true;
            Stream stream = client.GetStream();
            if (_certificate is not null)
            {
                var secure = new SslStream(stream);
                await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _over.Token);
                stream = secure;
            }
            var head = await ReadHeadAsync(stream);
            Requests.Enqueue(head);
            await Hold.WaitAsync(_over.Token);
            if (HangsUp)
            {
                client.Dispose();
                return;
            }
            await stream.WriteAsync(Encoding.ASCII.GetBytes(AnswerTo(head)), _over.Token);
            if (Status != 101)
            {
                client.Dispose();
                return;
            }
            var link = new PeerLink(client, stream);
            _all.Add(link);
            await _links.Writer.WriteAsync(link);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ObjectDisposedException or System.Security.Authentication.AuthenticationException)
        {
            client.Dispose();
        }
    }

    private string AnswerTo(string head)
    {
        if (Status != 101)
        {
            return $"HTTP/1.1 {Status} No\r\n{Headers}Content-Length: {Body.Length}\r\nConnection: close\r\n\r\n{Body}";
        }
        var key = head.Split("Sec-WebSocket-Key: ")[1].Split("\r\n")[0];
        var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + Salt)));
        return $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{Headers}\r\n";
    }

    private async Task<string> ReadHeadAsync(Stream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _over.Token) == 0)
            {
                throw new IOException("The client went away.");
            }
            head.Append((char)one[0]);
        }
        return head.ToString();
    }
}
