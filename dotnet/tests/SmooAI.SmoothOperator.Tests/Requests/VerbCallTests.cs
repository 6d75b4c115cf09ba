namespace SmooAI.SmoothOperator.Tests.Calls;

public sealed class VerbCallTests : ClientTest
{
    [Fact]
    public async Task REQ_VERB_08_VerbsOfTheClientActOnTheLiveTurn()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id, ",\"confirmationId\":\"k-1\""));
        var verb = client.ConfirmToolActionAsync(new() { RequestId = turn.RequestId, SessionId = Frames.Session, Approved = true });
        var sent = await Link.AnswerAsync("confirm_tool_action", id => Frames.Immediate(id, 200));
        sent["confirmationId"]!.ToString().ShouldBe("k-1");
        await verb.Soon();
        await turn.ConfirmAsync(true).FailsAsync<AlreadyAnsweredException>();
        var cancel = client.CancelAsync(new() { RequestId = turn.RequestId });
        await Link.AnswerAsync("cancel", Frames.Cancelled);
        await cancel.Soon();
        turn.Outcome.ShouldBe(TurnOutcome.Cancelled);
    }

    [Fact]
    public async Task REQ_VERB_08_WithoutALiveTurnTheyAreCalls()
    {
        var client = await ConnectedAsync();
        var confirm = client.ConfirmToolActionAsync(new() { RequestId = "other", SessionId = "s", Approved = false });
        await Link.AnswerAsync("confirm_tool_action", id => Frames.Token(id, "not the answer"));
        await Link.SendAsync(Frames.Immediate("other", 200));
        await confirm.Soon();

        var otp = client.VerifyOtpAsync(new() { RequestId = "other", SessionId = "s", Code = "1" });
        await Link.AnswerAsync("verify_otp", id => Frames.OtpInvalid(id, 2));
        (await otp.Soon()).AttemptsRemaining.ShouldBe(2);

        var submit = client.SubmitInteractionAsync(new() { RequestId = "other", SessionId = "s", InteractionId = "i" });
        await Link.AnswerAsync("submit_interaction", id => Frames.Error(id, "NO_PENDING_INTERACTION"));
        (await submit.FailsAsync<NoPendingQuestionException>()).Code.ShouldBe("NO_PENDING_INTERACTION");

        await client.CancelAsync(new() { RequestId = "other", SessionId = "s" }).Soon();
        (await Link.ReceiveAsync())["action"]!.ToString().ShouldBe("cancel");
    }

    [Fact]
    public async Task REQ_VERB_08_TheirLimitLossAndCancellationHoldAsForCalls()
    {
        var client = await ConnectedAsync();
        ConfirmToolActionAction Ask(string id) => new() { RequestId = id, SessionId = "s", Approved = true };
        var late = client.ConfirmToolActionAsync(Ask("a"));
        await AdvanceAsync(30);
        await late.FailsAsync<RequestTimeoutException>();
        using var stop = new CancellationTokenSource();
        var cancelled = client.ConfirmToolActionAsync(Ask("b"), stop.Token);
        await stop.CancelAsync();
        await cancelled.FailsAsync<OperationCanceledException>();
        var lost = client.ConfirmToolActionAsync(Ask("c"));
        Link.Drop();
        await lost.FailsAsync<ConnectionLostException>();
        await client.ConfirmToolActionAsync(Ask("d")).FailsAsync<NotConnectedException>();
    }
}
