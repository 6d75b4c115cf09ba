namespace SmooAI.SmoothOperator.Tests.Calls;

public sealed class CallTests : ClientTest
{
    [Fact]
    public async Task REQ_CALL_07_EverySessionListsTheCapabilities()
    {
        var client = await ConnectedAsync(o => o with { AutoReconnect = true, Supports = ["choice_chips", "spec_1_1"] });
        var call = client.CreateConversationSessionAsync(new() { AgentId = Frames.Agent, Supports = ["zeta", "alpha"] });
        var sent = await Link.AnswerAsync("create_conversation_session", id => Frames.SessionOpened(id));
        sent["supports"]!.ToJsonString().ShouldBe("""["alpha","choice_chips","otp_park","replay","spec_1_1","spec_1_2","zeta"]""");
        sent.Select(member => member.Key).ShouldBe(["action", "requestId", "agentId", "supports"]); // REQ-CALL-04
        (await call.Soon()).SessionId.ShouldBe(Frames.Session);
    }

    [Fact]
    public async Task REQ_CALL_02_WithoutAnAnswerTheCallFailsAndTheLateOneIsSilent()
    {
        var client = await ConnectedAsync();
        var pushed = 0;
        client.EventReceived += (_, _) => pushed++;
        var call = client.PingAsync();
        await Link.ReceiveAsync();
        await AdvanceAsync(29.9);
        call.IsCompleted.ShouldBeFalse();
        await AdvanceAsync(0.1);
        var error = await call.FailsAsync<RequestTimeoutException>();
        (error.RequestId, error.Retryable).ShouldBe(("req-1", true));
        await Link.SendAsync(Frames.Pong("req-1"));
        await SettledAsync(client);
        pushed.ShouldBe(0);
    }

    [Fact]
    public async Task REQ_CALL_03_TheFirstKnownEventDecides()
    {
        var client = await ConnectedAsync();
        var failed = client.GetSessionAsync(new() { SessionId = "s" });
        await Link.AnswerAsync("get_session", id => Frames.Error(id, "SESSION_NOT_FOUND"));
        var missing = await failed.FailsAsync<SessionNotFoundException>();
        (missing.Code, missing.RequestId, missing.SessionId).ShouldBe(("SESSION_NOT_FOUND", "req-1", "s"));

        var refused = client.GetSessionAsync(new() { SessionId = "s" });
        await Link.AnswerAsync("get_session", id => Frames.Immediate(id, 503));
        (await refused.FailsAsync<ProtocolException>()).Details.Status.ShouldBe(503);

        var odd = client.GetSessionAsync(new() { SessionId = "s" });
        await Link.AnswerAsync("get_session", Frames.Pong);
        (await odd.FailsAsync<UnexpectedEventException>()).Event.ShouldBeOfType<PongEvent>();

        var patient = client.PingAsync();
        await Link.AnswerAsync("ping", Frames.Keepalive);
        await Link.SendAsync("""{"type":"stream_video","requestId":"req-4"}""");
        await Link.SendAsync(Frames.Pong("req-4"));
        await patient.Soon();
    }

    [Fact]
    public async Task REQ_WIRE_03_ABrokenAnswerFailsTheCall()
    {
        var client = await ConnectedAsync();
        var broken = client.GetSessionAsync(new() { SessionId = "s" });
        await Link.AnswerAsync("get_session", id => Frames.Immediate(id, 200, """{"sessionId":7}"""));
        var error = await broken.FailsAsync<InvalidFrameException>();
        (error.Details.Pointer, error.Details.FrameType).ShouldBe(("/data/sessionId", "immediate_response"));

        var envelope = client.GetSessionAsync(new() { SessionId = "s" });
        await Link.AnswerAsync("get_session", id => Frames.Immediate(id, 200, "7"));
        (await envelope.FailsAsync<InvalidFrameException>()).Details.Pointer.ShouldBe("/data");
    }

    [Fact]
    public async Task REQ_CALL_06_PingNeverInventsAServerTime()
    {
        var client = await ConnectedAsync();
        var ping = client.PingAsync();
        await Link.ReceiveAsync();
        await AdvanceAsync(0.25);
        await Link.SendAsync("""{"type":"pong","requestId":"req-1"}""");
        (await ping.Soon()).ShouldBe(new Pong(null, 250));
    }

    [Fact]
    public async Task REQ_CALL_01_AnIdInFlightIsRefusedBeforeAnythingIsSent()
    {
        var client = await ConnectedAsync();
        var turn = client.SendMessage(new() { SessionId = "s", Message = "a", RequestId = "mine" });
        Should.Throw<ArgumentException>(() => client.SendMessage(new() { SessionId = "s", Message = "b", RequestId = "mine" }));
        await Link.AnswerAsync("send_message", id => Frames.Final(id));
        await turn.Completion.Soon();
        await SettledAsync(client); // the next frame is the ping: nothing was sent in between
    }

