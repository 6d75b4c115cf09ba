using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>One effect to carry out.</summary>
/// <param name="Effect">What the table asks for.</param>
/// <param name="Question">Whose machine asked; null for the turn's own.</param>
/// <param name="Verb">The verb that the frame answers; null for none.</param>
internal readonly record struct TurnStep(StepEffect<ITurnActs> Effect, QuestionRow? Question, PendingVerb? Verb);

/// <summary>
/// Where all machines of a turn stand: its questions, then the turn itself, stepped by the printed tables. Pure: opens
/// nothing, waits for nothing, reads no clock.
/// </summary>
/// <param name="isExpired">Whether an open question has lapsed, seen from a frame that is a word here (REQ-VERB-10).</param>
/// <param name="rests">Whether the way of an event that moves nothing may be short.</param>
internal sealed class TurnStates(Func<QuestionRow, ServerEvent, string, bool> isExpired, bool rests)
{
    private const string Settled = "settled";
    private const string SuspendedWord = "suspended";
    private const string OpenWord = "open";

    private static readonly StepMachine<ITurnActs>[] Asking = StepMachines.Questions;

    private readonly string[] _questions = Array.ConvertAll(Asking, machine => machine.Initial);
    private readonly List<PendingVerb> _verbs = [];
    private string _turn = StepMachines.Turn.Initial;
    private string? _resting;

    internal TurnState State => States.Turn(_turn);

    /// <summary>The state in the table's word.</summary>
    internal string Word => _turn;

    internal bool IsSettled => _turn == Settled;

    /// <summary>Whether the turn waits to be taken up.</summary>
    internal bool IsSuspended => _turn == SuspendedWord;

    /// <summary>Whether it did before the last step.</summary>
    internal bool WasSuspended { get; private set; }

    /// <summary>Outstanding verbs, the oldest first (REQ-VERB-03).</summary>
    internal IReadOnlyList<PendingVerb> Verbs => _verbs;

    internal bool AnyOpen => Array.IndexOf(_questions, OpenWord) >= 0;

    /// <summary>Whether exactly one question waits for a human.</summary>
    internal bool AsksOne => _questions.Count(state => state == OpenWord) == 1;

    /// <summary>Whether some question outlives the turn: nobody could be asked any more otherwise.</summary>
    internal bool AnyOutlives => Asking.Where((machine, index) =>
        machine.Question!.OutlivesTurn && _questions[index] != machine.Initial).Any();

    /// <summary>Lets the turn wait to be taken up.</summary>
    internal void Suspend() => _turn = SuspendedWord;

    /// <summary>Whether the question of a kind waits for a human.</summary>
    internal bool IsOpen(string kind) => _questions[IndexOf(kind)] == OpenWord;

    /// <summary>Whether another event of that type is an item and nothing else: it moves no machine and answers no verb.</summary>
    internal bool Rests(string word) => word == _resting && _verbs.Count == 0;

    /// <summary>Finds out, after a step, whether events of its type rest from now on: the table says so.</summary>
    internal void Rest(string word)
    {
        if (rests && IsQuiet(word) && Asking.Select(machine => machine.Initial).SequenceEqual(_questions))
        {
            _resting = word;
        }
    }

    /// <summary>Steps on an event of the turn.</summary>
    /// <param name="received">The event.</param>
    /// <param name="word">Its type, or what it is here instead: <c>broken</c>, <c>repeated</c>, …</param>
    /// <param name="read">What it says.</param>
    internal List<TurnStep> Frame(ServerEvent received, string word, Facts read)
    {
        var facts = read with { Turn = _turn };
        var verb = Answered(word, facts);
        return Step(word, facts with { Verb = verb?.Row.Name, Expired = Lapsed(received, word) }, verb);
    }

    /// <summary>Steps on a local event.</summary>
    /// <param name="word">Which.</param>
    /// <param name="known">What the machines may look at.</param>
    /// <param name="verb">The verb that it is about; null for none.</param>
    internal List<TurnStep> Local(string word, Facts known, PendingVerb? verb = null) =>
        Step(word, known with { Turn = _turn, Verb = verb?.Row.Name, Named = verb?.IsNamed }, verb);

    /// <summary>Steps one question alone on the caller's answer.</summary>
    internal List<TurnStep> Answer(string kind)
    {
        var steps = new List<TurnStep>();
        _resting = null;
        Ask(steps, IndexOf(kind), LocalEvent.Answer, new(), null);
        return steps;
    }

    internal void Add(PendingVerb verb) => _verbs.Add(verb);

    /// <summary>Takes a verb off the list; false when it was not there.</summary>
    internal bool Forget(PendingVerb verb) => _verbs.Remove(verb);

    private static int IndexOf(string kind) => Array.FindIndex(Asking, machine => machine.Name == kind);

    private bool IsQuiet(string word) => StepMachines.Turn.Quiet.TryGetValue(_turn, out var words) && words.Contains(word);

    /// <summary>Passes all question machines, then the turn; what settles it is told to them in the same step (REQ-TURN-27).</summary>
    private List<TurnStep> Step(string word, Facts facts, PendingVerb? verb)
    {
        var steps = new List<TurnStep>();
        var over = IsSettled;
        (_resting, WasSuspended) = (null, IsSuspended);
        for (var index = 0; index < Asking.Length; index++)
        {
            if (!over || Asking[index].Question!.OutlivesTurn)
            {
                Ask(steps, index, word, facts, verb);
            }
        }
        var effects = StepMachines.Turn.Step(ref _turn, word, facts);
        for (var index = 0; !over && IsSettled && index < Asking.Length; index++)
        {
            Ask(steps, index, LocalEvent.Settle, facts, null);
        }
        steps.AddRange(effects.Select(effect => new TurnStep(effect, null, verb)));
        return steps;
    }

    private void Ask(List<TurnStep> steps, int index, string word, Facts facts, PendingVerb? verb)
    {
        foreach (var effect in Asking[index].Step(ref _questions[index], word, facts))
        {
            steps.Add(new(effect, Asking[index].Question, verb));
        }
    }

    /// <summary>Returns the oldest outstanding verb that the frame answers by the table.</summary>
    private PendingVerb? Answered(string word, Facts facts)
    {
        if (_verbs.Count == 0)
        {
            return null;
        }
        var names = StepTables.Answering(word, facts);
        return _verbs.Find(verb => names.Contains(verb.Row.Name));
    }

    private List<string>? Lapsed(ServerEvent received, string word)
    {
        List<string>? kinds = null;
        for (var index = 0; index < Asking.Length; index++)
        {
            if (_questions[index] == OpenWord && isExpired(Asking[index].Question!, received, word))
            {
                (kinds ??= []).Add(Asking[index].Name);
            }
        }
        return kinds;
    }
}
