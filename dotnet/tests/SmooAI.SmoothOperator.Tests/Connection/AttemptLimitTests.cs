namespace SmooAI.SmoothOperator.Tests.Linking;

public sealed class AttemptLimitTests
{
    private readonly List<LogEntry> _logged = [];

    [Fact]
    public void REQ_CONN_05_AnAttemptThatHasEndedCanBeGivenUp()
    {
        var limit = NewLimit();
        limit.Dispose();
        limit.GiveUp();
        limit.Token.IsCancellationRequested.ShouldBeFalse();
    }

    [Fact]
    public void REQ_CONN_05_AnAttemptThatWasGivenUpCanEnd()
    {
        var limit = NewLimit();
        limit.GiveUp();
        limit.Dispose();
        limit.Token.IsCancellationRequested.ShouldBeTrue();
    }

    [Fact]
    public void REQ_CONN_05_WhatHangsOnTheTokenOfAnAttemptDisturbsNobody()
    {
        using var limit = NewLimit();
        using var hanging = limit.Token.Register(() => throw new InvalidOperationException("a provider's own"));
        limit.GiveUp();
        _logged.ShouldHaveSingleItem().Severity.ShouldBe(LogSeverity.Warning);
    }

    private AttemptLimit NewLimit() => new(TimeSpan.FromSeconds(10), TimeProvider.System, new Log(_logged.Add));
}
