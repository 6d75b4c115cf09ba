namespace SmooAI.SmoothOperator.Tests.Turns;

public sealed class ItemQueueTests
{
    private readonly Accumulator _text = new();
    private readonly ItemQueue _queue = new();

    [Fact]
    public void REQ_TURN_21_ItemsUpToTheBoundStayAsTheyCame()
    {
        AddTokens(ItemQueue.MostItems);
        _queue.Count.ShouldBe(ItemQueue.MostItems);
        Shown().ShouldAllBe(item => ((StreamTokenEvent)item).Merged == 1);
    }

    [Fact]
    public void REQ_TURN_21_TokensBeyondTheBoundAreMergedAndNoTextIsLost()
    {
        AddTokens(ItemQueue.MostItems + 500);
        var shown = Shown();
        var last = (StreamTokenEvent)shown[^1];
        shown.Count.ShouldBe(ItemQueue.MostItems);
        last.Merged.ShouldBe(501);
        last.Timestamp.ShouldBe(ItemQueue.MostItems + 499);
        string.Concat(shown.Select(item => ((StreamTokenEvent)item).Token)).ShouldBe(_text.Streamed);
    }

    [Fact]
    public void REQ_TURN_21_OtherItemsBeyondTheBoundMakeRoomByMergingWhatLiesBefore()
    {
        AddTokens(ItemQueue.MostItems);
        AddChunk();
        AddTokens(2);
        var shown = Shown();
        shown.Count.ShouldBe(4);
        ((StreamTokenEvent)shown[0]).Merged.ShouldBe(ItemQueue.MostItems);
        shown[1].ShouldBeOfType<StreamChunkEvent>();
    }

    [Fact]
    public void REQ_TURN_22_WhatMergingDoesNotBringBelowTheBoundIsOver()
    {
        for (var count = 0; count < ItemQueue.MostItems; count++)
        {
            AddChunk();
        }
        _queue.IsOver.ShouldBeFalse();
        AddChunk();
        _queue.IsOver.ShouldBeTrue();
        _queue.Count.ShouldBe(ItemQueue.MostItems);
    }

    [Fact]
    public void REQ_TURN_22_WhatAReaderHasInItsHandCounts()
    {
        for (var count = 0; count < ItemQueue.MostItems - 10; count++)
        {
            AddChunk();
        }
        AddChunk(held: 10);
        (_queue.IsOver, _queue.Count).ShouldBe((true, ItemQueue.MostItems - 10));
    }

    [Fact]
    public void REQ_TURN_21_TheBytesOfTheFramesAreBounded()
    {
        var large = new string('x', 1024 * 1024);
        for (var count = 0; count < 20; count++)
        {
            Add(Frames.Token("r", large));
        }
        _queue.Count.ShouldBeLessThan(8);
        string.Concat(Shown().Select(item => ((StreamTokenEvent)item).Token)).Length.ShouldBe(20 * large.Length);
    }

    [Fact]
    public void WhatWasTakenIsTakenInOrderAndMakesRoom()
    {
        var hand = new TurnItem[100];
        var taken = new List<string>();
        for (var round = 0; round < 40; round++)
        {
            AddTokens(100, from: round * 100);
            var count = _queue.Take(hand);
            taken.AddRange(hand[..count].Select(item => ((StreamTokenEvent)item.Event).Token));
        }
        taken.Count.ShouldBe(4_000);
        string.Concat(taken).ShouldBe(_text.Streamed);
        _queue.Count.ShouldBe(0);
    }

    private List<ServerEvent> Shown() => [.. _queue.Items.ToArray().Select(item => item.Shown(_text))];

    private void AddTokens(int count, int from = 0)
    {
        for (var index = from; index < from + count; index++)
        {
            Add($$$"""{"type":"stream_token","requestId":"r","data":{"requestId":"r","token":"{{{index}}} "},"timestamp":{{{index}}}}""");
        }
    }

    private void AddChunk(int held = 0) => Add(Frames.Chunk("r", "{}"), held);

    private void Add(string frame, int held = 0)
    {
        var received = WireCodec.Decode(frame).Event!;
        var from = _text.Length;
        _text.Add(received);
        _queue.Add(new TurnItem(received, from, _text.Length), held);
    }
}
