using System.Net.Sockets;
using System.Security.Authentication;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>One attempt to open a link: the token, then the opener, inside one limit. Guarded by the gate.</summary>
internal sealed class Attempt(ClientContext context) : IDisposable
{
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal AttemptLimit Limit { get; } = new(context.Options.ConnectTimeout, context.Clock, context.Log);

    /// <summary>Completes when the attempt is over; shared by every caller of connect (REQ-CONN-03).</summary>
    internal Task Opened => _opened.Task;

    internal void SetOpened() => context.Gate.After(() => _opened.TrySetResult());

    internal void SetFailed(Exception error) => context.Gate.After(() =>
    {
        _opened.TrySetException(error);
        _ = _opened.Task.Exception; // seen: nobody has to await an attempt that a lazy call started
    });

    /// <summary>Opens the socket; what goes wrong is thrown as the error of the attempt.</summary>
    internal async Task<ISocket> OpenAsync()
    {
        try
        {
            var token = await TokenAsync().ConfigureAwait(false);
            var options = context.Options;
            var request = new OpenRequest
            {
                Url = Endpoint.Build(options.Url, token, options.TokenIn),
                Headers = HeaderRules.Of(options, token),
                MaxMessageBytes = options.MaxMessageBytes,
            };
            return options.Opener is { } opener
                ? await opener(request, Limit.Token).ConfigureAwait(false)
                : await WebSocketTransport.OpenAsync(request, options, Limit.Token).ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            throw Explain(fault);
        }
    }

    public void Dispose() => Limit.Dispose();

    private async Task<string?> TokenAsync()
    {
        if (context.Options.TokenProvider is not { } provider)
        {
            return context.Options.Token;
        }
        // A provider that ignores the token is left behind when the time is over.
        var token = await provider(Limit.Token).AsTask().WaitAsync(Limit.Token).ConfigureAwait(false);
        if (token is not null && context.Options.TokenIn == TokenPlace.Header)
        {
            HeaderRules.CheckValue(token, nameof(SmoothAgentClientOptions.TokenProvider));
        }
        return token;
    }

    /// <summary>Sorts the failure of an attempt (REQ-CONN-12, REQ-CONN-22, REQ-CONN-23).</summary>
    private Exception Explain(Exception fault)
    {
        if (fault is SmoothAuthenticationException or ArgumentException { ParamName: nameof(SmoothAgentClientOptions.TokenProvider) })
        {
            return fault;
        }
        var handshake = fault as HandshakeException;
        var cause = handshake?.InnerException ?? fault;
        if (handshake?.Refused is { } refused)
        {
            return Explain(refused, cause);
        }
        return Failure.Local(ErrorKinds.ConnectFailed, facts => facts with
        {
            Host = context.Host,
            Retryable = !IsDistrust(cause),
            Reason = Limit.Token.IsCancellationRequested ? "not open in time" : ReasonOf(cause),
            Cause = cause,
        });
    }

    private SmoothAgentException Explain(RefusedHandshake refused, Exception cause)
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

    /// <summary>Whether the other side is not whom it claims to be: another attempt meets the same.</summary>
    private static bool IsDistrust(Exception? cause) =>
        cause is not null && (cause is AuthenticationException || IsDistrust(cause.InnerException));

    /// <summary>Returns the system's own word for what went wrong; a message may hold what was sent.</summary>
    private static string? ReasonOf(Exception? cause) => cause switch
    {
        null => null,
        SocketException socket => socket.SocketErrorCode.ToString(),
        AuthenticationException => "certificate not trusted",
        _ => ReasonOf(cause.InnerException),
    };
}
