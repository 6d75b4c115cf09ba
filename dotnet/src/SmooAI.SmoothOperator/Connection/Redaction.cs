using System.Text.RegularExpressions;

namespace SmooAI.SmoothOperator;

/// <summary>Keeps one-time codes and signatures out of logged actions, also when payloads are asked for (REQ-LOG-01).</summary>
internal static partial class Redaction
{
    internal static string Of(FrameSeen frame) => frame.Direction == FrameDirection.In
        ? frame.ReadText()
        : Secrets().Replace(frame.ReadText(), "\"$1\":\"***\"");

    [GeneratedRegex("\"(code|signature)\"\\s*:\\s*\"(?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex Secrets();
}
