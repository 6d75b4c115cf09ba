using System.Text.Json.Nodes;
using SmooAI.SmoothOperator.Testing;

namespace SmooAI.SmoothOperator.Tests.Kit;

/// <summary>What contradicts the protocol is refused where it is written, in one sentence.</summary>
public sealed class FakeServerRefusalTests : IAsyncDisposable
{
    private readonly FakeServer _server = new();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    public static TheoryData<Action<Reply>, string> Steps => new()
    {
        { reply => reply.Finish().Tokens("more"), "a reply has ended with Finish(): no step can follow" },
        { reply => reply.Error("AGENT_ERROR").Finish(), "a reply has ended with Error(): no step can follow" },
        { reply => reply.Error("NOPE"), "Error(): 'NOPE' is no code of the protocol" },
        { reply => reply.Error("NO_PENDING_CONFIRMATION"), "Error(): NO_PENDING_CONFIRMATION ends no turn" },
        { reply => reply.Otp(attempts: 0), "Otp(): 0 attempts leave none; expected at least 1" },
        { reply => reply.Otp(channel: "pigeon"), "Otp(): 'pigeon' is no channel; expected 'email' or 'sms'" },
        { reply => reply.Delay(TimeSpan.FromMilliseconds(-1)), "Delay(): -1 ms lie in the past; expected at least 0" },
        { reply => reply.Cut(1005), "Cut(): no peer may send the close code 1005" },
        { reply => reply.Interaction("riddle", []), "Interaction(): 'riddle' is no kind of the protocol; expected 'identity_intake' or 'choices'" },
        { reply => reply.Interaction("choices", []), "Interaction(): the spec of choices: /questions is missing" },
        { reply => reply.Interaction("identity_intake", new() { ["fields"] = new JsonArray() }), "Interaction(): the spec of identity_intake: /fields has no field" },
    };

    [Theory]
    [MemberData(nameof(Steps))]
    public void AStepThatCannotBePlayedIsRefused(Action<Reply> write, string told) =>
        Should.Throw<ScriptException>(() => write(_server.OnMessage())).Message.ShouldBe(told);

    [Fact]
    public void AServerPlaysRepliesOrAScript()
    {
        _server.OnMessage().Finish("hello");
        Should.Throw<ScriptException>(() => _server.Script(new() { ["model"] = new JsonArray() })).Message
            .ShouldBe("Script(): this server has replies of OnMessage()");
    }

    [Theory]
    [InlineData("""{}""", "script: /model is missing")]
    [InlineData("""{"model":7}""", "script: /model is no list")]
    [InlineData("""{"model":[{"text":"a","error":"b"}]}""", "script: /model/0 takes one of text, error, toolCall, reasoning, preamble, delayMs")]
    [InlineData("""{"model":[],"tool":[]}""", "script: 'tool' is none of model, tools, otp, confirmTools, knowledge")]
    [InlineData("""{"model":[],"tools":[{}]}""", "script: /tools/0/name is no text")]
    public void ADocumentThatIsNoScriptIsRefused(string document, string told) =>
        Should.Throw<ScriptException>(() => _server.Script(JsonNode.Parse(document)!.AsObject())).Message.ShouldBe(told);

    [Fact]
    public void RefusalsAndEndsAreThoseOfTheProtocol()
    {
        Should.Throw<ScriptException>(() => _server.Refuse(200)).Message.ShouldBe("Refuse(): 200 is no refusal; expected 300 to 599");
        Should.Throw<ScriptException>(() => _server.Refuse(503, 0)).Message.ShouldBe("Refuse(): 0 handshakes are none; expected at least 1");
        Should.Throw<ScriptException>(() => _server.Disconnect(1015)).Message.ShouldBe("Disconnect(): no peer may send the close code 1015");
        Should.Throw<InvalidOperationException>(() => _server.Url);
    }

    [Theory]
    [InlineData("", " is empty: it is no cassette")]
    [InlineData("{}", ": line 1 is no head of a cassette")]
    [InlineData("{\"cassette\":2}", " is of cassette version 2; this kit reads 1")]
    [InlineData("{\"cassette\":1}\n{\"at\":0,\"link\":1,\"way\":\"up\"}", ": line 2 is no frame of a cassette")]
    public void AFileThatIsNoCassetteIsRefused(string text, string told)
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, text);
        Should.Throw<CassetteException>(() => FakeServer.ReplayOf(path)).Message.ShouldBe(Path.GetFileName(path) + told);
        File.Delete(path);
    }
}
