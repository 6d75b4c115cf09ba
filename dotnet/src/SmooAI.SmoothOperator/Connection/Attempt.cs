using System.Net.Sockets;
using System.Security.Authentication;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>One attempt to open a link: the token, then the opener, inside one limit. Guarded by the gate.</summary>
internal sealed class Attempt(ClientContext context) : IDisposable
{
    private bool _asksForToken;

    internal AttemptLimit Limit { get; } = new(context.Options.ConnectTimeout, context.Clock, context.Log);

    /// <summary>Opens the socket; what goes wrong is thrown as it is, for <see cref="Explain(Exception)"/>.</summary>
    /// <param name="asked">What a token is asked for with.</param>
    /// <param name="before">The link before, whose socket is gone before this one opens: there are never two (REQ-CONN-37).</param>
    internal async Task<ISocket> OpenAsync(TokenRequest asked, Link? before)
    {
        if (before is not null)
        {
            await before.LetGoAsync().WaitAsync(Limit.Token).ConfigureAwait(false);
        }
        var token = await TokenAsync(asked).ConfigureAwait(false);
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

    public void Dispose() => Limit.Dispose();

    private async Task<string?> TokenAsync(TokenRequest asked)
    {
        if (context.Options.TokenProvider is not { } provider)
        {
            return context.Options.Token;
        }
        // A provider that ignores the token is left behind when the time is over.
        _asksForToken = true;
        var token = await provider(asked, Limit.Token).AsTask().WaitAsync(Limit.Token).ConfigureAwait(false);
        _asksForToken = false;
        if (token is null) // a program without nullable annotations may give it
        {
            throw new ArgumentException($"{nameof(SmoothAgentClientOptions.TokenProvider)}: it gave no token.", nameof(SmoothAgentClientOptions.TokenProvider));
        }
        if (context.Options.TokenIn == TokenPlace.Header)
        {
            HeaderRules.CheckValue(token, nameof(SmoothAgentClientOptions.TokenProvider));
        }
        return token;
    }

    /// <summary>Sorts the failure of an attempt (REQ-CONN-12, REQ-CONN-22, REQ-CONN-23, REQ-CONN-30).</summary>
    internal AttemptFailure Explain(Exception fault)
    {
        if (fault is SmoothAuthenticationException or ArgumentException { ParamName: nameof(SmoothAgentClientOptions.TokenProvider) })
        {
            return new(fault, Outlook.Hopeless);
        }
        var handshake = fault as HandshakeException;
        var cause = handshake?.InnerException ?? fault;
        if (handshake?.Refused is { } refused)
        {
            return Explain(refused, cause);
        }
        var outlook = !_asksForToken && IsDistrust(cause) ? Outlook.Hopeless : Outlook.Hopeful;
        var error = Failure.Local(ErrorKinds.ConnectFailed, facts => facts with
        {
            Host = context.Host,
            Retryable = outlook == Outlook.Hopeful,
            Reason = Limit.Token.IsCancellationRequested ? "not open in time" : ReasonOf(cause),
            Cause = cause,
        });
        return new(error, outlook);
    }

    private AttemptFailure Explain(RefusedHandshake refused, Exception cause)
    {
        var row = CloseCodes.OfStatus(refused.Status);
        var error = Failure.Local(row?.Kind ?? ErrorKinds.ConnectFailed, facts => facts with
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
        return new(error, Outlook.Of(row, refused.RetryAfterMs));
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
