using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>What a turn asks a human, by kind, in the order of the table. Guarded by the gate.</summary>
internal sealed class Questions
{
    private readonly Dictionary<string, QuestionSlot> _slots = new(StringComparer.Ordinal);

    internal Questions(ClientContext context, Action late)
    {
        foreach (var machine in StepMachines.Questions)
        {
            _slots[machine.Name] = new QuestionSlot(context, machine.Question!, late);
        }
    }

    internal QuestionSlot this[string kind] => _slots[kind];

    /// <summary>What the open questions ask.</summary>
    internal IReadOnlyList<Question> Open(TurnStates states) =>
        [.. _slots.Where(slot => states.IsOpen(slot.Key) && slot.Value.Asked is not null).Select(slot => slot.Value.Asked!)];

    /// <summary>Starts the times of those that wait for a human, anew.</summary>
    internal void StartOpen(TurnStates states)
    {
        foreach (var (kind, slot) in _slots)
        {
            if (states.IsOpen(kind))
            {
                slot.Start(TimeSpan.Zero);
            }
        }
    }

    internal void StopAll()
    {
        foreach (var slot in _slots.Values)
        {
            slot.Stop();
        }
    }
}
