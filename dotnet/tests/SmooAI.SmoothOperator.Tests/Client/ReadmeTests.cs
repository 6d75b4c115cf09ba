using System.Reflection;
using System.Text.RegularExpressions;

namespace SmooAI.SmoothOperator.Tests.Client;

/// <summary>Runs the blocks of the README against the demonstration server; the build turned them into methods.</summary>
[Collection("console")]
public sealed class ReadmeTests(DemoServer server) : IClassFixture<DemoServer>
{
    [Theory]
    [InlineData("quickstart", @"17.day[\s\S]*\(from ")]
    [InlineData("questions", "42")]
    [InlineData("otp", "True")]
    [InlineData("handlers", "42")]
    [InlineData("cancel", "Cancelled, confirmed: True\nleft it")]
    [InlineData("errors", "server_error AGENT_ERROR retryable=False")]
    public async Task EveryBlockDoesWhatItSays(string block, string shown)
    {
        var method = typeof(ReadmeBlocks).GetMethod(block, BindingFlags.Static | BindingFlags.Public)!;
        var (usual, printed) = (Console.Out, new StringWriter());
        Console.SetOut(printed);
        try
        {
            await ((Task)method.Invoke(null, [server.Url])!).Soon();
        }
        finally
        {
            Console.SetOut(usual);
        }
        printed.ToString().ShouldMatch(shown);
    }

    [Fact]
    public void EveryBlockIsRun()
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "dotnet", "README.md"));
        var marked = Regex.Matches(text, "<!-- run: (\\w+) -->\n```csharp\n").Select(match => match.Groups[1].Value).Order();
        marked.ShouldBe(typeof(ReadmeBlocks).GetMethods(BindingFlags.Static | BindingFlags.Public).Select(method => method.Name).Order());
        Regex.Count(text, "```csharp").ShouldBe(marked.Count());
        File.ReadLines(Path.Combine(Repository.Root, "dotnet", "README.md")).Count().ShouldBeLessThanOrEqualTo(215);
    }
}
