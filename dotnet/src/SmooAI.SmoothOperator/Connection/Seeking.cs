using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// Count, wait and token of a client's attempts (REQ-CONN-30 to REQ-CONN-36). Guarded by the gate.
/// </summary>
/// <param name="context">The client's.</param>
/// <param name="over">Called when the wait before an attempt is over.</param>
internal sealed class Seeking(ClientContext context, Action over)
{
    private readonly Backoff _backoff = new(
        context.Options.BackoffBase.TotalMilliseconds, context.Options.BackoffMax.TotalMilliseconds);

    private LimitTimer? _wait;
    private TokenReason _reason;
    private bool _renewed;
    private bool _due;

    /// <summary>Number of the attempt to come, from 1.</summary>
    internal int Number => _backoff.Attempts + 1;

    /// <summary>What the last attempt failed with.</summary>
    internal Exception? Error { get; set; }

    /// <summary>What the machine of the link may look at.</summary>
    internal Facts FactsOf(Outlook outlook)
    {
        var options = context.Options;
        var most = options.MaxReconnectAttempts;
        return new()
        {
            AutoReconnect = options.Seeks,
            RetryInitial = options.RetryInitialConnect && most != 0,
            Retry = outlook.Retry,
            TokenRenewable = options.TokenProvider is not null && !_renewed,
            AttemptsRemaining = _backoff.Remaining(most),
        };
    }

    /// <summary>Lets the first attempt of a connect follow this step.</summary>
    internal void Begin()
    {
        BeginAnew();
        (Error, _reason, _due) = (null, TokenReason.Connect, true);
    }

    /// <summary>Counts attempts and waits from now on (REQ-CONN-32).</summary>
    internal void BeginAnew()
    {
        _backoff.Reset();
        _renewed = false;
    }

    /// <summary>Waits for the next attempt; returns how long (REQ-CONN-31, REQ-CONN-33).</summary>
    internal TimeSpan Schedule(Outlook outlook)
    {
        var wait = TimeSpan.FromMilliseconds(_backoff.Delay(context.Draw(), outlook.BackoffFrom, outlook.Hint));
        EndWait();
        _wait = new LimitTimer(context, wait, over);
        return wait;
    }

    /// <summary>The provider is asked for another token next (REQ-CONN-34).</summary>
    internal void Renew() => (_renewed, _reason) = (true, TokenReason.Rejected);

    /// <summary>Lets one more attempt follow this step.</summary>
    internal void Attempt()
    {
        if (!_due)
        {
            EndWait();
            _backoff.Count();
            _due = true;
        }
    }

    /// <summary>Returns what the token of the attempt that follows is asked for with; null when none follows.</summary>
    internal TokenRequest? Take()
    {
        if (!_due)
        {
            return null;
        }
        var request = new TokenRequest { Reason = _reason };
        (_due, _reason) = (false, TokenReason.Reconnect);
        return request;
    }

    /// <summary>Lets no attempt follow, now or later.</summary>
    internal void Stop()
    {
        _due = false;
        EndWait();
    }

    private void EndWait()
    {
        _wait?.Dispose();
        _wait = null;
    }
}
