namespace SmooAI.SmoothOperator;

/// <summary>One move of the link, or one wait for another attempt to move it (REQ-CONN-02).</summary>
/// <param name="Previous">State before.</param>
/// <param name="Current">State now; equal to the one before where the link goes on being sought.</param>
/// <param name="Reason">The event of the connection machine that caused it, such as <c>closed_by_peer</c>.</param>
/// <param name="Code">Close code of a link that ended; null otherwise.</param>
/// <param name="Error">
/// What made an attempt fail, or why the link is given up; null otherwise. An <see cref="ArgumentException"/> where the
/// token provider gave what is no token.
/// </param>
/// <param name="Attempt">Number of the attempt to come, from 1; null when none comes (REQ-CONN-31).</param>
/// <param name="RetryIn">Wait before that attempt, zero where another token is asked for at once (REQ-CONN-34).</param>
/// <param name="Missed">
/// Whether events outside a turn may have been missed: the link was found again after a session had been opened
/// (REQ-CONN-42).
/// </param>
public sealed record StateChange(
    ConnectionState Previous,
    ConnectionState Current,
    string Reason,
    int? Code = null,
    Exception? Error = null,
    int? Attempt = null,
    TimeSpan? RetryIn = null,
    bool Missed = false);
