using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace SmooAI.SmoothOperator.Tests.Wire;

[Collection("console")] // the checks print
public sealed class DecodeTests
{
    [Fact]
    public void REQ_WIRE_01_UnknownTypesKeepWordAndFrame()
    {
        const string Frame = """{"type":"stream_video","requestId":"r","big":12345678901234567890,"e":1e400}""";
        var unknown = WireCodec.Decode(Frame).Event.ShouldBeOfType<UnknownEvent>();
        (unknown.Type, unknown.WireType, unknown.RequestId, unknown.Raw, unknown.Problem)
            .ShouldBe(("unknown", "stream_video", "r", Frame, null));
    }

    [Fact]
    public void REQ_WIRE_02_UnknownMembersAreWrittenAgain()
    {
        const string Frame = """{"type":"stream_token","data":{"requestId":"r","token":"x","later":[1.50]},"new":{"a":null}}""";
        var token = WireCodec.Decode(Frame).Event.ShouldBeOfType<StreamTokenEvent>();
        token.Extra["new"].GetRawText().ShouldBe("""{"a":null}""");
        token.ToJson().ShouldBe(Frame);
    }

    [Fact]
    public void REQ_WIRE_02_UnknownEnumValuesAreKept()
    {
        var sent = (OtpSentEvent)WireCodec.Decode(Frames.OtpSent("r").Replace("\"email\"", "\"pigeon\"", StringComparison.Ordinal)).Event!;
        (sent.Channel.Value, sent.Channel.IsKnown, sent.Channel == OtpChannel.Email).ShouldBe(("pigeon", false, false));
    }

