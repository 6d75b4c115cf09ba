namespace SmooAI.SmoothOperator.Tests.Options;

/// <summary>Nothing that an application is given from outside becomes a header or a line of the handshake.</summary>
public sealed class InjectionTests : ClientTest
{
    private static readonly SmoothAgentClientOptions Good = new() { Url = "ws://127.0.0.1:1/ws" };

    [Theory]
    [InlineData("ws://h/ok?x=1 HTTP/1.1\r\nX-Evil: 1")]
    [InlineData("ws://h/ok\t")]
    [InlineData(" ws://h/ok")]
    [InlineData("ws://h/o\u0000k")]
    [InlineData("ws://h/o\u007fk")]
    [InlineData("ws://h/o\u0085k")]
    [InlineData("ws://h\\ok")]
    [InlineData("ws://h/o\\k")]
    [InlineData("ws://user:secret@h/ok")]
    [InlineData("ws://secret@h/ok")]
    [InlineData("ws://hé/ok")]
    public void REQ_CONN_19_AUrlThatHoldsMoreThanItMayIsRefused(string url)
    {
        var error = Should.Throw<ArgumentException>(() => new SmoothAgentClient(Good with { Url = url }));
        error.ParamName.ShouldBe("Url");
        error.Message.ShouldNotContain("secret");
        error.Message.ShouldNotContain("X-Evil");
    }

    [Theory]
    [InlineData("ws://h/ä?q=é€😀&a=%20#frag", "ws://h/%C3%A4?q=%C3%A9%E2%82%AC%F0%9F%98%80&a=%20")]
    [InlineData("ws://h?q=ü", "ws://h?q=%C3%BC")]
    public void REQ_CONN_19_OtherSignsTravelAsUtf8InPercent(string url, string sent) =>
        Endpoint.Build(url, null, TokenPlace.Query).OriginalString.ShouldBe(sent);

    [Fact]
    public async Task REQ_CONN_19_TheRequestLineIsWhatTheUrlSays()
    {
        await ConnectedAsync(options => options with { Url = Peer.Url + "?q=é€" });
        Peer.Requests.TryDequeue(out var head).ShouldBeTrue();
        head.Split("\r\n")[0].ShouldBe("GET /ws?q=%C3%A9%E2%82%AC HTTP/1.1");
    }

    [Theory]
    [InlineData("X\r\nY")]
    [InlineData("X Y")]
    [InlineData("X:")]
    [InlineData("")]
    [InlineData("Ä")]
    [InlineData("Host")]
    [InlineData("connection")]
    [InlineData("UPGRADE")]
    [InlineData("Sec-WebSocket-Protocol")]
    [InlineData("Transfer-Encoding")]
    [InlineData("Content-Length")]
    [InlineData("TE")]
    [InlineData("Trailer")]
    [InlineData("Keep-Alive")]
    [InlineData("Proxy-Authorization")]
    public void REQ_CONN_20_AHeaderThatIsNoneOrBelongsToTheConnectionIsRefused(string name)
    {
        var headers = new Dictionary<string, string> { [name] = "secret" };
        var error = Should.Throw<ArgumentException>(() => new SmoothAgentClient(Good with { Headers = headers }));
        (error.ParamName, error.Message.Contains("secret")).ShouldBe(("Headers", false));
    }

    [Theory]
    [InlineData("secret\r\nX-Evil: 1")]
    [InlineData("secret\n")]
    [InlineData("secret\0")]
    public void REQ_CONN_20_AValueWithALineBreakIsRefused(string value)
    {
        var headers = new Dictionary<string, string> { ["X"] = value };
        SmoothAgentClientOptions[] all =
        [
            Good with { Headers = headers },
            Good with { Origin = value },
            Good with { Token = value, TokenIn = TokenPlace.Header },
        ];
        foreach (var options in all)
        {
            Should.Throw<ArgumentException>(() => new SmoothAgentClient(options)).ToString().ShouldNotContain("secret");
        }
    }

    [Fact]
    public async Task REQ_CONN_28_AProvidedTokenThatNoHeaderCanHoldFailsTheAttemptAtOnce()
    {
        var client = NewClient(options => options with { TokenIn = TokenPlace.Header, TokenProvider = (_, _) => new("secret\n") });
        var error = await client.ConnectAsync().FailsAsync<ArgumentException>();
        error.ToString().ShouldNotContain("secret");
    }
}
