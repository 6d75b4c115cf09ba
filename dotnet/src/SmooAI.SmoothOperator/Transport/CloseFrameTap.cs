namespace SmooAI.SmoothOperator;

/// <summary>Reads along below the WebSocket for the close code: the library reports none as 1000 (REQ-CONN-15).</summary>
/// <remarks>Passes every byte on unchanged. Knows the response header and the frames of RFC 6455, unmasked.</remarks>
internal sealed class CloseFrameTap(Stream inner) : Stream
{
    private const int NoStatus = 1005;
    private const byte CloseOpcode = 8;

    private readonly byte[] _head = new byte[10];
    private int _headEnds; // bytes of "\r\n\r\n" seen; 4 = the response header is over
    private int _headLength;
    private long _payloadLeft;
    private bool _inClose;
    private int _code;
    private int _codeBytes;

    /// <summary>The code of the close frame that came, 1005 when it had none; null before it came.</summary>
    internal int? CloseCode { get; private set; }

    /// <summary>Whether the peer broke the rules of frames (REQ-WIRE-15); the library closes with 1002 by itself.</summary>
    internal bool IsViolated { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        Watch(buffer.Span[..count]);
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count)
    {
        var read = inner.Read(buffer, offset, count);
        Watch(buffer.AsSpan(offset, read));
        return read;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        inner.WriteAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        inner.WriteAsync(buffer, offset, count, cancellationToken);

    public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

    public override void Flush() => inner.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    internal void Watch(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && CloseCode is null && !IsViolated)
        {
            if (_headEnds < 4)
            {
                _headEnds = bytes[0] == "\r\n\r\n"u8[_headEnds] ? _headEnds + 1 : bytes[0] == '\r' ? 1 : 0;
                bytes = bytes[1..];
            }
            else if (_payloadLeft > 0)
            {
                bytes = bytes[Payload(bytes)..];
            }
            else
            {
                _head[_headLength++] = bytes[0];
                bytes = bytes[1..];
                Header();
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }
        base.Dispose(disposing);
    }

    private int Payload(ReadOnlySpan<byte> bytes)
    {
        var taken = (int)Math.Min(_payloadLeft, bytes.Length);
        if (_inClose)
        {
            foreach (var value in bytes[..Math.Min(taken, 2 - _codeBytes)])
            {
                _code = (_code << 8) | value;
                _codeBytes++;
            }
            IsViolated = _codeBytes == 2 && !MayStandInAFrame(_code);
            CloseCode = _codeBytes == 2 && !IsViolated ? _code : null;
        }
        _payloadLeft -= taken;
        return taken;
    }

    private static bool MayStandInAFrame(int code) => code is (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999);

    /// <summary>Reserved bits and opcodes, a mask, a control frame in pieces or too long, a close code cut in half.</summary>
    private static bool IsLawless(byte first, byte second)
    {
        const int LongestControl = 125;
        var isControl = (first & 0x08) != 0;
        var size = second & 0x7F;
        return (first & 0x70) != 0
            || (first & 0x07) > 2
            || (second & 0x80) != 0
            || (isControl && ((first & 0x80) == 0 || size > LongestControl))
            || ((first & 0x0F) == CloseOpcode && size == 1);
    }

    private void Header()
    {
        if (_headLength < 2)
        {
            return;
        }
        var size = _head[1] & 0x7F;
        IsViolated = IsLawless(_head[0], _head[1]);
        var extra = size == 126 ? 2 : size == 127 ? 8 : 0;
        if (_headLength < 2 + extra)
        {
            return;
        }
        _payloadLeft = size;
        if (extra > 0)
        {
            _payloadLeft = 0;
            foreach (var value in _head.AsSpan(2, extra))
            {
                _payloadLeft = (_payloadLeft << 8) | value;
            }
        }
        _inClose = (_head[0] & 0x0F) == CloseOpcode;
        _headLength = 0;
        if (_inClose && _payloadLeft == 0)
        {
            CloseCode = NoStatus;
        }
    }
}
