using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Tests.Wire;

/// <summary>Replays every vector of the specification.</summary>
public sealed class VectorTests
{
    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 512 };

    private static readonly string Folder = Path.Combine(Repository.Root, "spec", "vectors");

    public static TheoryData<string> Files()
    {
        var found = new TheoryData<string>();
        foreach (var file in Names())
        {
            found.Add(file);
        }
        return found;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void REQ_WIRE_06_EveryVectorHasItsVerdict(string file)
    {
        var document = Document(file);
        var wrong = new List<string>();
        foreach (var vector in document["vectors"]!.AsArray())
        {
            var text = (string)vector!["text"]!;
            var wanted = Expected(vector.AsObject());
            var got = Verdict(document, text, (bool?)vector["strict"] == true);
            if (!wanted.ContainsKey("flat"))
            {
                got.Remove("flat"); // vectors show it where it differs from a minimal frame
            }
            if (!JsonNode.DeepEquals(Comparable(got), Comparable(wanted)))
            {
                wrong.Add($"{vector["id"]}\n  wanted {wanted.ToJsonString()}\n  got    {got.ToJsonString()}");
            }
        }
        wrong.Take(3).ShouldBeEmpty();
    }

    /// <summary>Nothing that the folder holds is left out, and it shrinks only by a change of this line.</summary>
    [Fact]
    public void REQ_WIRE_06_NoVectorOfAnyRoleIsMissing()
    {
        var counted = Names().Select(Document).GroupBy(document => (string)document["role"]!)
            .ToDictionary(group => group.Key, group => group.Sum(document => document["vectors"]!.AsArray().Count));
        counted.Keys.Order().ShouldBe(["action", "event", "frame", "result", "type"]);
        var least = new Dictionary<string, int> { ["action"] = 661, ["event"] = 2060, ["frame"] = 33, ["result"] = 460, ["type"] = 329 };
        least.ShouldAllBe(row => counted[row.Key] >= row.Value);
    }

    private static IEnumerable<string> Names() => Directory.EnumerateFiles(Folder, "*.json", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Folder, file))
        .Where(file => !file.StartsWith("machines", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    private static JsonObject Document(string file) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, file)), null, Deep)!.AsObject();

    private static JsonObject Expected(JsonObject vector)
    {
        if (vector.ContainsKey("open"))
        {
            return (bool)vector["strict"]! ? Written((string)vector["text"]!) : [];
        }
        var wanted = new JsonObject();
        foreach (var key in new[] { "outcome", "problem", "encoded", "flat", "wireType" })
        {
            if (vector.ContainsKey(key))
            {
                wanted[key] = vector[key]?.DeepClone();
            }
        }
        if ((string?)vector["outcome"] == "good" && !vector.ContainsKey("encoded"))
        {
            wanted["encoded"] = JsonNode.Parse((string)vector["text"]!, null, Deep);
        }
        return wanted;
    }

    private static JsonObject Verdict(JsonObject document, string text, bool strict) => (string)document["role"]! switch
    {
        "event" or "frame" => EventVerdict(text),
        "result" => ResultVerdict(document, text),
        "type" => TypeVerdict((string)document["type"]!, text),
        "action" => ActionVerdict(text, strict),
        var role => throw new InvalidOperationException($"Vectors of a new role '{role}'."),
    };

    private static JsonObject EventVerdict(string text)
    {
        var frame = WireCodec.Decode(text);
        if (frame.IsMalformed)
        {
            return new() { ["outcome"] = "malformed" };
        }
        if (frame.Problem is { } problem)
        {
            return Broken(problem);
        }
        if (frame.Event is UnknownEvent unknown)
        {
            unknown.Raw.ShouldBe(text);
            return new() { ["outcome"] = "unknown", ["wireType"] = unknown.WireType };
        }
        frame.Event!.Raw.ShouldBe(text);
        return new()
        {
            ["outcome"] = "good",
            ["encoded"] = JsonNode.Parse(frame.Event!.ToJson(), null, Deep),
            ["flat"] = JsonNode.Parse(frame.Event!.Flatten().GetRawText(), null, Deep),
        };
    }

    private static JsonObject ResultVerdict(JsonObject document, string text)
    {
        var frame = WireCodec.Decode(text);
        var at = ((string)document["at"]!).Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (frame.Problem is not null || at.Length == 0)
        {
            var verdict = EventVerdict(text);
            verdict.Remove("flat");
            return verdict;
        }
        var value = frame.Event!.Member(at);
        return Read((string)document["type"]!, value, (string)document["at"]!);
    }

    private static JsonObject TypeVerdict(string type, string text)
    {
        using var document = JsonDocument.Parse(Surrogates.Mend(System.Text.Encoding.UTF8.GetBytes(text)), Deep);
        return Read(type, document.RootElement.Clone(), "");
    }

    /// <summary>Reads a value as the named type, by the reader and the table that the generator gave it.</summary>
    private static JsonObject Read(string type, JsonElement value, string at)
    {
        var assembly = typeof(WireObject).Assembly;
        var record = assembly.GetType($"{typeof(WireObject).Namespace}.{type}", throwOnError: true)!;
        var reader = record.GetMethod("ReadFrom", BindingFlags.Static | BindingFlags.NonPublic)!
            .CreateDelegate(typeof(Func<,>).MakeGenericType(typeof(JsonElement), record));
        var decode = typeof(Decoder).GetMethod("DecodeValue", BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(record);
        object?[] arguments = [value, Shapes.ByName[type], reader, null];
        var made = (WireObject?)decode.Invoke(null, arguments);
        return arguments[3] is FrameProblem problem
            ? Broken(problem with { Pointer = at + problem.Pointer })
            : new() { ["outcome"] = "good", ["encoded"] = JsonNode.Parse(made!.ToJson(), null, Deep) };
    }

    /// <summary>What the schema allows is written back as it was; what it does not, no client can write.</summary>
    private static JsonObject ActionVerdict(string text, bool strict) =>
        strict ? Written(WireCodec.DecodeAction(text).ToJson()) : [];

    private static JsonObject Written(string text) => new() { ["written"] = JsonNode.Parse(text, null, Deep) };

    private static JsonObject Broken(FrameProblem problem) => new()
    {
        ["outcome"] = "broken",
        ["problem"] = new JsonObject { ["kind"] = problem.Kind, ["pointer"] = problem.Pointer },
    };

    /// <summary>Numbers as IEEE doubles, and nothing that the role does not say.</summary>
    private static JsonNode? Comparable(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.OrderBy(m => m.Key, StringComparer.Ordinal)
            .Select(m => KeyValuePair.Create(m.Key, Comparable(m.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Comparable)]),
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => JsonValue.Create($"number {Number(value) + 0.0:R}"),
        null => null,
        _ => node.DeepClone(),
    };

    private static double Number(JsonValue value) =>
        double.Parse(value.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture);
}
