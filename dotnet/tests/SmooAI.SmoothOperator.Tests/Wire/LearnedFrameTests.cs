using System.Text;

namespace SmooAI.SmoothOperator.Tests.Wire;

/// <summary>A frame that is read by comparing gives the event that a parse gives.</summary>
public sealed class LearnedFrameTests
{
    private const int Rounds = 100_000;
    private const string Signs = "\"\\{}[],:0.e-";

    private static readonly string[] Kinds = ["stream_token", "stream_preamble", "stream_reasoning"];

    private static readonly string[] Texts =
    [
        "a", "", "0", "null", "false", " ", "hello world ", "\\n", "a\\tb", "\\\"", "\\\\", "\\/", "\\u0041", "\\ud83d\\ude00",
        "\\ud83d", "\\ude00", "ü", "漢字", "😀", "}", "\\\\\\\"", "\\x", "\u0001", "\u007f", "a\\", new string('x', 300), "\\n" + new string('ü', 200),
    ];

    private static readonly string[] Numbers = ["1", "0", "1764000000000", "-1", "1.0", "1e3", "01", "9007199254740993", "12345678901234567890", "null", "\"1\"", ""];

    private static readonly string[] Ids = ["req-1", "req-2", "", "ü", "a\\n", "\\u0041"];

    public static TheoryData<string> Forms() =>
    [
        """{"type":"$k","requestId":"$i","token":"$t","data":{"requestId":"$i","token":"$t"},"timestamp":$n}""",
        """{"data":{"token":"$t","requestId":"$i"},"timestamp":$n,"token":"$t","requestId":"$i","type":"$k"}""",
        """{ "type" : "$k", "data" : { "requestId" : "$i", "token" : "$t" } }""",
        """{"type":"$k","requestId":"$i","data":{"requestId":"$i","token":"$t","seq":7},"more":[1,{"token":"x"}],"timestamp":$n}""",
        """{"type":"$k","requestId":null,"token":"$t","data":{"requestId":"$i","token":"$t"},"timestamp":null}""",
    ];

    [Theory]
    [MemberData(nameof(Forms))]
    public void AFrameOfAKnownFormNeedsNoParse(string form)
    {
        var first = Encoding.UTF8.GetBytes(Filled(form, "stream_token", "req-1", "a", "5"));
        var model = WireCodec.Decode(first.AsMemory()).Event!;
        var learned = LearnedFrame.Learn(StreamTable.Find(model)!, model, first).ShouldNotBeNull();

        var known = learned.Read(Encoding.UTF8.GetBytes(Filled(form, "stream_token", "req-2", "b\\n", "6")), new IdMemory());

        known.ShouldBeOfType<StreamTokenEvent>().Token.ShouldBe("b\n");
        known.CorrelationId.ShouldBe("req-2");
    }

    [Theory]
    [InlineData("""{"type":"stream_token","token":"a","token":"a","data":{"requestId":"r","token":"a"}}""")]
    [InlineData("""{"type":"stream_token","token":"a","data":{"requestId":"r","token":"b"}}""")]
    [InlineData("""{"type":"stream_token","requestId":"q","data":{"requestId":"r","token":"b"}}""")]
    [InlineData("""{"type":"stream_token","data":{"requestId":"r","token":"b"},"more":"\u0041"}""")]
    public void AFormThatAComparisonCannotTellIsNotLearned(string frame)
    {
        var bytes = Encoding.UTF8.GetBytes(frame);
        var model = WireCodec.Decode(bytes.AsMemory()).Event!;
        LearnedFrame.Learn(StreamTable.Find(model)!, model, bytes).ShouldBeNull();
    }

    [Fact]
    public void EveryMutationIsReadAsAParseReadsIt()
    {
        var random = new Random(7);
        var forms = Forms().AsEnumerable<object[]>().Select(row => (string)row[0]).ToArray();
        var (learns, parses) = (new FrameReader(learns: true), new FrameReader(learns: false));
        for (var round = 0; round < Rounds; round++)
        {
            var usual = random.Next(3) > 0;
            var text = Filled(
                forms[random.Next(forms.Length)],
                Kinds[random.Next(Kinds.Length)],
                Ids[random.Next(usual ? 2 : Ids.Length)],
                Texts[random.Next(Texts.Length)],
                Numbers[random.Next(usual ? 3 : Numbers.Length)]);
            var frame = Encoding.UTF8.GetBytes(text);
            frame = usual ? frame : Mutated(frame, random);
            Shown(learns.Decode(frame)).ShouldBe(Shown(parses.Decode(frame)), Encoding.Latin1.GetString(frame));
        }
    }

    private static string Filled(string form, string kind, string id, string text, string number) =>
        form.Replace("$k", kind).Replace("$i", id).Replace("$t", text).Replace("$n", number);

    private static byte[] Mutated(byte[] frame, Random random)
    {
        var at = random.Next(frame.Length);
        var to = Math.Min(frame.Length, at + random.Next(1, 12));
        return random.Next(6) switch
        {
            0 => [.. frame[..at], (byte)random.Next(256), .. frame[(at + 1)..]],
            1 => [.. frame[..at], (byte)random.Next(256), .. frame[at..]],
            2 => [.. frame[..at], .. frame[to..]],
            3 => [.. frame[..to], .. frame[at..]],
            4 => [.. frame[..at], (byte)Signs[random.Next(Signs.Length)], .. frame[at..]],
            _ => frame,
        };
    }

    private static string Shown(DecodedFrame frame) => frame.Event is not { } shown
        ? "malformed"
        : $"{frame.IsTerminal} {frame.Problem} {shown.GetType().Name} {shown.CorrelationId} {shown.Raw} {Json(shown)}";

    private static string Json(ServerEvent shown) => shown is UnknownEvent ? "" : shown.ToJson() + shown.Flatten().GetRawText();
}
