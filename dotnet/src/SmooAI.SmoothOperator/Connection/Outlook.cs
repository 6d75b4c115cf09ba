using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Whether another attempt may help, and when (REQ-CONN-30).</summary>
/// <param name="Retry">A word of the table of close codes: yes, no, renew.</param>
/// <param name="BackoffFrom">Least number that the backoff counts from.</param>
/// <param name="Hint">Milliseconds that the server asked to wait; null when it did not.</param>
internal sealed record Outlook(string Retry, int BackoffFrom = 0, long? Hint = null)
{
    internal static Outlook Hopeful { get; } = new("yes");

    internal static Outlook Hopeless { get; } = new("no");

    /// <summary>What the close code of a link says about another one.</summary>
    internal static Outlook AfterClose(int? code) => Of(code is { } known ? CloseCodes.Of(known) : null, null);

    internal static Outlook Of(CloseCodeRow? row, long? hint) =>
        row is null ? Hopeless : new(row.Retry, row.BackoffFrom, hint);
}

/// <summary>An attempt that failed: the error that the caller sees, and what it says about another attempt.</summary>
internal sealed record AttemptFailure(Exception Error, Outlook Outlook);
