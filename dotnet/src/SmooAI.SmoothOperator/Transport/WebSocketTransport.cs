using System.Net;
using System.Net.WebSockets;
using System.Text.Unicode;

namespace SmooAI.SmoothOperator;

/// <summary>The framework's <see cref="ClientWebSocket"/>, set so that all clients behave alike (REQ-CONN-14).</summary>
internal sealed class WebSocketTransport : ISocket
{
    private const int ProtocolViolation = 1002;
    internal const int AbnormalClosure = 1006;

    private readonly ClientWebSocket _socket = new();
    private readonly AnswerTap _answer;
    private readonly HttpMessageInvoker _invoker;
    private readonly int _maxMessageBytes;
    private readonly MessageBuffer _message = new();
    private readonly Dialer _dialer;
    private CloseFrameTap? _tap;
    private bool _dialed;
    private bool _skipping;

    private WebSocketTransport(OpenRequest request, SmoothAgentClientOptions options)
    {
        _maxMessageBytes = request.MaxMessageBytes;
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        foreach (var (name, value) in request.Headers)
        {
            _socket.Options.SetRequestHeader(name, value);
        }
        _dialer = new Dialer(options.TimeProvider);
        _answer = new AnswerTap(Handler(options), options.TimeProvider);
        _invoker = new HttpMessageInvoker(_answer);
    }

    /// <summary>Opens a socket; the opener of every client that was given no other.</summary>
    /// <exception cref="HandshakeException">The handshake was refused or failed.</exception>
    internal static async Task<ISocket> OpenAsync(
        OpenRequest request, SmoothAgentClientOptions options, CancellationToken cancellationToken)
    {
        var opened = new WebSocketTransport(request, options);
        try
        {
            await opened._socket.ConnectAsync(request.Url, opened._invoker, cancellationToken).ConfigureAwait(false);
            return opened._answer.HasExtension
                ? throw new WebSocketException("An extension was agreed to that nobody had offered.")
                : opened;
        }
        catch (Exception fault)
        {
            opened.Dispose();
            throw new HandshakeException(opened._answer.Refused, fault);
        }
    }

    public Task SendAsync(ReadOnlyMemory<byte> text) =>
        _socket.SendAsync(text, WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None).AsTask();

    public async ValueTask<SocketMessage> ReceiveAsync()
    {
        _message.Clear();
        try
        {
            while (true)
            {
                var part = await _socket.ReceiveAsync(_message.Room(), CancellationToken.None).ConfigureAwait(false);
                _message.Grow(part.Count);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    return new(
                        SocketMessageKind.Closed,
                        Number: _tap?.CloseCode ?? (int)(_socket.CloseStatus ?? 0),
                        Reason: _socket.CloseStatusDescription is { Length: > 0 } reason ? reason : null);
                }
                if (_skipping)
                {
                    _skipping = !part.EndOfMessage;
                    _message.Clear();
                    continue;
                }
                if (_message.Length > _maxMessageBytes)
                {
                    _skipping = !part.EndOfMessage;
                    return new(SocketMessageKind.TooLarge, Number: _message.Length);
                }
                if (part.EndOfMessage)
                {
                    var binary = part.MessageType == WebSocketMessageType.Binary;
                    return new(binary ? SocketMessageKind.Binary : SocketMessageKind.Text, _message.Message);
                }
            }
        }
        catch (Exception fault)
        {
            return Ended(fault);
        }
    }

    public async Task CloseAsync(int code)
    {
        if (_socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
        {
            await _socket.CloseOutputAsync((WebSocketCloseStatus)code, null, CancellationToken.None).ConfigureAwait(false);
        }
    }

    public void Abort() => _socket.Abort();

    public void Dispose()
    {
        _socket.Dispose();
        _invoker.Dispose();
    }

    private SocketsHttpHandler Handler(SmoothAgentClientOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            ConnectTimeout = Timeout.InfiniteTimeSpan, // the attempt's own limit covers it
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectCallback = DialOnceAsync,
            PlaintextStreamFilter = (context, _) =>
            {
                _tap = new CloseFrameTap(context.PlaintextStream);
                return new ValueTask<Stream>(_tap);
            },
        };
        if (RootTrust.Validation(options.TrustedRoots) is { } validation)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = validation;
        }
        return handler;
    }

    /// <summary>
    /// Opens the one connection of the attempt. The library asks for another where the first ended before any byte of
    /// the answer; whether there is a next attempt is for the supervisor to say (REQ-CONN-21).
    /// </summary>
    private ValueTask<Stream> DialOnceAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        if (_dialed)
        {
            throw new HttpIOException(HttpRequestError.ResponseEnded, "The connection ended before the handshake was answered.");
        }
        _dialed = true;
        return _dialer.DialAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancellationToken);
    }

    private SocketMessage Ended(Exception fault)
    {
        if (_tap?.IsViolated == true)
        {
            return new(SocketMessageKind.Lost, Number: ProtocolViolation);
        }
        // The library has closed with 1007 by itself and tells it from other faults by nothing but the bytes.
        if (fault is WebSocketException { WebSocketErrorCode: WebSocketError.Faulted } && _tap?.CloseCode is null)
        {
            _message.Grow(_message.Rest.TrimEnd((byte)0).Length);
            if (!Utf8.IsValid(_message.Message.Span))
            {
                return new(SocketMessageKind.InvalidUtf8);
            }
        }
        return _tap?.CloseCode is { } code ? new(SocketMessageKind.Closed, Number: code) : new(SocketMessageKind.Lost, Number: AbnormalClosure);
    }
}
