using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Tests.Turns;

/// <summary>Handlers of questions, as far as frames cannot show it: causes, what they are shown, close, the log.</summary>
public sealed class HandlerTests : ClientTest
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _go = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task REQ_ASK_07_TheCauseIsWhatTheHandlerThrewAndNoTextTellsIt()
    {
        var client = await HandledAsync(new() { Confirm = (_, _) => throw new KeyNotFoundException("ada@example.com") });
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Confirm(turn.RequestId));
        var error = await turn.Completion.FailsAsync<HandlerException>();
        (error.Question, error.RequestId, error.SessionId).ShouldBe((QuestionKind.Confirmation, turn.RequestId, Frames.Session));
        error.InnerException.ShouldBeOfType<KeyNotFoundException>();
        error.Message.ShouldNotContain("ada");
        ((bool)(await Link.ReceiveAsync())["approved"]!).ShouldBeFalse();
        (await Link.ReceiveAsync())["action"]!.ToString().ShouldBe("cancel");
    }

    [Fact]
    public async Task REQ_ASK_07_AHandlerThatCancelsItselfFails()
    {
        var client = await HandledAsync(new() { Confirm = (_, _) => throw new OperationCanceledException() });
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Confirm(turn.RequestId));
        (await turn.Completion.FailsAsync<HandlerException>()).InnerException.ShouldBeOfType<OperationCanceledException>();
    }

    [Fact]
    public async Task REQ_ASK_07_ALimitThatIsOverIsTheCause()
    {
        var client = await ConnectedAsync(o => o with
        {
            HandlerTimeout = TimeSpan.FromSeconds(3),
            Handlers = new() { Confirm = async (_, signal) => await HangAsync(signal) },
        });
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Confirm(turn.RequestId));
        await _begun.Task.Soon();
        await AdvanceAsync(3);
        (await turn.Completion.FailsAsync<HandlerException>()).InnerException.ShouldBeOfType<TimeoutException>();
    }

    [Fact]
    public async Task REQ_ASK_03_AHandlerIsShownWhatWasWrong()
    {
        var asked = new List<InteractionAsk>();
        var codes = new List<OtpAsk>();
        var client = await HandledAsync(new()
        {
            Otp = (ask, _) =>
            {
                codes.Add(ask);
                return new("1");
            },
            Interaction = new Dictionary<string, InteractionHandler>
            {
                ["identity_intake"] = (ask, _) =>
                {
                    asked.Add(ask);
                    return new(new JsonObject { ["email"] = "no" });
                },
            },
        });
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Interaction(turn.RequestId));
        (await Link.ReceiveAsync())["values"]!.ToJsonString().ShouldBe("""{"email":"no"}""");
        await Link.SendAsync(Frames.InteractionInvalid(turn.RequestId));
        await Link.ReceiveAsync();
        (asked[0].Reason, asked[0].Errors.Count, asked[0].Message).ShouldBe(("who", 0, null));
        (asked[1].Errors[0].Field, asked[1].Message).ShouldBe(("email", "once more"));
        await Link.SendAsync(Frames.OtpSent(turn.RequestId));
        (await Link.ReceiveAsync())["code"]!.ToString().ShouldBe("1");
        (codes[0].MaskedDestination, codes[0].Prompt, codes[0].ToolId).ShouldBe(("a***@example.com", "a***@example.com", null));
        codes[0].ToString().ShouldBe("OtpAsk");
    }

    [Fact]
    public async Task REQ_ASK_06_CloseEndsAHandlerAndWaitsForIt()
    {
        var isOver = false;
        var client = await HandledAsync(new()
        {
            Confirm = async (_, signal) =>
            {
                try
                {
                    return await HangAsync(signal);
                }
                finally
                {
                    await Task.Delay(20, CancellationToken.None);
                    isOver = true;
                }
            },
        });
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Confirm(turn.RequestId));
        await _begun.Task.Soon();
        var closing = client.CloseAsync();
        await Link.ClosedAsync();
        await closing.Soon();
        isOver.ShouldBeTrue();
        await turn.Completion.FailsAsync<ClientClosedException>();
    }

    [Fact]
    public async Task REQ_ASK_06_AHandlerThatWillNotEndIsNotListenedTo()
    {
        var client = await HandledAsync(new()
        {
            Confirm = async (_, _) =>
            {
                _begun.SetResult();
                await _go.Task;
                return true;
            },
        });
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.Confirm(turn.RequestId));
        await _begun.Task.Soon();
        var verb = turn.ConfirmAsync(false);
        var sent = await Link.AnswerAsync("confirm_tool_action", id => Frames.Immediate(id, 200));
        ((bool)sent["approved"]!).ShouldBeFalse();
        await verb.Soon();
        _go.SetResult();
        await SettledAsync(client);
        await Link.SendAsync(Frames.Final(turn.RequestId));
        (await turn.Completion.Soon()).Text.ShouldBe("Done");
    }

    [Fact]
    public async Task REQ_CONN_05_AHandlerMayCloseItsClient()
    {
        var client = await ConnectedAsync();
        var turn = client.SendMessage(new() { SessionId = Frames.Session, Message = "x" }, new Handlers
        {
            Confirm = async (_, _) =>
            {
                await client.CloseAsync();
                _go.SetResult();
                return true;
            },
        });
        await Link.AnswerAsync("send_message", id => Frames.Confirm(id));
        await Link.ClosedAsync();
        await _go.Task.Soon();
        await turn.Completion.FailsAsync<ClientClosedException>();
    }

    [Fact]
    public async Task REQ_ASK_10_AQuestionThatNobodyLooksAtIsLogged()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        await AdvanceAsync(4.999);
        Warnings("A question").ShouldBeEmpty();
        await AdvanceAsync(20);
        Warnings("A question").ShouldBe(
            [$"A question (confirmation) of {turn.RequestId} waits: it has no handler, and nobody iterates its turn."]);
    }

    [Fact]
    public async Task REQ_ASK_10_AQuestionOfATurnThatIsIteratedIsNot()
    {
        var client = await ConnectedAsync();
        var turn = await AskedAsync(client, id => Frames.Confirm(id));
        await using var items = turn.GetAsyncEnumerator();
        await AdvanceAsync(20);
        Warnings("A question").ShouldBeEmpty();
    }

    [Fact]
    public async Task REQ_ASK_07_AFailureAfterTheTurnIsLoggedWithoutItsText()
    {
        var client = await ConnectedAsync(o => o with
        {
            ResendAfterOtp = false,
            Handlers = new()
            {
                Otp = async (_, _) =>
                {
                    await _go.Task;
                    throw new KeyNotFoundException("012345");
                },
            },
        });
        var turn = await RunningAsync(client);
        await Link.SendAsync(Frames.OtpSent(turn.RequestId));
        await Link.SendAsync(Frames.Final(turn.RequestId));
        (await turn.Completion.Soon()).Text.ShouldBe("Done");
        _go.SetResult();
        await Waiting.UntilAsync(() => Warnings("A handler").Any());
        Warnings("A handler").ShouldBe([$"A handler of {turn.RequestId} failed: KeyNotFoundException."]);
    }

    [Fact]
    public async Task REQ_ASK_11_ATurnThatWaitsForItsCodeRuns()
    {
        var client = await HandledAsync(new()
        {
            Otp = async (_, _) =>
            {
                await _go.Task;
                return "012345";
            },
        });
        var turn = await RunningAsync(client);
        var first = turn.RequestId;
        await Link.SendAsync(Frames.Token(first, "a code"));
        await Link.SendAsync(Frames.OtpSent(first));
        await Link.SendAsync(Frames.Final(first));
        await Waiting.UntilAsync(() => turn.Items.Count == 3);
        (turn.State, turn.Outcome, client.Counters.OpenTurns).ShouldBe((TurnState.Running, null, 1));
        _go.SetResult();
        await Link.AnswerAsync("verify_otp", Frames.OtpVerified);
        await Link.AnswerAsync("send_message", id => Frames.Token(id, "order"));
        turn.RequestId.ShouldNotBe(first);
        await Link.SendAsync(Frames.Final(turn.RequestId, "null"));
        (await turn.Completion.Soon()).Text.ShouldBe("order");
        turn.PartialText.ShouldBe("order");
        (await turn.TextStream.ToListAsync().Soon()).ShouldBe(["a code", "order"]);
    }

    [Fact]
    public void REQ_ASK_01_TheNearestHandlerOfAKindCounts()
    {
        ConfirmHandler far = (_, _) => new(true), near = (_, _) => new(false);
        OtpHandler code = (_, _) => new("1");
        var merged = Handlers.Merged(new() { Confirm = far, Otp = code }, null, new() { Confirm = near });
        (merged.Confirm, merged.Otp).ShouldBe((near, code));
        Handlers.Merged(null, null).Confirm.ShouldBeNull();
        InteractionHandler form = (_, _) => new((JsonObject?)null);
        new Handlers { Interaction = new Dictionary<string, InteractionHandler> { ["choices"] = form, ["of_tomorrow"] = form } }
            .Words().ShouldBe(["choice_chips"]);
    }

    private Task<SmoothAgentClient> HandledAsync(Handlers handlers) => ConnectedAsync(o => o with { Handlers = handlers });

    private IEnumerable<string> Warnings(string begin) => Logged
        .Where(line => line.Severity == LogSeverity.Warning && line.Message.StartsWith(begin, StringComparison.Ordinal))
        .Select(line => line.Message);

    private async Task<bool> HangAsync(CancellationToken signal)
    {
        _begun.SetResult();
        await Task.Delay(Timeout.InfiniteTimeSpan, signal);
        return true;
    }
}
