using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator.Tests.Turns;

/// <summary>The machines of a turn together: order, verbs, and what rests. No socket, no clock.</summary>
public sealed class TurnStatesTests
{
    private readonly TurnStates _states = new((_, _, word) => word == "stream_token", rests: true);

    [Fact]
    public void REQ_TURN_27_WhatSettlesTheTurnIsToldToTheQuestionsInTheSameStep()
    {
        Step("write_confirmation_required").ShouldBe(["open", "item"]);
        _states.IsOpen("confirmation").ShouldBeTrue();
        Step("eventual_response").ShouldContain("shut");
        (_states.IsSettled, _states.AnyOpen).ShouldBe((true, false));
    }

    [Fact]
    public void REQ_OTP_03_AQuestionThatOutlivesItsTurnGoesOnAlone()
    {
        Step("otp_verification_required");
        Step("eventual_response");
        _states.AnyOutlives.ShouldBeTrue();
        Words(_states.Local(LocalEvent.Send, new() { MayHaveLeft = true })).ShouldBe(["shut"]);
        _states.AnyOutlives.ShouldBeFalse();
    }

    [Fact]
    public void REQ_VERB_10_AnExpiredQuestionIsShutBeforeTheItemIsShown()
    {
        Step("interaction_required");
        Step("stream_token").ShouldBe(["shut", "item"]);
    }

    [Fact]
    public void REQ_STOP_01_ATurnWhoseFrameHasNotLeftIsCancelledAtOnce() =>
        Words(_states.Local(LocalEvent.Cancel, new() { MayHaveLeft = false })).Last().ShouldBe("settle(cancelled, unconfirmed)");

    [Fact]
    public void REQ_TURN_02_AnEventRestsOnlyWhileItMovesNothing()
    {
        Step("stream_token");
        _states.Rest("stream_token");
        _states.Rests("stream_token").ShouldBeTrue();
        Step("otp_verification_required");
        _states.Rest("stream_token");
        _states.Rests("stream_token").ShouldBeFalse();
    }

    private static IEnumerable<string> Words(IEnumerable<TurnStep> steps) => steps.Select(step => step.Effect.Text);

    private IEnumerable<string> Step(string word) => Words(_states.Frame(WireCodec.Decode($$"""{"type":"{{word}}-of-tomorrow"}""").Event!, word, new()));
}
