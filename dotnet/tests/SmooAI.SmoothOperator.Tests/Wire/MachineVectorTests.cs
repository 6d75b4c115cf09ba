using System.Text.Json.Nodes;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator.Tests.Wire;

/// <summary>The machines as printed step as the tables say: every vector of spec/vectors/machines.</summary>
public sealed class MachineVectorTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "spec", "vectors", "machines");

    /// <summary>Every row, every guard both ways, and every event that no row takes.</summary>
    [Fact]
    public void REQ_TURN_27_MachinesStepAsTheVectorsSay()
    {
        string[] replayed =
        [
            Replay(StepMachines.Frame), Replay(StepMachines.Connection), Replay(StepMachines.Call),
            Replay(StepMachines.Sequence), Replay(StepMachines.Turn), .. StepMachines.Questions.Select(Replay),
        ];
        replayed.Order().ShouldBe(StepMachines.Names.Order());
        Directory.EnumerateFiles(Folder).Select(Path.GetFileNameWithoutExtension).Order().ShouldBe(replayed.Order());
    }

    /// <summary>A bracketed part of a text is there only with its value.</summary>
    [Fact]
    public void REQ_ERR_07_TextsLeaveOutWhatIsNotKnown()
    {
        ErrorTexts.Of("ConnectFailed", new Dictionary<string, string?> { ["host"] = "h:1", ["reason"] = "refused" })
            .ShouldStartWith("Could not connect to h:1: refused.");
        ErrorTexts.Of("ConnectFailed", new Dictionary<string, string?> { ["host"] = "h:1", ["status"] = "403" })
            .ShouldStartWith("Could not connect to h:1 (HTTP 403).");
    }

    /// <summary>What a code means is the first row that fits.</summary>
    [Theory]
    [InlineData(1000, "normal")]
    [InlineData(4408, "no_pong")]
    [InlineData(4455, "refused")]
    [InlineData(3000, "other")]
    [InlineData(999, null)]
    public void REQ_CONN_23_CodesAreFoundByTheirFirstRow(int code, string? name) =>
        CloseCodes.Of(code)?.Name.ShouldBe(name);

    private static string Replay<TActs>(StepMachine<TActs> machine)
    {
        var table = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, $"{machine.Name}.json")))!.AsObject();
        machine.Initial.ShouldBe((string)table["initial"]!);
        machine.States.ShouldBe(Words(table["states"]));
        foreach (var vector in table["vectors"]!.AsArray().Select(row => row!.AsObject()))
        {
            var state = (string)vector["state"]!;
            var effects = machine.Step(ref state, (string)vector["event"]!, FactsOf(vector["facts"]!.AsObject()));
            state.ShouldBe((string)vector["to"]!, vector.ToJsonString());
            effects.Select(effect => effect.Text).ShouldBe(Words(vector["effects"]), vector.ToJsonString());
        }
        foreach (var (start, events) in table["untouched"]!.AsObject())
        {
            foreach (var name in Words(events))
            {
                var state = start;
                machine.Step(ref state, name, new Facts()).ShouldBeEmpty();
                state.ShouldBe(start);
            }
        }
        foreach (var (state, events) in table["quiet"]!.AsObject())
        {
            machine.Quiet[state].Order().ShouldBe(Words(events).Order());
        }
        return machine.Name;
    }

    private static string[] Words(JsonNode? node) => [.. node!.AsArray().Select(word => (string)word!)];

    private static Facts FactsOf(JsonObject raw)
    {
        string? Text(string name) => (string?)raw[name];
        bool? Flag(string name) => (bool?)raw[name];
        return new Facts
        {
            Status = (long?)raw["status"],
            AttemptsRemaining = (long?)raw["attempts_remaining"],
            Code = Text("code"),
            CodeTerminal = Text("code_terminal"),
            Verb = Text("verb"),
            Turn = Text("turn"),
            Retry = Text("retry"),
            SaidTerminal = Flag("said_terminal"),
            ToolResult = Flag("tool_result"),
            MayHaveLeft = Flag("may_have_left"),
            AutoReconnect = Flag("auto_reconnect"),
            RetryInitial = Flag("retry_initial"),
            TokenRenewable = Flag("token_renewable"),
            Sought = Flag("sought"),
            Repeatable = Flag("repeatable"),
            Resumable = Flag("resumable"),
            Seq = Text("seq"),
            ResumeState = Text("resume_state"),
            Unseen = Flag("unseen"),
            Cancelling = Flag("cancelling"),
            ErrorRetryable = Flag("error_retryable"),
            Named = Flag("named"),
            AskedBefore = Flag("asked_before"),
            Expired = raw["expired"] is { } kinds ? Words(kinds) : null,
        };
    }
}
