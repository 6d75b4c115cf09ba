using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// Turns of a session behind each other, and messages that come a moment too early (REQ-TURN-31, REQ-TURN-32). Guarded by
/// the gate.
/// </summary>
internal sealed class TurnLine(ClientContext context)
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(Limits.SlotGrace);

    private readonly bool _isSerial = context.Options.TurnPolicy == TurnPolicy.Queue;
    private readonly Dictionary<string, List<TurnDriver>> _open = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _ended = new(StringComparer.Ordinal);

    /// <summary>Lets a message go out, or wait for the turns before it.</summary>
    internal void Enter(TurnDriver turn)
    {
        Join(turn);
        if (_isSerial && _open[turn.SessionId].Count > 1)
        {
            turn.Wait();
        }
        else
        {
            turn.Start();
        }
    }

    /// <summary>Takes note of a turn that runs already.</summary>
    internal void Join(TurnDriver turn)
    {
        if (!_open.TryGetValue(turn.SessionId, out var line))
        {
            _open[turn.SessionId] = line = [];
        }
        line.Add(turn);
    }

    /// <summary>Takes note that a turn has its outcome; whose turn it is then starts after this step.</summary>
    internal void Over(TurnDriver turn)
    {
        var session = turn.SessionId;
        if (!_open.TryGetValue(session, out var line) || !line.Remove(turn))
        {
            return;
        }
        if (line.Count == 0)
        {
            _open.Remove(session);
        }
        else if (_isSerial)
        {
            context.Gate.After(() => Next(session));
        }
    }

    /// <summary>Takes note that the terminal event of a turn came.</summary>
    internal void Terminal(string session)
    {
        var now = context.Clock.GetTimestamp();
        foreach (var past in _ended.Where(ended => !IsRecent(ended.Value, now)).Select(ended => ended.Key).ToArray())
        {
            _ended.Remove(past);
        }
        _ended[session] = now;
    }

    /// <summary>Whether a message was sent right after another turn of its session, and no other one runs.</summary>
    internal bool IsEarly(TurnDriver turn, long sentAt) => _ended.TryGetValue(turn.SessionId, out var ended)
        && IsRecent(ended, sentAt) && _open.TryGetValue(turn.SessionId, out var line) && line.Count == 1 && line[0] == turn;

    private bool IsRecent(long ended, long at) => context.Clock.GetElapsedTime(ended, at) < Grace;

    private void Next(string session)
    {
        using (context.Gate.Enter())
        {
            if (_open.TryGetValue(session, out var line) && line[0].IsWaiting)
            {
                line[0].Start();
            }
        }
    }
}
