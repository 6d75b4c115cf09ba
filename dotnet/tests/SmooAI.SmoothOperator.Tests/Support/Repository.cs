using System.Runtime.CompilerServices;

namespace SmooAI.SmoothOperator.Tests.Support;

/// <summary>Where the sources lie.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find([CallerFilePath] string here = "")
    {
        var folder = new DirectoryInfo(Path.GetDirectoryName(here)!);
        while (!File.Exists(Path.Combine(folder.FullName, "spec", "asyncapi.yaml")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The repository's top was not found.");
        }
        return folder.FullName;
    }
}
