using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Tests.Turns;

public sealed class QuestionTests : ClientTest
{
    [Fact]
    public async Task REQ_VERB_02_ConfirmAnswersUnderTheTurnsId()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        turn.OpenQuestions.Single().Kind.ShouldBe(QuestionKind.Confirmation); // REQ-VERB-01
        var verb = turn.ConfirmAsync(false);
        var sent = await Link.ReceiveAsync();
        sent.ToJsonString().ShouldBe(
            $$"""{"action":"confirm_tool_action","requestId":"{{turn.RequestId}}","sessionId":"{{Frames.Session}}","approved":false}""");
        turn.OpenQuestions.ShouldBeEmpty();
        await Link.SendAsync(Frames.Immediate(turn.RequestId, 200));
        await verb.Soon();
        await Link.SendAsync(Frames.Final(turn.RequestId)); // REQ-VERB-09
        (await turn).Text.ShouldBe("Done");
    }

    [Fact]
    public async Task REQ_VERB_03_AFrameAnswersTheOldestVerb()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        await Link.SendAsync(Frames.Interaction(turn.RequestId));
        await Waiting.UntilAsync(() => turn.OpenQuestions.Count == 2);
        var submit = turn.SubmitAsync(new JsonObject { ["name"] = "Ada" });
        var confirm = turn.ConfirmAsync(true);
        await Link.SendAsync(Frames.Accepted(turn.RequestId));
        await Link.SendAsync(Frames.Immediate(turn.RequestId, 200));
        (await submit.Soon()).Accepted.ShouldBeTrue();
        confirm.IsCompleted.ShouldBeFalse();
        await Link.SendAsync(Frames.Immediate(turn.RequestId, 200));
        await confirm.Soon();
    }

    [Fact]
    public async Task REQ_VERB_04_AVerbWithoutAnAnswerFailsAndTheTurnLives()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        var verb = turn.ConfirmAsync(true);
        await AdvanceAsync(30);
        (await verb.FailsAsync<RequestTimeoutException>()).RequestId.ShouldBe(turn.RequestId);
        turn.Outcome.ShouldBeNull();
        await turn.ConfirmAsync(true).FailsAsync<AlreadyAnsweredException>();
    }

    [Fact]
    public async Task REQ_VERB_05_WithoutAnOpenQuestionNothingIsSent()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        Task[] verbs = [turn.ConfirmAsync(true), turn.VerifyOtpAsync("1"), turn.SubmitAsync(new JsonObject()), turn.DeclineAsync()];
        foreach (var verb in verbs)
        {
            var error = await verb.FailsAsync<NoPendingQuestionException>();
            (error.Kind, error.Code).ShouldBe(("conflict", null));
        }
        await SettledAsync(client);
    }

    [Fact]
    public async Task REQ_VERB_06_SettlementEndsOutstandingVerbs()
    {
        var client = await ConnectedAsync();
        var completed = await AskedAsync(client, id => Frames.Confirm(id));
        var first = completed.ConfirmAsync(true);
        await Link.ReceiveAsync();
        await Link.SendAsync(Frames.Final(completed.RequestId));
        (await first.FailsAsync<NoPendingQuestionException>()).Kind.ShouldBe("conflict");
        var failed = await AskedAsync(client, id => Frames.Confirm(id));
        var second = failed.ConfirmAsync(true);
        await Link.ReceiveAsync();
        await Link.SendAsync(Frames.Error(failed.RequestId, "INTERNAL_ERROR"));
        (await second.FailsAsync<ServerFaultException>()).Code.ShouldBe("INTERNAL_ERROR");
    }

    [Fact]
    public async Task REQ_VERB_07_StoppingTheWaitForAVerbSendsNoCancel()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        using var stop = new CancellationTokenSource();
        var verb = turn.ConfirmAsync(true, stop.Token);
        await Link.ReceiveAsync();
        await stop.CancelAsync();
        await verb.FailsAsync<OperationCanceledException>();
        await turn.ConfirmAsync(true).FailsAsync<AlreadyAnsweredException>();
        await SettledAsync(client);
        await Link.SendAsync(Frames.Immediate(turn.RequestId, 200));
        await Link.SendAsync(Frames.Final(turn.RequestId));
        await turn.Completion.Soon();
    }

    [Fact]
    public async Task REQ_VERB_10_TheStreamClosesALapsedQuestion()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        await Link.SendAsync(Frames.Chunk(turn.RequestId, """{"toolCall":{"name":"pay"}}"""));
        await SettledAsync(client);
        turn.OpenQuestions.Count.ShouldBe(1);
        await Link.SendAsync(Frames.Token(turn.RequestId, "x"));
        await Waiting.UntilAsync(() => turn.OpenQuestions.Count == 0);
        await turn.ConfirmAsync(true).FailsAsync<NoPendingQuestionException>();
    }

    [Fact]
    public async Task REQ_FORM_01_FieldErrorsAreAResultAndTheQuestionIsOpenAgain()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Interaction(id));
        var first = turn.SubmitAsync(new JsonObject { ["email"] = "x" });
        var sent = await Link.AnswerAsync("submit_interaction", Frames.InteractionInvalid);
        (sent["interactionId"]!.ToString(), sent["kind"]!.ToString(), sent["values"]!.ToJsonString())
            .ShouldBe(("i-1", "identity_intake", """{"email":"x"}"""));
        var refused = await first.Soon();
        (refused.Accepted, refused.Errors.Single().Field, refused.Message).ShouldBe((false, "email", "once more"));
        turn.OpenQuestions.Count.ShouldBe(1);
        var second = turn.DeclineAsync();
        (await Link.AnswerAsync("submit_interaction", id => Frames.Immediate(id, 200)))["declined"]!.GetValue<bool>().ShouldBeTrue();
        await second.Soon();
    }

    [Fact]
    public async Task REQ_FORM_02_AMismatchReopensAndNoPendingCloses()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Interaction(id));
        var first = turn.SubmitAsync(new JsonObject());
        await Link.AnswerAsync("submit_interaction", id => Frames.Error(id, "INTERACTION_MISMATCH"));
        (await first.FailsAsync<NoPendingQuestionException>()).Code.ShouldBe("INTERACTION_MISMATCH");
        turn.OpenQuestions.Count.ShouldBe(1);
        var second = turn.SubmitAsync(new JsonObject());
        await Link.AnswerAsync("submit_interaction", id => Frames.Error(id, "NO_PENDING_INTERACTION"));
        await second.FailsAsync<NoPendingQuestionException>();
        turn.OpenQuestions.ShouldBeEmpty();
        turn.Outcome.ShouldBeNull();
    }

    [Fact]
    public async Task REQ_FORM_03_AnUnknownKindKeepsItsSpec()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Interaction(id, "palm_reading"));
        var asked = (InteractionRequiredEvent)turn.OpenQuestions.Single().Asked;
        (asked.Kind, asked.Spec.GetRawText()).ShouldBe(("palm_reading", """{"fields":[]}"""));
    }

    [Fact]
    public async Task REQ_ERR_05_WrongArgumentsSendNothing()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Interaction(id));
        Should.Throw<ArgumentException>(() => { _ = turn.SubmitAsync(System.Text.Json.JsonElement.Parse("[]")); });
        Should.Throw<ArgumentNullException>(() => { _ = turn.VerifyOtpAsync(null!); });
        Should.Throw<ArgumentOutOfRangeException>(() => { _ = turn.DeclineAsync(QuestionKind.Confirmation); });
        await SettledAsync(client);
    }
}
