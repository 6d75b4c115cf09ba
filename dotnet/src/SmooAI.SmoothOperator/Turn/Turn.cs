using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator;

/// <summary>
/// One message and all it causes: iterate its events, await its result, answer its questions, stop it. Safe from any
/// thread. Awaiting a failed turn throws its error; everything stays readable afterwards (REQ-TURN-15).
/// </summary>
public sealed class Turn : IAsyncEnumerable<ServerEvent>, IAsyncDisposable
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

    /// <summary>Id that every frame of the turn carries.</summary>
    public string RequestId => _driver.RequestId;

    /// <summary>Session that the message was said in.</summary>
    public string SessionId => _driver.SessionId;

    /// <summary>Where the turn stands.</summary>
    public TurnState State => _driver.States.State;

    /// <summary>How the turn ended; null while it runs.</summary>
    public TurnOutcome? Outcome => _driver.Outcome;

    /// <summary>What was streamed so far.</summary>
    public string PartialText => Inside(() => _driver.PartialText);

    /// <summary>The events so far.</summary>
    public IReadOnlyList<ServerEvent> Items => Inside(_driver.Items.Snapshot);

    /// <summary>The questions that a human is asked now; at most one of each kind (REQ-VERB-01).</summary>
    public IReadOnlyList<Question> OpenQuestions => Inside(() => _driver.Questions.Open(_driver.States));

    /// <summary>Completes when the turn settles; asking for it counts as awaiting the result.</summary>
    public Task<TurnResult> Completion
    {
        get
        {
            Look(forGood: true);
            return _driver.Completion;
        }
    }

    /// <summary>
    /// The streamed text, piece by piece; the final text once when nothing was streamed (REQ-TURN-10). Throws as the
    /// turn itself does. Leaving it early stops the turn like leaving an iteration.
    /// </summary>
    public IAsyncEnumerable<string> TextStream => ReadTextAsync();

    /// <summary>Makes <c>await turn</c> give the result.</summary>
    public TaskAwaiter<TurnResult> GetAwaiter() => Completion.GetAwaiter();

    /// <summary>Waits for the result.</summary>
    /// <param name="cancellationToken">Ends the wait at once and stops the turn, unless somebody else cares (REQ-STOP-04).</param>
    /// <exception cref="SmoothAgentException">The turn failed.</exception>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    public Task<TurnResult> GetResultAsync(CancellationToken cancellationToken = default)
    {
        if (!cancellationToken.CanBeCanceled)
        {
            return Completion;
        }
        Look(forGood: false);
        return Observed.Quiet(WaitAsync(cancellationToken));
    }

    /// <summary>Iterates over every event of the turn from the first one, also late or after the end (REQ-TURN-02).</summary>
    /// <param name="cancellationToken">Ends the iteration at once and stops the turn, unless somebody else cares.</param>
    public IAsyncEnumerator<ServerEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        new TurnEnumerator(_context, _driver, cancellationToken);

    /// <summary>Answers the open confirmation and completes once the server took it.</summary>
    /// <param name="approved">Whether the tool may run.</param>
    /// <param name="cancellationToken">Ends the wait alone; the answer stays sent (REQ-VERB-07).</param>
    /// <exception cref="NoPendingQuestionException">Nothing is open; nothing was sent (REQ-VERB-05).</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent (REQ-VERB-05).</exception>
    public Task ConfirmAsync(bool approved, CancellationToken cancellationToken = default) =>
        _verbs.Confirm(approved, cancellationToken);

    /// <summary>Sends a one-time code as it was typed; a wrong one is a result, no exception (REQ-OTP-01).</summary>
    /// <param name="code">The code.</param>
    /// <param name="cancellationToken">Ends the wait alone; the code stays sent.</param>
    /// <exception cref="NoPendingQuestionException">No code is asked for; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">A code is on its way already; nothing was sent.</exception>
    public Task<OtpCheck> VerifyOtpAsync(string code, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(code);
        return _verbs.VerifyOtp(code, cancellationToken);
    }

    /// <summary>Submits values for the open interaction.</summary>
    /// <param name="values">A JSON object, as the interaction's kind wants it.</param>
    /// <param name="cancellationToken">Ends the wait alone; the values stay sent.</param>
    /// <exception cref="ArgumentException">The values are no JSON object; nothing was sent.</exception>
    /// <exception cref="NoPendingQuestionException">No interaction is open; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent.</exception>
    public Task<SubmitResult> SubmitAsync(JsonElement values, CancellationToken cancellationToken = default)
    {
        if (values.ValueKind != JsonValueKind.Object)
        {
            throw new ArgumentException("The values of an interaction are a JSON object.", nameof(values));
        }
        return _verbs.Submit(values, cancellationToken);
    }

    /// <summary>Submits values for the open interaction.</summary>
    /// <param name="values">The values, as the interaction's kind wants them.</param>
    /// <param name="cancellationToken">Ends the wait alone; the values stay sent.</param>
    /// <exception cref="NoPendingQuestionException">No interaction is open; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent.</exception>
    public Task<SubmitResult> SubmitAsync(JsonObject values, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        return SubmitAsync(JsonElement.Parse(values.ToJsonString()), cancellationToken);
    }

    /// <summary>
    /// Declines the open question of a kind: an interaction, or a one-time code, whose result is an accepted one.
    /// </summary>
    /// <param name="kind">Interaction unless said otherwise.</param>
    /// <param name="cancellationToken">Ends the wait alone; the refusal stays sent.</param>
    /// <exception cref="ArgumentOutOfRangeException">A confirmation is declined by <see cref="ConfirmAsync"/>.</exception>
    /// <exception cref="UnsupportedException">The server does not know declined codes; nothing was sent (REQ-OTP-05).</exception>
    /// <exception cref="NoPendingQuestionException">Nothing of the kind is open; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent.</exception>
    public Task<SubmitResult> DeclineAsync(QuestionKind kind = QuestionKind.Interaction, CancellationToken cancellationToken = default) =>
        kind switch
        {
            QuestionKind.Interaction => _verbs.Decline(cancellationToken),
            QuestionKind.Otp => _verbs.DeclineOtp(SubmitResult.Of, cancellationToken),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "A confirmation is declined by ConfirmAsync(false)."),
        };

    /// <summary>Asks the server to stop; completes when the turn settles, at once when it has (REQ-STOP-01).</summary>
    /// <param name="cancellationToken">Ends the wait alone; the cancel stays sent.</param>
    public Task CancelAsync(CancellationToken cancellationToken = default) =>
        Observed.Quiet(_verbs.Cancel().WaitAsync(cancellationToken));

    /// <summary>Lets the turn run on whoever stops listening.</summary>
    public void Detach()
    {
        using (_context.Gate.Enter())
        {
            _driver.IsDetached = true;
        }
    }

    /// <summary>Stops the turn unless it settled, was detached, is awaited or iterated elsewhere (REQ-STOP-05).</summary>
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
        await foreach (var item in this.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (item is StreamTokenEvent piece)
            {
                streamed = true;
                yield return joint.Next(piece);
            }
        }
        if (joint.Rest() is { Length: > 0 } rest)
        {
            yield return rest;
        }
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
