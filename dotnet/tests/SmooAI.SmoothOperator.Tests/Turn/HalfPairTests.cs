namespace SmooAI.SmoothOperator.Tests.Turns;

public sealed class HalfPairTests : ClientTest
{
    [Theory]
    [InlineData(@"a\ud83d", @"\uddd1b", "a\U0001F5D1b", "a|\U0001F5D1b")]
    [InlineData(@"a\ud83d", "b", "a\uFFFDb", "a|\uFFFDb")]
    [InlineData(@"\uddd1", @"\ud83d", "\uFFFD\uFFFD", "\uFFFD||\uFFFD")]
    [InlineData(@"a\\\ud83d", @"\uddd1", "a\\\U0001F5D1", "a\\|\U0001F5D1")]
    [InlineData(@"a\\ud83d", @"\uddd1", "a\\ud83d\uFFFD", "a\\ud83d|\uFFFD")]
    [InlineData("\uFFFD", @"\uddd1", "\uFFFD\uFFFD", "\uFFFD|\uFFFD")]
    public async Task REQ_TURN_23_HalvesOfTwoTokensAreOneCharacterOfTheText(string first, string second, string text, string pieces)
    {
        var client = await ConnectedAsync();
        var turn = await RunningAsync(client);
        var reading = turn.TextStream.ToListAsync();
        foreach (var token in (string[])[first, second])
        {
            await Link.SendAsync($$$"""{"type":"stream_token","requestId":"{{{turn.RequestId}}}","data":{"requestId":"{{{turn.RequestId}}}","token":"{{{token}}}"}}""");
        }
        await SettledAsync(client);
        turn.PartialText.ShouldBe(text);
        await Link.SendAsync(Frames.Final(turn.RequestId, "{}"));

        (await turn.Completion.Soon()).Text.ShouldBe(text);
        string.Join('|', await reading.Soon()).ShouldBe(pieces);
        string.Concat(turn.Items.OfType<StreamTokenEvent>().Select(item => item.Token)).Any(char.IsSurrogate).ShouldBeFalse();
    }
}
