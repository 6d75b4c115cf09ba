namespace SmooAI.SmoothOperator;

/// <summary>The one lock of a client. What may run foreign code is put off until it is released.</summary>
internal sealed class Gate
{
    private readonly Lock _lock = new();
    private List<Action> _after = [];
    private int _depth;

    /// <summary>Enters; disposing the answer leaves and runs what was put off, in order.</summary>
    internal Scope Enter()
    {
        _lock.Enter();
        _depth++;
        return new Scope(this);
    }

    /// <summary>Puts an action off until the gate is left for good; called inside.</summary>
    internal void After(Action action) => _after.Add(action);

    private void Leave()
    {
        List<Action>? due = null;
        if (--_depth == 0 && _after.Count > 0)
        {
            (due, _after) = (_after, []);
        }
        _lock.Exit();
        foreach (var action in due ?? [])
        {
            action();
        }
    }

    internal readonly ref struct Scope(Gate gate)
    {
        public void Dispose() => gate.Leave();
    }
}
