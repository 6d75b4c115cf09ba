// Prints which file of a C# project uses which other, one JSON object a line: what an import shows
// elsewhere, the compiler knows inside an assembly.
//
//     dotnet run -- FOLDER
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

if (args is not [var given])
{
    Console.Error.WriteLine("usage: readers FOLDER");
    return 2;
}
var folder = Path.GetFullPath(given);
var options = new CSharpParseOptions(LanguageVersion.Latest);
var trees = Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
    .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
    .Where(name => !name.StartsWith("bin/") && !name.StartsWith("obj/"))
    .Order(StringComparer.Ordinal)
    .Select(name => CSharpSyntaxTree.ParseText(File.ReadAllText(Path.Combine(folder, name)), options, name))
    .Append(CSharpSyntaxTree.ParseText(
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; "
        + "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;", options, ""))
    .ToList();
var platform = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
    .Select(path => MetadataReference.CreateFromFile(path));
var compilation = CSharpCompilation.Create(
    "package", trees, platform, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
var seen = new HashSet<Use>();
foreach (var tree in trees)
{
    var model = compilation.GetSemanticModel(tree);
    foreach (var name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
    {
        if (name.FirstAncestorOrSelf<UsingDirectiveSyntax>() is not null)
        {
            continue;
        }
        if (model.GetSymbolInfo(name).Symbol is { } symbol && UseOf(tree, name, symbol) is { } use && seen.Add(use))
        {
            Console.WriteLine(JsonSerializer.Serialize(use, Json.Options));
        }
    }
}
return 0;

static Use? UseOf(SyntaxTree tree, SyntaxNode name, ISymbol symbol)
{
    var line = tree.GetLineSpan(name.Span).StartLinePosition.Line + 1;
    var files = symbol.DeclaringSyntaxReferences.Select(one => one.SyntaxTree.FilePath).ToList();
    if (files.Count == 0)
    {
        return symbol is INamedTypeSymbol { ContainingNamespace: { IsGlobalNamespace: false } space }
            ? new Use(tree.FilePath, line, null, space.ToDisplayString())
            : null;
    }
    // Of a namespace or a type in several files it cannot be said which of them is meant; one in the same folder will do.
    var folder = Path.GetDirectoryName(tree.FilePath);
    var unclear = files.Count > 1 && files.Exists(one => Path.GetDirectoryName(one) == folder);
    return symbol is INamespaceSymbol || unclear || files.Contains(tree.FilePath)
        ? null
        : new Use(tree.FilePath, line, files[0], null);
}

/// <summary>One edge: a line of a file that names something of another file or of another assembly.</summary>
internal sealed record Use(string From, int Line, string? To, string? Outside);

/// <summary>How an edge is written.</summary>
internal static class Json
{
    internal static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };
}
