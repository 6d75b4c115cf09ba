using System.Text.Json;

namespace SmooAI.SmoothOperator.Tests.Requests;

/// <summary>A server that kept a question over a restart goes on with the whole turn under the answer's id.</summary>
public sealed class AdoptedTurnTests : ClientTest
{
    private const string Id = "req-elsewhere";

    [Fact]
    public async Task REQ_VERB_15_ALoneConfirmHandsOutTheTurnThatBeginsWithIt()
    {
        var client = await ConnectedAsync();
        var confirming = client.ConfirmToolActionAsync(new() { RequestId = Id, SessionId = Frames.Session, Approved = true });
        await Link.AnswerAsync("confirm_tool_action", Frames.Accepted);
        var turn = (await confirming.Soon()).ShouldNotBeNull();

        (turn.RequestId, turn.SessionId, turn.State).ShouldBe((Id, Frames.Session, TurnState.Running));
        await Link.SendAsync(Frames.Token(Id, "Pa"));
        await Link.SendAsync(Frames.Token(Id, "id"));
        await Link.SendAsync(Frames.Final(Id, "{}"));
        (await turn.Completion.Soon()).Text.ShouldBe("Paid");
    }

    [Fact]
    public async Task REQ_VERB_15_ALoneSubmitHandsItOutInItsResult()
    {
        var client = await ConnectedAsync();
        var submitting = client.SubmitInteractionAsync(Submission());
        await Link.AnswerAsync("submit_interaction", Frames.Accepted);
        var result = await submitting.Soon();

        (result.Accepted, result.ToString()).ShouldBe((true, "accepted"));
        var turn = result.Turn.ShouldNotBeNull();
        Link.Drop();
        (await turn.Completion.FailsAsync<TurnInterruptedException>()).Sent.ShouldBeTrue();
    }

    [Theory]
    [InlineData(200)]
    [InlineData(204)]
    public async Task REQ_VERB_08_AnotherStatusAcknowledgesAndBeginsNothing(int status)
    {
        var client = await ConnectedAsync();
        var submitting = client.SubmitInteractionAsync(Submission());
        await Link.AnswerAsync("submit_interaction", id => Frames.Immediate(id, status));
        (await submitting.Soon()).Turn.ShouldBeNull();
    }

    [Fact]
    public async Task REQ_VERB_15_AcceptanceBehindAnotherFrameIsTheTurnsOwn()
    {
        var client = await ConnectedAsync();
        var confirming = client.ConfirmToolActionAsync(new() { RequestId = Id, SessionId = Frames.Session, Approved = true });
        await Link.AnswerAsync("confirm_tool_action", id => Frames.Token(id, "x"));
        await Link.SendAsync(Frames.Accepted(Id));
        await SettledAsync(client);
        confirming.IsCompleted.ShouldBeFalse();
        await Link.SendAsync(Frames.Immediate(Id, 200));
        (await confirming.Soon()).ShouldBeNull();
    }

    private static SubmitInteractionAction Submission() => new()
    {
        RequestId = Id,
        SessionId = Frames.Session,
        InteractionId = "i-1",
        Kind = "identity_intake",
        Values = JsonElement.Parse("{}"),
    };
}
