using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>What the file of a cassette holds, by the actions that the frames followed. Guarded by the world's gate.</summary>
internal sealed class Cassette
{
    internal const int Version = 1;

    /// <summary>Frames that came on a link before the client said anything, by the number of the link.</summary>
    private readonly Dictionary<int, List<JsonObject>> _first = [];

    private readonly Dictionary<(string Action, int Number), (JsonObject Frame, List<JsonObject> Lines)> _after = [];
    private readonly Dictionary<string, int> _seen = [];
    private readonly Dictionary<string, string> _ids = [];
    private int _opened;

    private Cassette(IEnumerable<JsonObject> lines)
    {
        var counted = new Dictionary<string, int>();
        var newest = new Dictionary<int, List<JsonObject>>();
        foreach (var line in lines)
        {
            var link = (int)line["link"]!;
            if ((string?)line["way"] == "out")
            {
                var frame = line["frame"]!.AsObject();
                var action = Answering.TextOf(frame, "action") ?? "";
                counted[action] = counted.GetValueOrDefault(action) + 1;
                newest[link] = [];
                _after[(action, counted[action])] = (frame, newest[link]);
            }
            else
            {
                if (!newest.TryGetValue(link, out var following))
                {
                    _first[link] = newest[link] = following = [];
                }
                following.Add(line);
            }
        }
    }

    /// <summary>Reads a file; what is no cassette is refused with file and line.</summary>
    internal static Cassette Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var name = Path.GetFileName(path);
        var texts = File.ReadAllLines(path);
        if (texts.Length == 0)
        {
            throw new CassetteException($"{name} is empty: it is no cassette");
        }
        if (ObjectOf(texts[0])?["cassette"] is not { } version)
        {
            throw new CassetteException($"{name}: line 1 is no head of a cassette");
        }
        if (version.ToJsonString() != $"{Version}")
        {
            throw new CassetteException($"{name} is of cassette version {version.ToJsonString()}; this kit reads {Version}");
        }
        return new Cassette(texts.Skip(1).Select((text, place) => ObjectOf(text) is { } line && IsLine(line)
            ? line
            : throw new CassetteException($"{name}: line {place + 2} is no frame of a cassette")).ToArray());
    }

    /// <summary>Gives a link what came on it unasked.</summary>
    internal void Opened(ILink link) => Play(_first.GetValueOrDefault(++_opened) ?? [], link);

    /// <summary>Answers an action as it was answered; false when the cassette does not hold it.</summary>
    internal bool Answer(JsonObject frame, ILink link)
    {
        var action = Answering.TextOf(frame, "action") ?? "";
        _seen[action] = _seen.GetValueOrDefault(action) + 1;
        if (!_after.TryGetValue((action, _seen[action]), out var found))
        {
            return false;
        }
        if (Answering.TextOf(found.Frame, "requestId") is { } recorded && Answering.TextOf(frame, "requestId") is { } now)
        {
            _ids[recorded] = now;
        }
        Play(found.Lines, link);
        return true;
    }

    private void Play(List<JsonObject> lines, ILink link)
    {
        foreach (var line in lines)
        {
            if ((string?)line["way"] == "end")
            {
                link.End((int)line["code"]!);
            }
            else
            {
                link.Write(Renamed(line["frame"])!.ToJsonString());
            }
        }
    }

    /// <summary>Puts the client's ids in place of the recorded ones, wherever they stand.</summary>
    private JsonNode? Renamed(JsonNode? tree) => tree switch
    {
        JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(member.Key, Renamed(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Renamed)]),
        JsonValue value when value.TryGetValue<string>(out var text) && _ids.TryGetValue(text, out var now) => now,
        _ => tree?.DeepClone(),
    };

    private static JsonObject? ObjectOf(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool IsLine(JsonObject line) =>
        IsNumber(line["link"]) && IsNumber(line["at"]) && Answering.TextOf(line, "way") switch
        {
            "end" => IsNumber(line["code"]),
            "in" or "out" => line["frame"] is JsonObject,
            _ => false,
        };

    private static bool IsNumber(JsonNode? node) => node is JsonValue value && value.TryGetValue<int>(out _);
}
