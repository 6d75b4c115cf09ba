using System.Text.RegularExpressions;

namespace SmooAI.SmoothOperator.Tests.Client;

/// <summary>Rooms use only the rooms below them (architecture of all clients).</summary>
public sealed class LayerTests
{
    /// <summary>From the top down.</summary>
    private static readonly string[] Rooms =
        ["Client", "Conversation", "Turn", "Requests", "Connection", "Transport", "Errors", "Options", "Wire"];

    /// <summary>Types of an upper room that a lower one may name, with the reason.</summary>
    private static readonly Dictionary<string, string> Allowed = new(StringComparer.Ordinal)
    {
        ["Question"] = "an error carries the question that was open",
        ["QuestionKind"] = "part of the question",
        ["SmoothAgentException"] = "the generated exceptions derive from the hand-written base",
        ["ErrorFacts"] = "what that base is made of",
        ["SmoothAgentClient"] = "pages ask through the public client",
    };

    [Fact]
    public void ImportsPointDownwards()
    {
        var source = Path.Combine(Repository.Root, "dotnet", "src", "SmooAI.SmoothOperator");
        var texts = Rooms.ToDictionary(room => room, room => Directory.EnumerateFiles(Path.Combine(source, room), "*.cs")
            .Select(file => (File: $"{room}/{Path.GetFileName(file)}", Text: Code(File.ReadAllText(file)))).ToList());
        var defined = Rooms.ToDictionary(room => room, room => texts[room].SelectMany(file => Definitions(file.Text)).ToHashSet(StringComparer.Ordinal));
        var wrong = new List<string>();
        for (var lower = 1; lower < Rooms.Length; lower++)
        {
            foreach (var upper in Rooms[..lower])
            {
                wrong.AddRange(
                    from file in texts[Rooms[lower]]
                    from name in defined[upper]
                    where !Allowed.ContainsKey(name) && !defined[Rooms[lower]].Contains(name) && Regex.IsMatch(file.Text, $@"(?<![\w.""])(new )?{name}(<\w+>)?[ (?>)]\s*[\w(]")
                    select $"{file.File} names {name} of {upper}");
            }
        }
        wrong.Distinct().ShouldBeEmpty();
    }

    private static string Code(string text) => Regex.Replace(text, @"//.*|""(?:[^""\\]|\\.)*""", "");

    private static IEnumerable<string> Definitions(string text) =>
        Regex.Matches(text, @"\b(?:class|record|struct|interface|enum)(?: struct| class)? (\w+)").Select(match => match.Groups[1].Value);
}
