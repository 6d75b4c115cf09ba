using System.Text;
using System.Text.Json;

namespace SmooAI.SmoothOperator;

/// <summary>Keeps what the specification calls secret out of logged frames, also when payloads are asked for (REQ-LOG-01).</summary>
internal static class Redaction
{
    internal static string Of(FrameInfo frame)
    {
        var secrets = frame.Direction == FrameDirection.In ? Secrets.OfEvents : Secrets.OfActions;
        if (!secrets.TryGetValue(frame.Type ?? "", out var places))
        {
            return frame.ReadText();
        }
        try
        {
            return Struck(Encoding.UTF8.GetBytes(frame.ReadText()), places);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            return "(not shown)"; // where a secret lies in it, nobody knows
        }
    }

    private static string Struck(ReadOnlySpan<byte> text, string[][] places)
    {
        var shown = new StringBuilder();
        var path = new List<string>();
        var reader = new Utf8JsonReader(text, Json.Reading);
        var from = 0;
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }
            while (path.Count >= reader.CurrentDepth)
            {
                path.RemoveAt(path.Count - 1);
            }
            while (path.Count < reader.CurrentDepth - 1)
            {
                path.Add("[]"); // no place leads into an array: of that the whole is secret
            }
            path.Add(reader.GetString()!);
            if (Array.Exists(places, place => place.AsSpan().SequenceEqual(path.ToArray())))
            {
                reader.Read();
                shown.Append(Encoding.UTF8.GetString(text[from..(int)reader.TokenStartIndex])).Append("\"***\"");
                reader.Skip();
                from = (int)reader.BytesConsumed;
            }
        }
        return shown.Append(Encoding.UTF8.GetString(text[from..])).ToString();
    }
}
