namespace SmooAI.SmoothOperator.Tests.Turns;

/// <summary>Long streams: bounded items, whole text, one reader apart from the other.</summary>
public sealed class StreamTests : ClientTest
{
    private const int Tokens = 3_000;

    [Fact]
    public async Task REQ_TURN_21_ALateReaderSeesTheWholeTextInBoundedItems()
    {
        var turn = await StreamedAsync(_ => Frames.Token(_, "ab "));
        var items = (await turn.ToListAsync().Soon()).OfType<StreamTokenEvent>().ToList();

        items.Count.ShouldBeLessThanOrEqualTo(ItemQueue.MostItems);
        items.Sum(item => item.Merged).ShouldBe(Tokens);
        string.Concat(items.Select(item => item.Token)).ShouldBe(string.Concat(Enumerable.Repeat("ab ", Tokens)));
        turn.Items.OfType<StreamTokenEvent>().Sum(item => item.Merged).ShouldBe(Tokens);
    }

    [Fact]
    public async Task REQ_TURN_21_AReaderInTimeSeesEveryItemAsItCame()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        var seen = 0;
        var reading = Task.Run(async () =>
        {
            await foreach (var item in turn)
            {
                (item is StreamTokenEvent { Merged: > 1 }).ShouldBeFalse();
                Interlocked.Increment(ref seen);
            }
        });
        for (var sent = 1; sent <= Tokens; sent++)
        {
            await Link.SendAsync(Frames.Token(turn.RequestId, "ab "));
            if (sent % 500 == 0)
            {
                await Waiting.UntilAsync(() => Volatile.Read(ref seen) == sent);
            }
        }
        await Link.SendAsync(Frames.Final(turn.RequestId));
        await reading.Soon();
        seen.ShouldBe(Tokens + 1);
    }

    [Fact]
    public async Task REQ_TURN_22_AReaderThatIsTooSlowEndsAlone()
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        await using var slow = turn.GetAsyncEnumerator();
        var reading = turn.ToListAsync();
        for (var sent = 1; sent <= ItemQueue.MostItems + 2; sent++)
        {
            await Link.SendAsync(Frames.Chunk(turn.RequestId, "{}"));
            if (sent % 500 == 0)
            {
                await SettledAsync(client);
            }
        }
        await Link.SendAsync(Frames.Final(turn.RequestId));

        (await turn.Completion.Soon()).Outcome.ShouldBe(TurnOutcome.Completed);
        (await reading.Soon()).Count.ShouldBe(ItemQueue.MostItems + 3);
        var taken = 0;
        var error = await Should.ThrowAsync<SlowConsumerException>(async () =>
        {
            while (await slow.MoveNextAsync().Soon())
            {
                taken++;
            }
        });
        taken.ShouldBe(ItemQueue.MostItems);
        error.RequestId.ShouldBe(turn.RequestId);
    }

    [Fact]
    public async Task REQ_TURN_15_TheTextIsWholeWhoeverReads()
    {
        var turn = await StreamedAsync(id => Frames.Token(id, "é"), response: "{}");
        var result = await turn.Completion.Soon();
        result.Text.ShouldBe(new string('é', Tokens));
        turn.PartialText.ShouldBe(result.Text);
    }

    /// <summary>A turn that ended before anybody looked at its items.</summary>
    private async Task<ITurn> StreamedAsync(Func<string, string> frame, string response = "\"Done\"")
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        for (var sent = 0; sent < Tokens; sent++)
        {
            await Link.SendAsync(frame(turn.RequestId));
        }
        await Link.SendAsync(Frames.Final(turn.RequestId, response));
        await turn.Completion.Soon();
        return turn;
    }
}
