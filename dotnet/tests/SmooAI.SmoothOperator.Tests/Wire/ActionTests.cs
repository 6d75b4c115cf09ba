namespace SmooAI.SmoothOperator.Tests.Wire;

public sealed class ActionTests
{
    [Fact]
    public void REQ_CALL_04_WhatIsNotSetIsAbsent() =>
        new SendMessageAction { SessionId = "s", Message = "m" }.ToJson()
            .ShouldBe("""{"action":"send_message","sessionId":"s","message":"m"}""");

    [Fact]
    public void REQ_CALL_05_NonAsciiIsNotEscaped() =>
        new SendMessageAction { SessionId = "s", Message = "é 😀 <&> \u2028 \" \\ \n \u0001 \ud800" }.ToJson()
            .ShouldBe("{\"action\":\"send_message\",\"sessionId\":\"s\",\"message\":\"é 😀 <&> \u2028 \\\" \\\\ \\n \\u0001 \ufffd\"}");

    [Fact]
    public void EveryActionIsReadAsItIsWritten()
    {
        ClientAction[] actions =
        [
            new CreateConversationSessionAction { AgentId = "a", AuthContext = new() { UserId = "u", Signature = "s", Timestamp = 1 } },
            new SendMessageAction { SessionId = "s", Message = "m", Images = [new() { Url = "u", Detail = ImageDetail.Low }], Files = [new() { Name = "n", Url = "u" }] },
            new ListConversationsAction { Limit = 2 },
            new CancelAction { RequestId = "r" },
        ];
        foreach (var action in actions)
        {
            WireCodec.DecodeAction(action.ToJson()).ToJson().ShouldBe(action.ToJson());
        }
        Should.Throw<FormatException>(() => WireCodec.DecodeAction("""{"action":"fly"}"""));
        Should.Throw<FormatException>(() => WireCodec.DecodeAction("nonsense"));
    }
}
