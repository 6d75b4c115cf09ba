using System.Globalization;

namespace SmooAI.SmoothOperator;

/// <summary>Runs one link: the attempt, then the read loop. Does the I/O and leaves decisions to the connection.</summary>
internal sealed class LinkRunner(ClientContext context, Connection connection)
{
    private const int Unauthorized = 401;

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
            connection.Fail(link, Explain(fault, link.Limit.IsCancellationRequested));
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
        return await provider(limit).AsTask().WaitAsync(limit).ConfigureAwait(false);
    }

    /// <summary>Sorts the failure of an attempt (REQ-CONN-12); the cause is kept only where its text is harmless.</summary>
    private static SmoothAgentException Explain(Exception fault, bool late)
    {
        if (fault is SmoothAgentException known)
        {
            return known;
        }
        var status = (fault as HandshakeException)?.Status;
        if (status == Unauthorized)
        {
            return Failure.Local(ErrorKinds.Authentication, facts => facts with { Details = new() { Status = status } });
        }
        return Failure.Local(ErrorKinds.ConnectFailed, facts => facts with
        {
            Message = late
                ? "The link could not be opened in time."
                : status is null ? facts.Message : string.Create(CultureInfo.InvariantCulture, $"The handshake was answered by {status}."),
            Details = new() { Status = status },
            Cause = (fault as HandshakeException)?.InnerException ?? fault,
        });
    }

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
                    connection.End(link, MachineEvent.ClosedByPeer, inbound.Number);
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
