using SmooAI.SmoothOperator.Testing;

namespace SmooAI.SmoothOperator.Tests.Testing;

public sealed class VirtualTimeProviderTests
{
    [Fact]
    public async Task REQ_TIME_01_DueTimersFireInOrderAtTheirTimes()
    {
        var clock = new VirtualTimeProvider();
        var fired = new List<string>();
        void Note(string name) => fired.Add($"{name}@{(clock.GetUtcNow() - new DateTimeOffset(2026, 1, 1, 0, 0, 0, default)).TotalSeconds}");
        using var late = clock.CreateTimer(_ => Note("late"), null, TimeSpan.FromSeconds(3), Timeout.InfiniteTimeSpan);
        using var early = clock.CreateTimer(
            _ =>
            {
                Note("early");
                clock.CreateTimer(_ => Note("caused"), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
            },
            null,
            TimeSpan.FromSeconds(1),
            Timeout.InfiniteTimeSpan);
        using var never = clock.CreateTimer(_ => Note("never"), null, TimeSpan.FromSeconds(9), Timeout.InfiniteTimeSpan);
        await clock.AdvanceAsync(TimeSpan.FromSeconds(5));
        fired.ShouldBe(["early@1", "caused@2", "late@3"]);
        clock.ActiveTimers.ShouldBe(1);
    }

    [Fact]
    public async Task PeriodicAndChangedTimersFollow()
    {
        var clock = new VirtualTimeProvider();
        var count = 0;
        var timer = clock.CreateTimer(_ => count++, null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        await clock.AdvanceAsync(TimeSpan.FromSeconds(6));
        count.ShouldBe(3);
        await timer.DisposeAsync();
        await clock.AdvanceAsync(TimeSpan.FromSeconds(6));
        (count, clock.ActiveTimers).ShouldBe((3, 0));
        await Should.ThrowAsync<ArgumentOutOfRangeException>(() => clock.AdvanceAsync(TimeSpan.FromSeconds(-1)));
    }
}
