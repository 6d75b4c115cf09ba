using System.Runtime.CompilerServices;

namespace SmooAI.SmoothOperator;

/// <summary>Logs the failure of a turn that nobody ever looked at, once, when its handle is collected (REQ-TURN-16).</summary>
internal sealed class FailureWatch
{
    private static readonly ConditionalWeakTable<TurnDriver, FailureWatch> Watches = [];

    private readonly string _text;
    private readonly Log _log;

    private FailureWatch(string text, Log log)
    {
        _text = text;
        _log = log;
    }

    ~FailureWatch() => _log.Warning(_text);

    internal static void Attach(TurnDriver turn, Exception failure, Log log)
    {
        if (turn.IsObserved || !log.IsOn)
        {
            return;
        }
        Watches.AddOrUpdate(turn, new FailureWatch($"A turn failed with {(failure as SmoothAgentException)?.Kind ?? failure.GetType().Name} and nobody awaited it.", log));
    }

    internal static void Dismiss(TurnDriver turn)
    {
        if (Watches.TryGetValue(turn, out var watch))
        {
            GC.SuppressFinalize(watch);
            Watches.Remove(turn);
        }
    }
}
