using System.Net.Sockets;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Runs one link: the attempt, then the read loop. Does the I/O and leaves decisions to the connection.</summary>
internal sealed class LinkRunner(ClientContext context, Connection connection)
{
    /// <summary>Frames after which iterators are woken though the socket holds more.</summary>
    private const int LargestBatch = 128;

    /// <summary>A write that takes longer on a socket that is given up anyway waits for a peer that does not read.</summary>
    private static readonly TimeSpan Blocked = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs until the socket is gone; never fails.</summary>
    internal async Task RunAsync(Link link)
    {
        try
        {
            if (await OpenAsync(link).ConfigureAwait(false) is { } transport)
            {
                using (transport)
                {
                    await ReadAsync(link, transport).ConfigureAwait(false);
                    // What was queued before the end has gone out or failed by now, the close frame included.
                    transport.Abort();
                    await link.Outbox.WhenIdle().ConfigureAwait(false);
                }
            }
        }
        finally
        {
            link.CloseLimit?.Dispose();
            link.Limit.Dispose();
            link.Settling?.Dispose();
            connection.Forget(link);
        }
    }

    /// <summary>Drops the socket unless the peer closes in time; called inside the gate.</summary>
    internal void LimitClose(Link link)
    {
        var limit = context.Options.CloseTimeout;
        if (limit > TimeSpan.Zero)
        {
            link.CloseLimit = context.Clock.CreateTimer(
                _ => link.Transport?.Abort(), null, limit, Timeout.InfiniteTimeSpan);
            return;
        }
        context.Gate.After(() => _ = AbortAsync(link));
    }

    /// <summary>Drops the socket once the close frame went out; a peer that does not read gets no time for it.</summary>
    private static async Task AbortAsync(Link link)
    {
        await Task.WhenAny(link.Outbox.WhenIdle(), Task.Delay(Blocked)).ConfigureAwait(false);
        link.Transport?.Abort();
    }

    private async Task<ITransport?> OpenAsync(Link link)
    {
        ITransport? transport = null;
        try
        {
            var token = await TokenAsync(link.Limit.Token).ConfigureAwait(false);
            var place = context.Options.TokenIn;
            transport = new WebSocketTransport(context.Options, place == TokenPlace.Header ? token : null);
            var address = Endpoint.Build(context.Options.Url, token, place);
            await transport.OpenAsync(address, link.Limit.Token).ConfigureAwait(false);
            if (connection.Attach(link, transport))
            {
                return transport;
            }
        }
        catch (Exception fault)
        {
            connection.Fail(link, Explain(fault, link.Limit.Token.IsCancellationRequested));
        }
        transport?.Dispose();
        return null;
    }

    private async Task<string?> TokenAsync(CancellationToken limit)
    {
        if (context.Options.TokenProvider is not { } provider)
        {
            return context.Options.Token;
        }
        // A provider that ignores the token is left behind when the time is over.
        var token = await provider(limit).AsTask().WaitAsync(limit).ConfigureAwait(false);
        if (token is not null && context.Options.TokenIn == TokenPlace.Header)
        {
            HeaderRules.CheckValue(token, nameof(SmoothAgentClientOptions.TokenProvider));
        }
        return token;
    }

    /// <summary>Sorts the failure of an attempt (REQ-CONN-12, REQ-CONN-22, REQ-CONN-23).</summary>
    private Exception Explain(Exception fault, bool late)
    {
        if (fault is SmoothAuthenticationException or ArgumentException { ParamName: nameof(SmoothAgentClientOptions.TokenProvider) })
        {
            return fault;
        }
        var handshake = fault as HandshakeException;
        var cause = handshake?.InnerException ?? fault;
        if (handshake?.Refused is { } refused)
        {
            var row = CloseCodes.OfStatus(refused.Status);
            return Failure.Local(row?.Kind ?? ErrorKinds.ConnectFailed, facts => facts with
            {
                Host = context.Host,
                Retryable = row?.Retry == "yes",
                Cause = cause,
                Details = new()
                {
                    Status = refused.Status,
                    RetryAfterMs = refused.RetryAfterMs,
                    Body = refused.Body,
                    RequestId = refused.RequestId,
                },
            });
        }
        return Failure.Local(ErrorKinds.ConnectFailed, facts => facts with
        {
            Host = context.Host,
            Retryable = !IsDistrust(cause),
            Reason = late ? "not open in time" : ReasonOf(cause),
            Cause = cause,
        });
    }

    /// <summary>Whether the other side is not whom it claims to be: another attempt meets the same.</summary>
    private static bool IsDistrust(Exception? cause) =>
        cause is not null && (cause is System.Security.Authentication.AuthenticationException || IsDistrust(cause.InnerException));

    /// <summary>Returns the system's own word for what went wrong; a message may hold what was sent.</summary>
    private static string? ReasonOf(Exception? cause) => cause switch
    {
        null => null,
        SocketException socket => socket.SocketErrorCode.ToString(),
        System.Security.Authentication.AuthenticationException => "certificate not trusted",
        _ => ReasonOf(cause.InnerException),
    };

    private async Task ReadAsync(Link link, ITransport transport)
    {
        var reader = new FrameReader(context.FastPaths.LearnedFrames);
        var unrested = 0;
        while (true)
        {
            var receiving = transport.ReceiveAsync();
            if (!receiving.IsCompleted || unrested == LargestBatch || !context.FastPaths.BatchedWakes)
            {
                connection.Rest();
                unrested = 0;
            }
            var inbound = await receiving.ConfigureAwait(false);
            unrested++;
            switch (inbound.Kind)
            {
                case InboundKind.Text:
                    Decode(link, reader, inbound.Text);
                    break;
                case InboundKind.Binary:
                    connection.ReceiveMalformed(link, inbound.Text);
                    break;
                case InboundKind.TooLarge:
                    connection.End(link, MachineEvent.TooLarge, null, inbound.Number);
                    break;
                case InboundKind.InvalidUtf8:
                    connection.End(link, MachineEvent.InvalidUtf8, null);
                    return;
                case InboundKind.Closed:
                    connection.End(link, MachineEvent.ClosedByPeer, inbound.Number, reason: inbound.Reason);
                    await AnswerCloseAsync(transport).ConfigureAwait(false);
                    return;
                default:
                    connection.End(link, MachineEvent.Lost, inbound.Number);
                    return;
            }
        }
    }

    private void Decode(Link link, FrameReader reader, ReadOnlyMemory<byte> text)
    {
        var frame = reader.Decode(text.Span);
        if (frame.IsMalformed)
        {
            connection.ReceiveMalformed(link, text);
        }
        else
        {
            connection.Receive(link, frame);
        }
    }

    private static async Task AnswerCloseAsync(ITransport transport)
    {
        try
        {
            await transport.CloseAsync(1000).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // The peer is gone already.
        }
    }
}
