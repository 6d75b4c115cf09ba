using System.Net;
using System.Net.Sockets;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Opens the TCP connection: addresses of both families in turn, 250 ms apart (RFC 8305, REQ-CONN-25).</summary>
internal sealed class Dialer(TimeProvider clock)
{
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(Limits.NextAddressAfter);

    /// <exception cref="SocketException">No address answered.</exception>
    internal async ValueTask<Stream> DialAsync(string host, int port, CancellationToken cancellationToken)
    {
        var addresses = InTurn(await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false));
        return await DialAsync(addresses, port, cancellationToken).ConfigureAwait(false);
    }

    /// <exception cref="SocketException">No address answered.</exception>
    internal async ValueTask<Stream> DialAsync(IReadOnlyList<IPAddress> addresses, int port, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = new List<Task<Socket>>();
        Exception? fault = null;
        for (var next = 0; next < addresses.Count || running.Count > 0;)
        {
            if (next < addresses.Count)
            {
                running.Add(ConnectAsync(addresses[next++], port, over.Token));
            }
            var patience = next < addresses.Count ? Apart : Timeout.InfiniteTimeSpan;
            if (await FirstAsync(running, patience, over.Token).ConfigureAwait(false) is not { } ended)
            {
                continue;
            }
            running.Remove(ended);
            if (ended.IsCompletedSuccessfully)
            {
                await over.CancelAsync().ConfigureAwait(false);
                running.ForEach(Drop);
                return new NetworkStream(await ended.ConfigureAwait(false), ownsSocket: true);
            }
            fault = ended.Exception?.InnerException ?? new OperationCanceledException(cancellationToken);
        }
        cancellationToken.ThrowIfCancellationRequested();
        throw fault ?? new SocketException((int)SocketError.HostNotFound);
    }

    private static List<IPAddress> InTurn(IPAddress[] addresses)
    {
        var first = addresses.Where(address => address.AddressFamily == addresses[0].AddressFamily).ToList();
        var second = addresses.Except(first).ToList();
        var found = new List<IPAddress>();
        for (var index = 0; index < Math.Max(first.Count, second.Count); index++)
        {
            found.AddRange(first.Skip(index).Take(1));
            found.AddRange(second.Skip(index).Take(1));
        }
        return found;
    }

    private static async Task<Socket> ConnectAsync(IPAddress address, int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, port, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<Task<Socket>?> FirstAsync(List<Task<Socket>> running, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (patience == Timeout.InfiniteTimeSpan)
        {
            return await Task.WhenAny(running).ConfigureAwait(false);
        }
        using var early = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var late = Task.Delay(patience, clock, early.Token);
        var ended = await Task.WhenAny([.. running, late]).ConfigureAwait(false);
        await early.CancelAsync().ConfigureAwait(false);
        return ended as Task<Socket>;
    }

    /// <summary>Closes a socket that came too late.</summary>
    private static void Drop(Task<Socket> late) => late.ContinueWith(
        static ended =>
        {
            if (ended.IsCompletedSuccessfully)
            {
                ended.Result.Dispose();
            }
            _ = ended.Exception;
        },
        CancellationToken.None,
        TaskContinuationOptions.ExecuteSynchronously,
        TaskScheduler.Default);
}
