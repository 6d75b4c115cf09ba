using Microsoft.Extensions.Logging;

namespace SmooAI.SmoothOperator.Extensions.DependencyInjection;

/// <summary>Carries the log of a client to an <see cref="ILogger"/>.</summary>
public static partial class LoggerBridge
{
    /// <summary>Category of the log of registered clients.</summary>
    public const string Category = "SmooAI.SmoothOperator";

    /// <summary>Returns what a client takes as <see cref="SmoothAgentClientOptions.Logger"/>.</summary>
    /// <param name="logger">Where the entries go, with their severity and cause. They hold no token, no code and, unless
    /// <see cref="SmoothAgentClientOptions.LogPayloads"/> is on, no text of a message (REQ-LOG-01).</param>
    /// <exception cref="ArgumentNullException">There is no logger.</exception>
    public static Action<LogEntry> AsClientLogger(this ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(logger);
        return entry => Write(logger, LevelOf(entry.Severity), entry.Message, entry.Cause);
    }

    private static LogLevel LevelOf(LogSeverity severity) => severity switch
    {
        LogSeverity.Debug => LogLevel.Debug,
        LogSeverity.Info => LogLevel.Information,
        LogSeverity.Warning => LogLevel.Warning,
        _ => LogLevel.Error,
    };

    [LoggerMessage(EventId = 1, EventName = "Client", Message = "{Entry}")]
    private static partial void Write(ILogger logger, LogLevel level, string entry, Exception? cause);
}
