namespace SmooAI.SmoothOperator;

/// <summary>How grave a log entry is.</summary>
public enum LogSeverity
{
    /// <summary>Frame types, ids and sizes.</summary>
    Debug,

    /// <summary>Changes of the link.</summary>
    Info,

    /// <summary>Something failed or a frame was dropped.</summary>
    Warning,

    /// <summary>Somebody has to act.</summary>
    Error,
}

/// <summary>One line of the log; never holds a token, a URL query, a header or a one-time code (REQ-LOG-01).</summary>
/// <param name="Severity">How grave it is.</param>
/// <param name="Message">What happened.</param>
/// <param name="Cause">The exception behind it, where there is one.</param>
public sealed record LogEntry(LogSeverity Severity, string Message, Exception? Cause = null);
