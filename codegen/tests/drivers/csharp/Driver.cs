// Replay frames through generated C#: JSON lines in, one verdict a line out.
// A line in: {protocol, role, name, text}; a line out: {outcome, problem, encoded}.
using System.Text;
using System.Text.Json;

namespace Driver;

internal static class Program
{
    private static void Main()
    {
        using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
        using var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
        while (input.ReadLine() is { } text)
        {
            using var line = JsonDocument.Parse(text);
            string Of(string name) => line.RootElement.GetProperty(name).GetString()!;
            output.WriteLine(Replay(Of("protocol"), Of("role"), Of("name"), Of("text")).Replace('\n', ' ').Replace('\r', ' '));
        }
    }

    private static string Replay(string protocol, string role, string name, string text) =>
        protocol switch
        {
PROTOCOLS
            _ => "{}",
        };

    internal static string Broken(string kind, string pointer) =>
        JsonSerializer.Serialize(new { outcome = "broken", problem = new { kind, pointer } });

    internal static string Shown(string outcome, string text) => $"{{\"outcome\":\"{outcome}\",\"encoded\":{text}}}";
}
