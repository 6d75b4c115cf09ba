using SmooAI.SmoothOperator.Testing;

namespace SmooAI.SmoothOperator.Tests.Options;

public sealed class OptionsTests
{
    public static TheoryData<string> BadUrls => ["", "http://x/ws", "ws:", "/ws", "ws://user@", "nonsense?token=secret"];

    [Theory]
    [MemberData(nameof(BadUrls))]
    public void REQ_CONN_01_AMalformedUrlIsRefusedAtOnce(string url)
    {
        var error = Should.Throw<ArgumentException>(() => new SmoothAgentClient(new() { Url = url }));
        error.Message.ShouldNotContain("secret");
    }

    [Fact]
    public void REQ_CONN_01_MalformedLimitsAreRefusedAtOnce()
    {
        var good = new SmoothAgentClientOptions { Url = "ws://127.0.0.1/ws" };
        Should.Throw<ArgumentOutOfRangeException>(() => new SmoothAgentClient(good with { RequestTimeout = TimeSpan.FromMilliseconds(-1) }));
        Should.Throw<ArgumentOutOfRangeException>(() => new SmoothAgentClient(good with { MaxMessageBytes = 0 }));
        Should.Throw<ArgumentException>(() => new SmoothAgentClient(good with { Token = "a", TokenProvider = (_, _) => new("b") }));
        Should.Throw<ArgumentNullException>(() => new SmoothAgentClient(null!));
    }

    [Fact]
    public void REQ_CONN_01_ANewClientIsIdleAndOwnsNothing()
    {
        var clock = new VirtualTimeProvider();
        var client = new SmoothAgentClient(new() { Url = "ws://127.0.0.1:1/ws", TimeProvider = clock });
        (client.State, clock.ActiveTimers).ShouldBe((ConnectionState.Idle, 0));
    }

    [Fact]
    public void REQ_LOG_01_NoTextFormShowsSecrets()
    {
        var options = new SmoothAgentClientOptions { Url = "ws://127.0.0.1:1/ws?key=secret", Token = "secret" };
        $"{options} {new SmoothAgentClient(options)}".ShouldNotContain("secret");
    }

    [Theory]
    [InlineData("ws://h/ws?a=1&b=%20#frag", null, "ws://h/ws?a=1&b=%20")]
    [InlineData("ws://h/ws", "a b+c/d=ü~", "ws://h/ws?token=a%20b%2Bc%2Fd%3D%C3%BC~")]
    [InlineData("ws://h/ws?token=old&a=1&token=older", "new", "ws://h/ws?a=1&token=new")]
    [InlineData("ws://h/ws?token=old", "new", "ws://h/ws?token=new")]
    [InlineData("ws://h/ws?tokens=1", "new", "ws://h/ws?tokens=1&token=new")]
    public void REQ_CONN_10_TheTokenIsAppendedLast(string url, string? token, string expected) =>
        Endpoint.Build(url, token, TokenPlace.Query).OriginalString.ShouldBe(expected);

    [Fact]
    public void REQ_CONN_10_ATokenInTheHeaderLeavesTheQuery() =>
        Endpoint.Build("ws://h/ws?token=old&a=1", "new", TokenPlace.Header).OriginalString.ShouldBe("ws://h/ws?a=1");

    [Fact]
    public void REQ_CALL_01_IdsAreRandomUuids()
    {
        var ids = new RequestIds(new() { Url = "ws://h" });
        ids.Next().ShouldMatch("^req-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$");
        ids.Next().ShouldNotBe(ids.Next());
    }

    [Fact]
    public void REQ_TIME_01_RandomnessComesFromTheOption() =>
        new RequestIds(new() { Url = "ws://h", RandomSource = bytes => bytes.Fill(0xFF) }).Next()
            .ShouldBe("req-ffffffff-ffff-4fff-bfff-ffffffffffff");
}
