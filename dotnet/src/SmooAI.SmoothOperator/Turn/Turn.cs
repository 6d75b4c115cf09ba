using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator;

/// <summary>The turn as its caller holds it: every member enters the gate and asks the driver.</summary>
internal sealed class Turn : ITurn
{
    private readonly ClientContext _context;
    private readonly TurnDriver _driver;
    private readonly TurnVerbs _verbs;
    private bool _awaited;

    internal Turn(ClientContext context, TurnDriver driver, TurnVerbs verbs)
    {
        _context = context;
        _driver = driver;
        _verbs = verbs;
    }

    public string RequestId => _driver.RequestId;

    public string SessionId => _driver.SessionId;

    public TurnState State => _driver.State;

    public TurnOutcome? Outcome => _driver.Outcome;

    public string PartialText => Inside(() => _driver.PartialText);

    public IReadOnlyList<ServerEvent> Items => Inside(_driver.Items.Snapshot);

    public IReadOnlyList<Question> OpenQuestions => Inside(() => _driver.Questions.Open(_driver.States));

    public Task<TurnResult> Completion
    {
        get
        {
            Look(forGood: true);
            return _driver.Completion;
        }
    }

    public IAsyncEnumerable<string> TextStream => ReadTextAsync();

    public TaskAwaiter<TurnResult> GetAwaiter() => Completion.GetAwaiter();

    public Task<TurnResult> GetResultAsync(CancellationToken cancellationToken = default)
    {
        if (!cancellationToken.CanBeCanceled)
        {
            return Completion;
        }
        Look(forGood: false);
        return Observed.Quiet(WaitAsync(cancellationToken));
    }

    public bool Handled(ServerEvent received)
    {
        ArgumentNullException.ThrowIfNull(received);
        return _driver.Handles(received);
    }

    public IAsyncEnumerator<ServerEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        using (_context.Gate.Enter())
        {
            _driver.LookAt();
        }
        return new TurnEnumerator(_context, _driver, cancellationToken);
    }

    public Task ConfirmAsync(bool approved, CancellationToken cancellationToken = default) =>
        _verbs.Confirm(approved, cancellationToken);

    public Task<OtpCheck> VerifyOtpAsync(string code, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(code);
        return _verbs.VerifyOtp(code, cancellationToken);
    }

    public Task<SubmitResult> SubmitAsync(JsonElement values, CancellationToken cancellationToken = default)
    {
        if (values.ValueKind != JsonValueKind.Object)
        {
            throw new ArgumentException("The values of an interaction are a JSON object.", nameof(values));
        }
        return _verbs.Submit(values, cancellationToken);
    }

    public Task<SubmitResult> SubmitAsync(JsonObject values, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        return SubmitAsync(JsonElement.Parse(values.ToJsonString()), cancellationToken);
    }

    public Task<SubmitResult> DeclineAsync(QuestionKind kind = QuestionKind.Interaction, CancellationToken cancellationToken = default) =>
        kind switch
        {
            QuestionKind.Interaction => _verbs.Decline(cancellationToken),
            QuestionKind.Otp => _verbs.DeclineOtp(SubmitResult.Of, cancellationToken),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "A confirmation is declined by ConfirmAsync(false)."),
        };

    public Task CancelAsync(CancellationToken cancellationToken = default) =>
        Observed.Quiet(_verbs.Cancel().WaitAsync(cancellationToken));

    public Task<Recovery> RecoverAsync(CancellationToken cancellationToken = default) =>
        _driver.RecoverAsync(cancellationToken);

    public void Detach()
    {
        using (_context.Gate.Enter())
        {
            _driver.IsDetached = true;
        }
    }

    public ValueTask DisposeAsync()
    {
        using (_context.Gate.Enter())
        {
            _driver.StopUnlessWanted();
        }
        return default;
    }

    /// <summary>Id and state; never the text.</summary>
    public override string ToString() => $"Turn {RequestId} {State}";

    private async Task<TurnResult> WaitAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _driver.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            using (_context.Gate.Enter())
            {
                _driver.ResultWaits--;
                if (cancellationToken.IsCancellationRequested)
                {
                    _driver.StopUnlessWanted();
                }
            }
        }
    }

    private async IAsyncEnumerable<string> ReadTextAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var streamed = false;
        var joint = new TextJoint();
        var items = new TurnEnumerator(_context, _driver, cancellationToken);
        await using var reading = items.ConfigureAwait(false);
        ExceptionDispatchInfo? failed = null;
        while (failed is null)
        {
            try
            {
                if (!await items.MoveNextAsync().ConfigureAwait(false))
                {
                    break;
                }
            }
            catch (SmoothAgentException error)
            {
                failed = ExceptionDispatchInfo.Capture(error);
                continue;
            }
            if (items.Current is StreamTokenEvent piece)
            {
                streamed = true;
                yield return joint.Next(piece);
            }
        }
        if (joint.Rest() is { Length: > 0 } rest)
        {
            yield return rest;
        }
        failed?.Throw();
        if (!streamed && _driver.Result is { Text.Length: > 0 } result)
        {
            yield return result.Text;
        }
    }

    private T Inside<T>(Func<T> read)
    {
        using (_context.Gate.Enter())
        {
            return read();
        }
    }

    private void Look(bool forGood)
    {
        using (_context.Gate.Enter())
        {
            if (!forGood || !_awaited)
            {
                _driver.ResultWaits++;
            }
            _awaited |= forGood;
            _driver.IsObserved = true;
            FailureWatch.Dismiss(_driver);
        }
    }
}
