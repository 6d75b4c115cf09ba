namespace SmooAI.SmoothOperator.Tests.Wire;

public sealed class MachineTests
{
    [Fact]
    public void TheFirstTransitionThatFitsIsTaken()
    {
        var state = TurnState.Running;
        var effects = Machines.Turn.Step(ref state, MachineEvent.EventualResponse, MachineGuards.StatusError);
        state.ShouldBe(TurnState.Settled);
        effects.ShouldBe([new(EffectKind.Item), new(EffectKind.Settle, "failed", "protocol")]);
    }

    [Fact]
    public void REQ_CONN_02_NoOtherMoveExists()
    {
        var state = ConnectionState.Idle;
        Machines.Connection.Step(ref state, MachineEvent.Opened).ShouldBeEmpty();
        state.ShouldBe(ConnectionState.Idle);
    }
}
