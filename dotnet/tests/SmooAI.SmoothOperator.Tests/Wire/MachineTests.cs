namespace SmooAI.SmoothOperator.Tests.Wire;

/// <summary>What an application reads of the machines is what their tables say.</summary>
public sealed class MachineTests
{
    [Fact]
    public void REQ_CONN_02_EveryStateOfTheLinkHasItsWord() =>
        Steps.StepMachines.Connection.States.Select(States.Connection).ShouldBe(Enum.GetValues<ConnectionState>());

    [Fact]
    public void REQ_TURN_01_EveryStateOfATurnHasItsWord() =>
        Steps.StepMachines.Turn.States.Select(States.Turn).ShouldBe(Enum.GetValues<TurnState>());

    [Fact]
    public void REQ_VERB_01_EveryKindOfQuestionHasItsMachine() =>
        Steps.StepMachines.Questions.Select(machine => States.Question(machine.Name)).ShouldBe(Enum.GetValues<QuestionKind>());
}
