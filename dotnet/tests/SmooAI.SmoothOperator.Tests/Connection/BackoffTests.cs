namespace SmooAI.SmoothOperator.Tests.Linking;

public sealed class BackoffTests
{
    /// <summary>The sentence itself, in another arithmetic: wholes of thousandths in place of doubles.</summary>
    private static long Sentence(long unit, long longest, int n, long thousandths)
    {
        static Int128 Share(long thousandths, Int128 of) => of * thousandths / 1000;
        var grown = Int128.Min(longest, (Int128)unit << Math.Min(n, 31));
        return (long)Int128.Min(longest, n == 0 ? Share(thousandths, unit) : unit + Share(thousandths, grown));
    }

    [Fact]
    public void REQ_CONN_31_TheWaitIsThatOfTheSentence()
    {
        var random = new Random(31);
        for (var round = 0; round < 2000; round++)
        {
            var (unit, longest) = (random.NextInt64(1, 5000), random.NextInt64(1, 200_000));
            var backoff = new Backoff(unit, longest);
            for (var n = 0; n < 40; n++)
            {
                var eighths = random.Next(8); // an eighth is a double and 125 thousandths alike
                backoff.Delay(eighths / 8.0).ShouldBe(Sentence(unit, longest, n, eighths * 125), $"{unit} {longest} {n} {eighths}");
            }
        }
    }

    [Fact]
    public void REQ_CONN_31_TheRowSaysWhereTheCountBegins()
    {
        var backoff = new Backoff(500, 20_000);
        backoff.Delay(0.5, backoffFrom: 2).ShouldBe(1500);
        backoff.Delay(0.5).ShouldBe(2500);
    }

    [Theory]
    [InlineData(2000, 0.5, 2250)]
    [InlineData(1000, 0.5, 1250)]
    [InlineData(8000, 0.5, 9000)]
    [InlineData(999_999, 0.0, 120_000)]
    public void REQ_CONN_33_WhatTheServerAsksForTakesThePlaceOfTheWait(long hint, double draw, long expected) =>
        new Backoff(500, 20_000).Delay(draw, hint: hint).ShouldBe(expected);

    [Fact]
    public void REQ_CONN_32_TheCountBeginsAnew()
    {
        var backoff = new Backoff(500, 20_000);
        backoff.Delay(0.5);
        backoff.Count();
        (backoff.Remaining(3), backoff.Remaining(1), backoff.Remaining(null)).ShouldBe((2, 0, 9007199254740991));
        backoff.Reset();
        (backoff.Remaining(3), backoff.Delay(0.5)).ShouldBe((3, 250));
    }
}
