using SmooAI.SmoothOperator.Testing;

namespace SmooAI.SmoothOperator.Tests.Kit;

/// <summary>A session of a real server, kept in a file and given back.</summary>
public sealed class CassetteTests
{
    [Fact]
    public async Task WhatWasRecordedIsGivenBack()
    {
        var path = Path.GetTempFileName();
        await using (var real = new FakeServer())
        {
            real.OnMessage().Otp("042").Tokens("Order ", "7.").Finish();
            var url = await real.ListenAsync();
            await using var recorder = new CassetteRecorder(path);
            await using var client = new SmoothAgentClient(recorder.Tap(new() { Url = url, Lazy = true }));
            (await TalkAsync(client)).ShouldBe("Order 7.");
        }
        File.ReadAllText(path).ShouldNotContain("042");

        await using var server = FakeServer.ReplayOf(path);
        (await TalkAsync(server.Client())).ShouldBe("Order 7.");
        server.Unmatched.ShouldBeEmpty();
        await Should.ThrowAsync<SmoothAgentException>(() => server.Client().ListConversationsAsync(new()).Soon());
        server.Unmatched.ShouldBe(["list_conversations"]);
        File.Delete(path);
    }

    private static async Task<string> TalkAsync(SmoothAgentClient client)
    {
        var chat = await client.StartConversationAsync(new() { AgentId = FakeServer.AgentId }, FakeHandlers.Code("042")).Soon();
        return (await chat.AskAsync("my orders").Soon()).Text;
    }
}
