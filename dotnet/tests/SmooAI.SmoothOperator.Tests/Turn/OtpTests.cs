namespace SmooAI.SmoothOperator.Tests.Turns;

public sealed class OtpTests : ClientTest
{
    [Fact]
    public async Task REQ_OTP_01_AWrongCodeIsAResult()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.OtpAsked(id));
        var wrong = turn.VerifyOtpAsync("012345");
        (await Link.AnswerAsync("verify_otp", id => Frames.OtpInvalid(id, 1)))["code"]!.ToString().ShouldBe("012345");
        (await wrong.Soon()).ShouldBe(new OtpCheck
        {
            Verified = false,
            AttemptsRemaining = 1,
            Error = OtpInvalidReason.InvalidCode,
            Message = "wrong",
        });
        turn.OpenQuestions.Count.ShouldBe(1); // REQ-OTP-02
        var right = turn.VerifyOtpAsync("543210");
        await Link.AnswerAsync("verify_otp", Frames.OtpVerified);
        (await right.Soon()).Verified.ShouldBeTrue();
        turn.OpenQuestions.ShouldBeEmpty();
    }

    [Fact]
    public async Task REQ_OTP_02_SentUpdatesTheQuestionAndAFailedSendingLeavesIt()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.OtpAsked(id));
        await Link.SendAsync(Frames.OtpSent(turn.RequestId));
        await Link.SendAsync(Frames.Error(turn.RequestId, "OTP_SEND_FAILED"));
        await SettledAsync(client);
        var question = turn.OpenQuestions.Single();
        (question.Asked.Type, question.Sent!.MaskedDestination).ShouldBe(("otp_verification_required", "a***@example.com"));
        await Link.SendAsync(Frames.OtpInvalid(turn.RequestId, 0));
        await Waiting.UntilAsync(() => turn.OpenQuestions.Count == 0);
    }

    [Fact]
    public async Task REQ_OTP_03_ResendStyleOutlivesTheTurnUntilTheNextSend()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.OtpAsked(id));
        await Link.SendAsync(Frames.Final(turn.RequestId));
        await turn.Completion.Soon();
        turn.OpenQuestions.Count.ShouldBe(1);
        var wrong = turn.VerifyOtpAsync("1");
        await Link.AnswerAsync("verify_otp", id => Frames.OtpInvalid(id, 2));
        (await wrong.Soon()).Verified.ShouldBeFalse();
        // REQ-VERB-08: the client's own verbs act on the turn for as long as its code is asked for.
        await client.ConfirmToolActionAsync(new() { RequestId = turn.RequestId, SessionId = "s", Approved = true })
            .FailsAsync<NoPendingQuestionException>();
        await client.CancelAsync(new() { RequestId = turn.RequestId }).Soon();
        var failed = client.VerifyOtpAsync(new() { RequestId = turn.RequestId, SessionId = "s", Code = "2" });
        await Link.AnswerAsync("verify_otp", id => Frames.Error(id, "RATE_LIMITED"));
        await failed.FailsAsync<RateLimitedException>();
        var again = await RunningAsync(client);
        turn.OpenQuestions.ShouldBeEmpty();
        await Link.SendAsync(Frames.Final(again.RequestId));
        await again.Completion.Soon();
        client.Router.TailCount.ShouldBe(0);
    }

    [Fact]
    public async Task REQ_OTP_04_ParkStyleKeepsTheTurn()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.OtpAsked(id));
        var check = turn.VerifyOtpAsync("1");
        await Link.AnswerAsync("verify_otp", Frames.OtpVerified);
        await check.Soon();
        await Link.SendAsync(Frames.Token(turn.RequestId, "Paid"));
        await Link.SendAsync(Frames.Final(turn.RequestId, "null"));
        (await turn).Text.ShouldBe("Paid");
    }

    [Fact]
    public async Task REQ_OTP_05_ADeclineNeedsTheCapability()
    {
        var client = await ConnectedAsync();
        var plain = await AskedAsync(client, id => Frames.OtpAsked(id));
        await plain.DeclineAsync(QuestionKind.Otp).FailsAsync<UnsupportedException>();
        await Link.SendAsync(Frames.Final(plain.RequestId));
        await plain.Completion.Soon();

        var starting = client.StartConversationAsync(new() { AgentId = Frames.Agent });
        await Link.AnswerAsync("create_conversation_session", id => Frames.SessionOpened(id, "[\"otp_park\"]"));
        (await starting.Soon()).Capabilities.ShouldBe(["otp_park"]);
        var parked = await AskedAsync(client, id => Frames.OtpAsked(id));
        var decline = parked.DeclineAsync(QuestionKind.Otp);
        var sent = await Link.AnswerAsync("verify_otp", id => Frames.Immediate(id, 200, """{"declined":true}"""));
        (sent["declined"]!.GetValue<bool>(), sent.ContainsKey("code")).ShouldBe((true, false));
        await decline.Soon();
    }

    [Fact]
    public async Task REQ_VERB_06_AWaitingCodeOutlivesSettlementButNotTheLink()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.OtpAsked(id));
        var check = turn.VerifyOtpAsync("1");
        await Link.ReceiveAsync();
        await Link.SendAsync(Frames.Final(turn.RequestId));
        await turn.Completion.Soon();
        check.IsCompleted.ShouldBeFalse();
        Link.Drop();
        await check.FailsAsync<ConnectionLostException>();
    }

    [Fact]
    public async Task REQ_OTP_06_NoErrorHoldsTheCode()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.OtpAsked(id));
        var check = turn.VerifyOtpAsync("482913");
        await AdvanceAsync(30);
        (await check.FailsAsync<RequestTimeoutException>()).ToString().ShouldNotContain("482913");
        Logged.ShouldNotContain(entry => entry.Message.Contains("482913", StringComparison.Ordinal));
    }
}
