using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator;

/// <summary>
/// One message and all it causes: iterate its events, await its result, answer its questions, stop it. Safe from any
/// thread. Awaiting a failed turn throws its error; everything stays readable afterwards (REQ-TURN-15).
/// </summary>
/// <remarks>
/// Every iteration shows every event from the first one, also late or after the end (REQ-TURN-02); its token ends it at
/// once and stops the turn, unless somebody else cares. Disposal stops the turn unless it settled, was detached, is
/// awaited or iterated elsewhere (REQ-STOP-05).
/// </remarks>
public interface ITurn : IAsyncEnumerable<ServerEvent>, IAsyncDisposable
{
    /// <summary>
    /// Id that every frame of the turn carries; a message that is sent again after its code has another one (REQ-ASK-11).
    /// </summary>
    string RequestId { get; }

    /// <summary>Session that the message was said in.</summary>
    string SessionId { get; }

    /// <summary>
    /// Where the turn stands: suspended while it waits to be taken up (REQ-RESUME-02), running while it waits for a code
    /// (REQ-ASK-11).
    /// </summary>
    TurnState State { get; }

    /// <summary>How the turn ended; null while it runs.</summary>
    TurnOutcome? Outcome { get; }

    /// <summary>What was streamed so far.</summary>
    string PartialText { get; }

    /// <summary>The events so far.</summary>
    IReadOnlyList<ServerEvent> Items { get; }

    /// <summary>The questions that a human is asked now; at most one of each kind (REQ-VERB-01).</summary>
    IReadOnlyList<Question> OpenQuestions { get; }

    /// <summary>Completes when the turn settles; asking for it counts as awaiting the result.</summary>
    Task<TurnResult> Completion { get; }

    /// <summary>
    /// The streamed text, piece by piece; the final text once when nothing was streamed (REQ-TURN-10). Throws as the
    /// turn itself does. Leaving it early stops the turn like leaving an iteration.
    /// </summary>
    IAsyncEnumerable<string> TextStream { get; }

    /// <summary>Whether an event asks what a handler of this turn answers (REQ-ASK-09).</summary>
    /// <param name="received">An item of the turn.</param>
    bool Handled(ServerEvent received);

    /// <summary>Makes <c>await turn</c> give the result.</summary>
    TaskAwaiter<TurnResult> GetAwaiter();

    /// <summary>Waits for the result.</summary>
    /// <param name="cancellationToken">Ends the wait at once and stops the turn, unless somebody else cares (REQ-STOP-04).</param>
    /// <exception cref="SmoothAgentException">The turn failed.</exception>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    Task<TurnResult> GetResultAsync(CancellationToken cancellationToken = default);

    /// <summary>Answers the open confirmation and completes once the server took it.</summary>
    /// <param name="approved">Whether the tool may run.</param>
    /// <param name="cancellationToken">Ends the wait alone; the answer stays sent (REQ-VERB-07).</param>
    /// <exception cref="NoPendingQuestionException">Nothing is open; nothing was sent (REQ-VERB-05).</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent (REQ-VERB-05).</exception>
    Task ConfirmAsync(bool approved, CancellationToken cancellationToken = default);

    /// <summary>Sends a one-time code as it was typed; a wrong one is a result, no exception (REQ-OTP-01).</summary>
    /// <param name="code">The code.</param>
    /// <param name="cancellationToken">Ends the wait alone; the code stays sent.</param>
    /// <exception cref="NoPendingQuestionException">No code is asked for; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">A code is on its way already; nothing was sent.</exception>
    Task<OtpCheck> VerifyOtpAsync(string code, CancellationToken cancellationToken = default);

    /// <summary>Submits values for the open interaction.</summary>
    /// <param name="values">A JSON object, as the interaction's kind wants it.</param>
    /// <param name="cancellationToken">Ends the wait alone; the values stay sent.</param>
    /// <exception cref="ArgumentException">The values are no JSON object; nothing was sent.</exception>
    /// <exception cref="NoPendingQuestionException">No interaction is open; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent.</exception>
    Task<SubmitResult> SubmitAsync(JsonElement values, CancellationToken cancellationToken = default);

    /// <summary>Submits values for the open interaction.</summary>
    /// <param name="values">The values, as the interaction's kind wants them.</param>
    /// <param name="cancellationToken">Ends the wait alone; the values stay sent.</param>
    /// <exception cref="NoPendingQuestionException">No interaction is open; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent.</exception>
    Task<SubmitResult> SubmitAsync(JsonObject values, CancellationToken cancellationToken = default);

    /// <summary>
    /// Declines the open question of a kind: an interaction, or a one-time code, whose result is an accepted one.
    /// </summary>
    /// <param name="kind">Interaction unless said otherwise.</param>
    /// <param name="cancellationToken">Ends the wait alone; the refusal stays sent.</param>
    /// <exception cref="ArgumentOutOfRangeException">A confirmation is declined by <see cref="ConfirmAsync"/>.</exception>
    /// <exception cref="UnsupportedException">The server does not know declined codes; nothing was sent (REQ-OTP-05).</exception>
    /// <exception cref="NoPendingQuestionException">Nothing of the kind is open; nothing was sent.</exception>
    /// <exception cref="AlreadyAnsweredException">It was answered before; nothing was sent.</exception>
    Task<SubmitResult> DeclineAsync(QuestionKind kind = QuestionKind.Interaction, CancellationToken cancellationToken = default);

    /// <summary>Asks the server to stop; completes when the turn settles, at once when it has (REQ-STOP-01).</summary>
    /// <param name="cancellationToken">Ends the wait alone; the cancel stays sent.</param>
    Task CancelAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Asks what became of the message; no message is sent again (REQ-TURN-30). On a replay session the server is asked
    /// first: while the turn runs this waits, at most <c>ResumeTimeout</c> in whole, then it is <c>Unknown</c>, and what
    /// never arrived is <c>NotDelivered</c> (REQ-RESUME-12). Else the history decides.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SmoothAgentException">Nobody could be asked.</exception>
    Task<Recovery> RecoverAsync(CancellationToken cancellationToken = default);

    /// <summary>Lets the turn run on whoever stops listening.</summary>
    void Detach();
}
