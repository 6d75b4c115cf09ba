using System.Text;

namespace Wire;

/// <summary>Ends the strict reading of a body; the repair pass then says what is wrong and where.</summary>
internal sealed class WireFault : Exception
{
    private WireFault(string kind) : base(kind) { }

    internal static WireFault Missing() => new("missing");

    internal static WireFault Type() => new("type");
}

/// <summary>One row of the table of events.</summary>
internal sealed record EventKind(
    string WireType, bool Terminal, ReadValue<ServerEvent> Read, Shape Shape, Mirror[] Mirrors)
{
    internal byte[] Utf8 { get; } = Encoding.UTF8.GetBytes(WireType);
}
