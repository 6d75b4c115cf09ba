using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using SmooAI.SmoothOperator.Extensions.AI;
using SmooAI.SmoothOperator.Testing;

namespace SmooAI.SmoothOperator.Tests.Extensions;

/// <summary>An agent behind <see cref="IChatClient"/> in a pipeline that answers what it asks: the loop of the package's README.</summary>
public sealed class ChatLoopTests
{
    [Theory]
    [InlineData(true, "Refunded.")]
    [InlineData(false, "Left as it is.")]
    public async Task ALoopApprovesAndTheAgentGoesOn(bool approves, string answer)
    {
        await using var server = new FakeServer();
        server.OnMessage("refund")
            .Chunk("tools", toolCall: new() { Name = "find_order", CallId = "c-1" })
            .Confirm("refund order 7", "refund", rejected: reply => reply.Tokens("Left ", "as it is.").Finish())
            .Tokens("Refund", "ed.").Finish();
        var asked = new List<string>();
        using var chat = new ApprovingChatClient((await server.StartConversationAsync().Soon()).AsChatClient(), request =>
        {
            asked.Add(((FunctionCallContent)request.ToolCall).Name);
            return approves;
        });

        (await chat.GetResponseAsync("please refund order 7").Soon()).Text.ShouldBe(answer);
        string.Concat(await chat.GetStreamingResponseAsync("and refund order 8").ToListAsync().Soon()).ShouldBe(answer);

        asked.ShouldBe(["refund", "refund"]);
        server.Sent("send_message").Count.ShouldBe(2);
        server.Sent("confirm_tool_action").ShouldAllBe(frame => (bool)frame["approved"]! == approves);
        server.Sent("cancel").ShouldBeEmpty();
    }

    [Fact]
    public async Task ALinkThatIsCutWhileTheAgentWaitsCostsNothing()
    {
        await using var server = new FakeServer();
        server.OnMessage("refund").Confirm("refund order 7").Cut(1006).Tokens("Refund", "ed.").Finish();
        using var chat = (await server.StartConversationAsync().Soon()).AsChatClient();
        var response = await chat.GetResponseAsync("refund").Soon();
        var request = (ToolApprovalRequestContent)response.Messages[^1].Contents[^1];
        var going = chat.GetResponseAsync([new(ChatRole.User, [request.CreateResponse(true)])]);
        await server.Clock.AdvanceAsync(TimeSpan.FromSeconds(5)).Soon();
        (await going.Soon()).Text.ShouldBe("Refunded.");
        server.Connections.ShouldBe(2);
    }

    /// <summary>Answers approvals in place of a person, as loops of applications do.</summary>
    private sealed class ApprovingChatClient(IChatClient inner, Func<ToolApprovalRequestContent, bool> policy) : DelegatingChatClient(inner)
    {
        public override async Task<ChatResponse> GetResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
            await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

        public override async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages,
            ChatOptions? options = null,
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            for (var next = messages; next is not null;)
            {
                ToolApprovalRequestContent? request = null;
                await foreach (var update in base.GetStreamingResponseAsync(next, options, cancellationToken))
                {
                    request = update.Contents.OfType<ToolApprovalRequestContent>().SingleOrDefault();
                    yield return update;
                }
                next = request is null ? null : [new ChatMessage(ChatRole.User, [request.CreateResponse(policy(request))])];
            }
        }
    }
}
