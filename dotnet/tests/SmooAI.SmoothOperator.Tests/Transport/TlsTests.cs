namespace SmooAI.SmoothOperator.Tests.Transport;

public sealed class TlsTests
{
    [Fact]
    public async Task REQ_CONN_13_AnAddedRootIsTrusted()
    {
        using var certificates = new Certificates();
        await using var peer = new Peer(certificates.Server);
        await using var client = new SmoothAgentClient(new() { Url = peer.Url, TrustedRoots = [certificates.Root] });
        await client.ConnectAsync().Soon();
        using var link = await peer.LinkAsync();
        var ping = client.PingAsync();
        await link.AnswerAsync("ping", Frames.Pong);
        (await ping.Soon()).ServerTime.ShouldBe(1700000000000);
        var closing = client.CloseAsync();
        (await link.ClosedAsync()).ShouldBe(1000);
        await closing.Soon();
    }

    [Fact]
    public async Task REQ_CONN_12_AnUntrustedCertificateIsConnectFailed()
    {
        using var certificates = new Certificates();
        await using var peer = new Peer(certificates.Server);
        await using var client = new SmoothAgentClient(new() { Url = peer.Url });
        var error = await client.ConnectAsync().FailsAsync<ConnectFailedException>();
        error.Details.Status.ShouldBeNull();
    }

    [Fact]
    public async Task REQ_CONN_12_AWrongNameStaysRefusedWithAnAddedRoot()
    {
        using var certificates = new Certificates(rightName: false);
        await using var peer = new Peer(certificates.Server);
        await using var client = new SmoothAgentClient(new() { Url = peer.Url, TrustedRoots = [certificates.Root] });
        await client.ConnectAsync().FailsAsync<ConnectFailedException>();
    }
}
