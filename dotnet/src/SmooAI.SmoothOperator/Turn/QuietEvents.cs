using System.Collections.Frozen;

namespace SmooAI.SmoothOperator;

/// <summary>
/// The events that move nothing while a turn runs and nobody was asked anything: every transition that they can take
/// there only shows an item. Read off the tables.
/// </summary>
internal static class QuietEvents
{
    private static readonly FrozenSet<MachineEvent> Found = Enum.GetValues<MachineEvent>().Where(IsQuiet).ToFrozenSet();

    internal static bool Contains(MachineEvent name) => Found.Contains(name);

    private static bool IsQuiet(MachineEvent name)
    {
        var shown = Machines.Turn.From(TurnState.Running, name);
        return shown.Length > 0
            && Array.TrueForAll(shown, row => Stays(row, TurnState.Running) && row.Effects is [{ Kind: EffectKind.Item }])
            && IsDeaf(Machines.Confirmation, name)
            && IsDeaf(Machines.Otp, name)
            && IsDeaf(Machines.Interaction, name);
    }

    private static bool IsDeaf<TState>(Machine<TState> machine, MachineEvent name)
        where TState : struct, Enum =>
        machine.From(machine.Initial, name).Length == 0;

    private static bool Stays(Transition<TurnState> row, TurnState state) => row.Target is null || row.Target == state;
}
