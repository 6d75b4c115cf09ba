namespace SmooAI.SmoothOperator;

/// <summary>Hands entries to the option's logger; a logger that throws is ignored.</summary>
internal sealed class Log(Action<LogEntry>? sink)
{
    internal bool IsOn => sink is not null;

    internal void Debug(string message) => Write(new(LogSeverity.Debug, message));

    internal void Info(string message) => Write(new(LogSeverity.Info, message));

    internal void Warning(string message, Exception? cause = null) => Write(new(LogSeverity.Warning, message, cause));

    private void Write(LogEntry entry)
    {
        try
        {
            sink?.Invoke(entry);
        }
        catch (Exception)
        {
            // Nowhere is left to report it.
        }
    }
}
