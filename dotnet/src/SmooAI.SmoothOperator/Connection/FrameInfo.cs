using System.Text;

namespace SmooAI.SmoothOperator;

/// <summary>Which way a frame went.</summary>
public enum FrameDirection
{
    /// <summary>From the server.</summary>
    In,

    /// <summary>To the server.</summary>
    Out,
}

/// <summary>One frame as the tap sees it (REQ-LOG-02).</summary>
public sealed class FrameInfo
{
    private readonly ReadOnlyMemory<byte> _frame;

    internal FrameInfo(FrameDirection direction, string? type, string? requestId, ReadOnlyMemory<byte> frame, DateTimeOffset at)
    {
        Direction = direction;
        Type = type;
        RequestId = requestId;
        At = at;
        _frame = frame;
    }

    /// <summary>Which way it went.</summary>
    public FrameDirection Direction { get; }

    /// <summary>The <c>action</c> or <c>type</c>; null for a malformed frame.</summary>
    public string? Type { get; }

    /// <summary>The frame's requestId, where it has one.</summary>
    public string? RequestId { get; }

    /// <summary>Size in bytes.</summary>
    public int Bytes => _frame.Length;

    /// <summary>When it was seen, by the client's clock.</summary>
    public DateTimeOffset At { get; }

    /// <summary>Returns the text; it may hold private data and codes.</summary>
    public string ReadText() => Encoding.UTF8.GetString(_frame.Span);

    /// <summary>Direction, type and size; never the text.</summary>
    public override string ToString() => $"{Direction} {Type} {Bytes} bytes";
}
