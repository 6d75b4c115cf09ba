using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Waits and count of one client's attempts, in milliseconds (REQ-CONN-31 to REQ-CONN-33). Pure.</summary>
/// <param name="unit">Unit of the waits.</param>
/// <param name="longest">The longest of them.</param>
internal sealed class Backoff(double unit, double longest)
{
    /// <summary>Attempts that are left where there is no limit.</summary>
    internal const long Endless = (1L << 53) - 1;

    private int _doublings;

    /// <summary>Attempts since the count began anew; the first one of a connect is not among them.</summary>
    internal int Attempts { get; private set; }

    /// <summary>Begins to count anew (REQ-CONN-32).</summary>
    internal void Reset() => _doublings = Attempts = 0;

    /// <summary>Counts one attempt.</summary>
    internal void Count() => Attempts++;

    /// <summary>Returns how many attempts are left of a limit; null for no limit.</summary>
    internal long Remaining(int? limit) => limit is { } most ? Math.Max(0, most - Attempts) : Endless;

    /// <summary>Returns the wait before the next attempt, and counts it.</summary>
    /// <param name="draw">One number of the random source.</param>
    /// <param name="backoffFrom">That of the table of close codes.</param>
    /// <param name="hint">What the server asked for; null when it did not.</param>
    internal long Delay(double draw, int backoffFrom = 0, long? hint = null)
    {
        var doublings = Math.Max(_doublings, backoffFrom);
        _doublings = doublings + 1;
        if (hint is { } asked)
        {
            var told = Math.Min(asked, Limits.RetryAfterLongest);
            return told + Whole(draw * Math.Max(unit, told / 4.0));
        }
        if (doublings == 0)
        {
            return Whole(Math.Min(longest, Math.Floor(draw * unit)));
        }
        var grown = Math.Min(longest, unit * Math.Pow(2, Math.Min(doublings, Limits.BackoffDoublings)));
        return Whole(Math.Min(longest, unit + Math.Floor(draw * grown)));
    }

    private static long Whole(double milliseconds) => (long)Math.Floor(milliseconds);
}
