namespace SmooAI.SmoothOperator.Tests.Transport;

/// <summary>A peer that breaks RFC 6455 is closed with 1002, and that is what is told.</summary>
public sealed class LawlessPeerTests : ClientTest
{
    [Theory]
    [InlineData("C1017B")] // a reserved bit
    [InlineData("8381007B")] // a reserved opcode
    [InlineData("8181000000007B")] // masked
    [InlineData("090170")] // a ping in pieces
    [InlineData("897E007E")] // a ping of 126 bytes
    [InlineData("880103")] // a close code cut in half
    [InlineData("880203E7")] // 999
    [InlineData("880203ED")] // 1005
    [InlineData("880203F7")] // 1015
    [InlineData("88020BB7")] // 2999
    [InlineData("88021388")] // 5000
    public async Task REQ_WIRE_15_AViolationIsClosedAndToldAs1002(string bytes)
    {
        var client = await ConnectedAsync();
        var call = client.PingAsync();
        await Link.ReceiveFrameAsync();
        await Link.SendRawAsync(Convert.FromHexString(bytes));

        (await call.FailsAsync<ConnectionLostException>()).CloseCode.ShouldBe(1002);
        var (opcode, payload) = await Link.ReceiveFrameAsync();
        (opcode, (payload[0] << 8) | payload[1]).ShouldBe((8, 1002));
    }

    [Fact]
    public async Task REQ_WIRE_15_AnExtensionThatNobodyOfferedFailsTheAttempt()
    {
        Peer.Headers = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        await NewClient().ConnectAsync().FailsAsync<ConnectFailedException>();
    }
}