    [Fact]
    public void REQ_WIRE_03_ABrokenBodyNamesKindAndPlace()
    {
        var broken = WireCodec.Decode("""{"type":"stream_token","requestId":"r","data":{"requestId":"r","token":1}}""");
        broken.Problem.ShouldBe(new FrameProblem("type", "/data/token"));
        broken.Event.ShouldBeOfType<UnknownEvent>().RequestId.ShouldBe("r");
        WireCodec.Decode("""{"type":"stream_token","data":{"requestId":"r"}}""").Problem
            .ShouldBe(new FrameProblem("missing", "/data/token"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"type\":7}")]
    [InlineData("{\"type\":\"pong\",\"x\":NaN}")]
    [InlineData("\ufeff{\"type\":\"pong\"}")]
    [InlineData("{\"type\":\"stream_video\"} x")]
    public void REQ_WIRE_04_WhatIsNoEventIsMalformed(string frame) => WireCodec.Decode(frame).IsMalformed.ShouldBeTrue();

    [Fact]
    public void REQ_WIRE_05_NullReadsAsAbsentUnlessItIsAThirdState()
    {
        var page = (ImmediateResponseEvent)WireCodec.Decode(Frames.Immediate("r", 200, """{"messages":[],"nextCursor":null,"hasMore":false}""")
            .Replace("\"requestId\":\"r\"", "\"requestId\":null", StringComparison.Ordinal)).Event!;
        page.RequestId.ShouldBeNull();
        MessagePage Read(string text)
        {
            using var document = System.Text.Json.JsonDocument.Parse(text);
            return Decoder.DecodeValue(document.RootElement, Shapes.MessagePage, MessagePage.ReadFrom, out _)!;
        }
        Read("""{"messages":[],"hasMore":false,"nextCursor":null}""").NextCursor.IsNull.ShouldBeTrue();
        Read("""{"messages":[],"hasMore":false}""").NextCursor.IsAbsent.ShouldBeTrue();
        Read("""{"messages":[],"hasMore":false,"nextCursor":"c"}""").NextCursor.Value.ShouldBe("c");
    }

    [Fact]
    public void REQ_WIRE_06_OneRepairPassMendsTheFrame()
    {
        var token = (StreamTokenEvent)WireCodec.Decode(
            """{"type":"stream_token","requestId":"r","token":"a\ud83d","data":{"requestId":"r"},"timestamp":17.0}""").Event!;
        (token.Token, token.Timestamp, token.RequestId).ShouldBe(("a\ufffd", 17, "r"));
        WireCodec.Decode("""{"type":"stream_token","data":{"requestId":"r","token":"a"},"timestamp":"1"}""").Problem
            .ShouldBe(new FrameProblem("type", "/timestamp"));
    }

    [Fact]
    public void REQ_WIRE_07_TheNestedCopyCountsFirst_REQ_WIRE_14_ButOfTheRequestId()
    {
        var token = (StreamTokenEvent)WireCodec.Decode(
            """{"type":"stream_token","requestId":"top","token":"top","data":{"requestId":"in","token":"in"}}""").Event!;
        (token.Token, token.RequestId, token.CorrelationId).ShouldBe(("in", "top", "top"));
    }

    [Fact]
    public void REQ_WIRE_08_FactsAreFlatAndTheFrameIsKept()
    {
        var asked = (WriteConfirmationRequiredEvent)WireCodec.Decode(Frames.Confirm("r")).Event!;
        (asked.ToolId, asked.ActionDescription, asked.ConfirmationId).ShouldBe(("pay", "Pay 5 EUR", null));
        asked.Raw.ShouldBe(Frames.Confirm("r"));
        asked.Flatten().GetProperty("toolId").GetString().ShouldBe("pay");
    }

    [Fact]
    public void REQ_WIRE_08_AnEventBuiltByCodeWritesBothCopies()
    {
        var built = new StreamTokenEvent { RequestId = "r", Token = "é😀" };
        built.ToJson().ShouldBe("""{"type":"stream_token","requestId":"r","token":"é😀","data":{"requestId":"r","token":"é😀"}}""");
        built.Raw.ShouldBe(built.ToJson());
        new ErrorEvent { Code = "X", Message = "m", Terminal = true }.ToJson()
            .ShouldBe("""{"type":"error","error":{"code":"X","message":"m","terminal":true},"data":{"error":{"code":"X","message":"m","terminal":true}}}""");
        new CancelledEvent { RequestId = "r", Status = 499 }.ToJson()
            .ShouldBe("""{"type":"cancelled","requestId":"r","status":499,"data":{"requestId":"r","status":499}}""");
        new PongEvent { RequestId = "r", Timestamp = null }.ToJson().ShouldBe("""{"type":"pong","requestId":"r"}""");
        new PongEvent { Timestamp = 5 }.ToJson().ShouldBe("""{"type":"pong","data":{"timestamp":5},"timestamp":5}""");
    }

    [Fact]
    public void REQ_WIRE_08_AnEventThatIsChangedKeepsWhatNobodyKnowsAndChangesEveryCopy()
    {
        var came = (StreamTokenEvent)WireCodec.Decode(
            """{"type":"stream_token","token":"a","data":{"requestId":"r","token":"a","in":1},"out":2}""").Event!;
        var changed = came with { Token = "b" };
        changed.ToJson().ShouldBe("""{"type":"stream_token","token":"b","data":{"requestId":"r","token":"b","in":1},"out":2}""");
        (came.Token, changed.Token, changed.RequestId).ShouldBe(("a", "b", "r"));
    }

    [Fact]
    public void REQ_WIRE_09_IntegersAreExactAndOddInputIsHarmless()
    {
        const string Frame = """{"type":"pong","data":{"timestamp":9007199254740991}}""";
        ((PongEvent)WireCodec.Decode(Frame).Event!).Timestamp.ShouldBe(9007199254740991);
        WireCodec.Decode($$"""{"type":"x","deep":{{new string('[', 100_000)}}{{new string(']', 100_000)}}}""").IsMalformed.ShouldBeTrue();
        ((StreamTokenEvent)WireCodec.Decode("""{"type":"stream_token","data":{"requestId":"a","requestId":"b","token":"x"}}""").Event!)
            .RequestId.ShouldBe("b");
    }

    [Fact]
    public void REQ_WIRE_13_BoundsRefuseNothingOnReading()
    {
        var answer = WireCodec.Decode(Frames.Final("r", "null", -7)).Event.ShouldBeOfType<EventualResponseEvent>();
        answer.Status.ShouldBe(-7);
    }

    [Fact]
    public void DecodingNeverThrowsWhateverComes()
    {
        var seeds = new[] { Frames.Token("r", "é"), Frames.Final("r"), Frames.Error("r", "X"), Frames.Confirm("r"), Frames.Pong("r") };
        var edits = ArbMap.Default.ArbFor<(int, byte)[]>();
        Prop.ForAll(edits, changes =>
        {
            foreach (var seed in seeds)
            {
                var bytes = Encoding.UTF8.GetBytes(seed);
                foreach (var (place, value) in changes)
                {
                    bytes[Math.Abs(place % bytes.Length)] = value;
                }
                var decoded = WireCodec.Decode(bytes.AsMemory());
                if (decoded.Event is { } found and not UnknownEvent)
                {
                    WireCodec.Decode(found.ToJson()).Event!.Flatten().GetRawText().ShouldBe(found.Flatten().GetRawText());
                }
            }
            return true;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void NoTextFormShowsValues()
    {
        new VerifyOtpAction { RequestId = "r", SessionId = "s", Code = "123456" }.ToString().ShouldBe("verify_otp r");
        WireCodec.Decode(Frames.Token("r", "secret")).Event!.ToString().ShouldBe("stream_token r");
        new IdentityIntakeValues { Email = "a@example.com" }.ToString().ShouldBe("IdentityIntakeValues");
    }
}