    [Fact]
    public async Task REQ_CALL_09_NativeCancellationOnlyEndsTheWait()
    {
        var client = await ConnectedAsync();
        using var stop = new CancellationTokenSource();
        var call = client.PingAsync(stop.Token);
        await Link.ReceiveAsync();
        await stop.CancelAsync();
        (await call.FailsAsync<OperationCanceledException>()).CancellationToken.ShouldBe(stop.Token);
        await client.PingAsync(stop.Token).FailsAsync<OperationCanceledException>();
        await SettledAsync(client);
    }

    [Fact]
    public async Task REQ_CALL_09_AFrameThatWasNotWrittenIsTakenBack()
    {
        var hold = new TaskCompletionSource();
        Peer.Hold = hold.Task;
        var client = NewClient();
        var connecting = client.ConnectAsync();
        using var stop = new CancellationTokenSource();
        var call = client.GetSessionAsync(new() { SessionId = "s" }, stop.Token);
        var ping = client.PingAsync();
        await stop.CancelAsync();
        await call.FailsAsync<OperationCanceledException>();
        hold.SetResult();
        await connecting.Soon();
        await (await Peer.LinkAsync()).AnswerAsync("ping", Frames.Pong);
        await ping.Soon();
    }

    [Fact]
    public async Task REQ_CALL_10_AMessageTooLargeIsRefusedBeforeItIsSent()
    {
        var client = await ConnectedAsync();
        var turn = client.SendMessage(new() { SessionId = "s", Message = "m", Images = [new() { Url = new string('x', 1024 * 1024) }] });
        (await turn.Completion.FailsAsync<MessageTooLargeException>()).Details.LimitBytes.ShouldBe(1024 * 1024);
        var call = client.ListConversationsAsync(new() { Cursor = new string('x', 1024 * 1024) });
        await call.FailsAsync<MessageTooLargeException>();
        await SettledAsync(client);
    }

    [Fact]
    public async Task REQ_CONN_16_FramesLeaveInTheOrderOfTheCalls()
    {
        var client = await ConnectedAsync();
        var calls = Enumerable.Range(0, 200).Select(n => n % 2 == 0
            ? (Task)client.GetSessionAsync(new() { SessionId = $"{n}" })
            : client.SendMessage(new() { SessionId = $"{n}", Message = new string('m', 3000) }).Completion).ToList();
        for (var n = 0; n < calls.Count; n++)
        {
            (await Link.ReceiveAsync())["sessionId"]!.ToString().ShouldBe($"{n}");
        }
        Link.Drop();
        foreach (var call in calls)
        {
            await call.FailsAsync<ConnectionLostException>();
        }
    }

    [Fact]
    public async Task REQ_CONN_18_WritesWaitForThePlatformAndCallersDoNot()
    {
        var client = await ConnectedAsync();
        var picture = new ImageAttachment { Url = new string('m', 900 * 1024) };
        var turns = Enumerable.Range(0, 12).Select(n => client.SendMessage(new() { SessionId = $"{n}", Message = "m", Images = [picture] })).ToList();
        for (var n = 0; n < turns.Count; n++)
        {
            (await Link.AnswerAsync("send_message", id => Frames.Final(id)))["sessionId"]!.ToString().ShouldBe($"{n}");
        }
        await Task.WhenAll(turns.Select(turn => turn.Completion)).Soon();
    }

    [Fact]
    public async Task REQ_CONN_17_AnyThreadMayUseTheClient()
    {
        var client = await ConnectedAsync();
        var serving = Task.Run(async () =>
        {
            for (var n = 0; n < 400; n++)
            {
                await Link.AnswerAsync("ping", Frames.Pong);
            }
        });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (var n = 0; n < 50; n++)
            {
                await client.PingAsync();
            }
        }))).Soon();
        await serving.Soon();
    }

    [Fact]
    public async Task REQ_TURN_06_OnlyTheLastSettledIdsAreRemembered()
    {
        var ids = new SettledIds();
        for (var n = 0; n < 3000; n++)
        {
            ids.Add($"r{n}");
        }
        (ids.Count, ids.Contains("r2999"), ids.Contains("r1976"), ids.Contains("r1975")).ShouldBe((1024, true, true, false));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task TheOtherCallsGiveTheirTypedResults()
    {
        var client = await ConnectedAsync();
        var list = client.ListConversationsAsync();
        await Link.AnswerAsync("list_conversations", id => Frames.Immediate(id, 200, """{"conversations":[{"conversationId":"c","title":"t","updatedAt":"now","messageCount":2}]}"""));
        (await list.Soon()).Conversations.Single().MessageCount.ShouldBe(2);
        var rename = client.RenameConversationAsync(new() { ConversationId = "c", Title = "é" });
        await Link.AnswerAsync("rename_conversation", id => Frames.Immediate(id, 200, """{"conversationId":"c","title":"é"}"""));
        (await rename.Soon()).Title.ShouldBe("é");
    }
}
