namespace SmooAI.SmoothOperator.Tests.Errors;

public sealed class FailureTests
{
    [Theory]
    [InlineData("TURN_IN_PROGRESS", typeof(TurnInProgressException), "conflict", true)]
    [InlineData("SESSION_NOT_FOUND", typeof(SessionNotFoundException), "not_found", false)]
    [InlineData("NO_PENDING_CONFIRMATION", typeof(NoPendingQuestionException), "conflict", false)]
    [InlineData("RATE_LIMITED", typeof(RateLimitedException), "rate_limited", true)]
    [InlineData("INTERNAL_ERROR", typeof(ServerFaultException), "server_error", true)]
    public void REQ_ERR_02_CodesMapToKindsByTheTable(string code, Type type, string kind, bool retryable)
    {
        var error = Failure.FromServer(Reported(code, ",\"retryAfterMs\":1500"));
        error.ShouldBeOfType(type);
        (error.Kind, error.Code, error.Retryable, error.Details.RetryAfterMs).ShouldBe((kind, code, retryable, 1500));
    }

    [Fact]
    public void REQ_ERR_03_AnUnknownCodeIsProtocolWithTheCodeKept()
    {
        var error = Failure.FromServer(Reported("BRAND_NEW"));
        error.ShouldBeOfType<ProtocolException>();
        (error.Kind, error.Code, error.Retryable).ShouldBe(("protocol", "BRAND_NEW", false));
        error.Message.ShouldContain("BRAND_NEW"); // REQ-ERR-07
    }

    [Fact]
    public void REQ_ERR_01_EveryKindHasItsClassUnderItsParent()
    {
        Failure.Local(ErrorKinds.TurnInterrupted).ShouldBeAssignableTo<ConnectionLostException>();
        Failure.Local(ErrorKinds.RequestTimeout).ShouldBeAssignableTo<SmoothTimeoutException>();
        Failure.FromServer(Reported("TURN_IN_PROGRESS")).ShouldBeAssignableTo<ConflictException>().ShouldBeAssignableTo<ProtocolException>();
        foreach (var kind in typeof(ErrorKinds).GetFields())
        {
            var error = Failure.Local((string)kind.GetValue(null)!);
            (error.Kind, error.Message.Length > 0).ShouldBe(((string)kind.GetValue(null)!, true));
        }
    }

    [Fact]
    public void REQ_ERR_04_TheServersWordsStayOutOfTheText()
    {
        var reported = (ErrorEvent)WireCodec.Decode(
            Frames.Error("r", "VALIDATION_ERROR").Replace("\"no\"", "\"bad code 123456 of a@example.com\"", StringComparison.Ordinal)).Event!;
        var error = Failure.FromServer(reported);
        error.ToString().ShouldNotContain("123456");
        error.ToString().ShouldNotContain("example.com");
        error.Details.ToString().ShouldBe("ErrorDetails {  }");
        error.ServerMessage.ShouldBe("bad code 123456 of a@example.com");
    }

    private static ErrorEvent Reported(string code, string more = "") =>
        (ErrorEvent)WireCodec.Decode(Frames.Error("r", code, more)).Event!;
}
