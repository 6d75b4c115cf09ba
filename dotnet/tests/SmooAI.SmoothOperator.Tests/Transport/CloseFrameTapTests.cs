using System.Text;

namespace SmooAI.SmoothOperator.Tests.Transport;

public sealed class CloseFrameTapTests
{
    private static readonly byte[] Head = Encoding.ASCII.GetBytes("HTTP/1.1 101 Switching Protocols\r\nA: \r\r\n\r\n");

    public static TheoryData<byte[], int?> Streams => new()
    {
        { [0x88, 0x00], 1005 },
        { [0x88, 0x02, 0x03, 0xE8], 1000 },
        { [0x81, 0x02, 0x88, 0x00, 0x88, 0x05, 0x11, 0x31, 1, 2, 3], 4401 },
        { [0x82, 126, 0, 3, 1, 2, 3, 0x89, 0, 0x88, 0], 1005 },
        { [0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0x88, 0x02, 0x03, 0xF4], 1012 },
        { [0x81, 0x02, 0x88, 0x00], null },
    };

    [Theory]
    [MemberData(nameof(Streams))]
    public void REQ_CONN_15_TheCloseCodeIsReadAsItCame(byte[] frames, int? code)
    {
        byte[] all = [.. Head, .. frames];
        using var whole = new CloseFrameTap(Stream.Null);
        whole.Watch(all);
        whole.CloseCode.ShouldBe(code);
        using var pieces = new CloseFrameTap(Stream.Null);
        foreach (var one in all)
        {
            pieces.Watch([one]);
        }
        pieces.CloseCode.ShouldBe(code);
    }
}
