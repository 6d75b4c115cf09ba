namespace SmooAI.SmoothOperator;

/// <summary>The outstanding verbs of a turn, the oldest first (REQ-VERB-03). Guarded by the gate.</summary>
internal sealed class VerbLedger
{
    private readonly List<PendingVerb> _verbs = [];

    internal bool Any => _verbs.Count > 0;

    internal void Add(PendingVerb verb) => _verbs.Add(verb);

    internal void Remove(PendingVerb verb) => _verbs.Remove(verb);

    internal PendingVerb? Find(Verb verb) => _verbs.Find(item => item.Verb == verb);

    /// <summary>Returns the verb that a frame answers by the table, null when it answers none.</summary>
    internal PendingVerb? Answered(MachineEvent name, string? code, TurnState turn, MachineGuards guards)
    {
        foreach (var row in Machines.Answers)
        {
            if (row.Fits(name, code, guards, "turn", turn))
            {
                return _verbs.Find(item => Array.IndexOf(row.Verbs, item.Verb) >= 0);
            }
        }
        return null;
    }

    /// <summary>The turn settled: cancel is done, the rest fails, codes go on waiting (REQ-VERB-06).</summary>
    internal void Settle(Func<Exception> error)
    {
        foreach (var verb in _verbs.ToArray())
        {
            if (verb.Verb == Verb.Cancel)
            {
                _verbs.Remove(verb);
                verb.Resolve(null);
            }
            else if (!verb.OutlivesTurn)
            {
                _verbs.Remove(verb);
                verb.Fail(error());
            }
        }
    }

    /// <summary>The link ended: nothing can come any more.</summary>
    internal void Abandon(SmoothAgentException error)
    {
        foreach (var verb in _verbs.ToArray())
        {
            _verbs.Remove(verb);
            verb.Fail(error);
        }
    }
}
