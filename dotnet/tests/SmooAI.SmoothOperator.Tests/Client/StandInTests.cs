using System.Reflection;

namespace SmooAI.SmoothOperator.Tests.Client;

/// <summary>Client, conversation and turn are interfaces: a program's tests put others in their place.</summary>
public sealed class StandInTests
{
    [Fact]
    public async Task AProgramRunsOnStandInsOfItsOwn()
    {
        var result = new TurnResult { Outcome = TurnOutcome.Completed, Text = "Done", RequestId = "r", SessionId = "s" };
        var turn = StandIn.Of<ITurn>(new() { ["GetAwaiter"] = Task.FromResult(result).GetAwaiter() });
        var chat = StandIn.Of<IConversation>(new() { ["Send"] = turn });
        var client = StandIn.Of<ISmoothAgentClient>(new() { ["StartConversationAsync"] = Task.FromResult(chat) });

        (await ProgramAsync(client)).ShouldBe("Done");
    }

    [Fact]
    public void TheClientIsOneOfThem() =>
        new SmoothAgentClient(new() { Url = "ws://127.0.0.1/ws" }).ShouldBeAssignableTo<ISmoothAgentClient>();

    private static async Task<string> ProgramAsync(ISmoothAgentClient client)
    {
        var chat = await client.StartConversationAsync(new() { AgentId = Frames.Agent });
        return (await chat.Send("hello")).Text;
    }

    /// <summary>Answers each method with one value.</summary>
    public class StandIn : DispatchProxy
    {
        private Dictionary<string, object> _answers = [];

        public static T Of<T>(Dictionary<string, object> answers)
            where T : class
        {
            var made = Create<T, StandIn>();
            ((StandIn)(object)made)._answers = answers;
            return made;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answers[targetMethod!.Name];
    }
}
