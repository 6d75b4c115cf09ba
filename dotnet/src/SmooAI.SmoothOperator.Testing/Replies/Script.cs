using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>A script file of the reference server, and how far it was played: its entries are consumed over all turns.</summary>
internal sealed class Script
{
    private const string Denied = "denied";

    private static readonly Dictionary<string, string> FormTools = new()
    {
        ["request_identity_intake"] = Forms.Identity,
        ["request_choices"] = Forms.Choices,
    };

    private readonly JsonObject[] _model;
    private readonly Dictionary<string, JsonObject> _tools;
    private readonly string[] _confirmed;
    private readonly Step.Otp _otp;
    private readonly bool _delivers;
    private int _place;

    /// <summary>Reads a document; what is no script is refused with the place.</summary>
    internal Script(JsonObject document)
    {
        _model = ScriptReading.Model(document);
        _tools = ScriptReading.Tools(document);
        _confirmed = [.. ScriptReading.List(document, "confirmTools").Select(one => one!.ToString())];
        (_otp, _delivers) = ScriptReading.Otp(document);
    }

    /// <summary>Plays one turn: from the next entry to the one that ends it.</summary>
    internal IEnumerable<Wait> Run(Play play)
    {
        var spent = new Usage();
        while (!play.Turn.IsSettled)
        {
            if (_place >= _model.Length)
            {
                play.Fail("AGENT_ERROR", "The script has no entry left.");
                yield break;
            }
            var entry = _model[_place++];
            yield return play.Pause(TimeSpan.FromMilliseconds((double?)entry["delayMs"] ?? 0));
            spent = Spend(spent, entry);
            if (entry["toolCall"] is JsonObject call)
            {
                foreach (var wait in Call(play, call))
                {
                    yield return wait;
                }
            }
            else
            {
                Say(play, entry, spent);
            }
        }
    }

    private static void Say(Play play, JsonObject entry, Usage spent)
    {
        foreach (var kind in (ReadOnlySpan<string>)["reasoning", "preamble"])
        {
            foreach (var word in WordsOf((string?)entry[kind] ?? ""))
            {
                play.Piece($"stream_{kind}", word);
            }
        }
        if (entry["error"] is not null)
        {
            play.Fail("AGENT_ERROR", "The agent failed.");
        }
        else if ((string?)entry["text"] is { } text)
        {
            foreach (var word in WordsOf(text))
            {
                play.Piece("stream_token", word);
            }
            play.Finish(text, [], spent, []);
        }
    }

    private IEnumerable<Wait> Call(Play play, JsonObject call)
    {
        var (name, arguments) = ((string)call["name"]!, call["arguments"] as JsonObject ?? []);
        var told = new ToolOutcome();
        foreach (var wait in Outcome(play, name, arguments, told))
        {
            yield return wait;
        }
        if (play.Turn.IsSettled)
        {
            yield break;
        }
        var raw = new JsonObject { ["toolCall"] = new JsonObject { ["name"] = name, ["arguments"] = arguments.DeepClone() } };
        play.Chunk(name, Frames.Element(raw), null);
        var result = new JsonObject { ["name"] = name, ["isError"] = told.Failed, ["result"] = told.Result?.DeepClone() };
        play.Chunk(name, Frames.Element(new JsonObject { ["toolResult"] = result }), null);
    }

    /// <summary>Finds out what a tool says, and whether that is an error.</summary>
    private IEnumerable<Wait> Outcome(Play play, string name, JsonObject arguments, ToolOutcome told)
    {
        if (FormTools.TryGetValue(name, out var kind))
        {
            return Form(play, kind, arguments, told);
        }
        if (!_tools.TryGetValue(name, out var tool))
        {
            told.Fail("there is no such tool");
            return [];
        }
        return Gates(play, name, tool, told);
    }

    private IEnumerable<Wait> Gates(Play play, string name, JsonObject tool, ToolOutcome told)
    {
        var auth = (string?)tool["auth"] ?? "";
        var described = (string?)tool["description"] is { Length: > 0 } text ? text : $"Run {name}";
        if (auth == "admin")
        {
            told.Fail(Denied);
            yield break;
        }
        if (auth.Length > 0 && auth != "none" && !play.Turn.Session.IsVerified)
        {
            var given = play.Otp(_otp, name, described, _delivers);
            yield return given;
            if (!given.Approves)
            {
                told.Fail(Denied);
                yield break;
            }
        }
        if ((bool?)tool["confirm"] == true || _confirmed.Any(name.Contains))
        {
            var asked = play.Confirm(described, name);
            yield return asked;
            if (!asked.Approves)
            {
                told.Fail(Denied);
                yield break;
            }
        }
        told.Result = tool["result"];
    }

    private static IEnumerable<Wait> Form(Play play, string kind, JsonObject arguments, ToolOutcome told)
    {
        var reason = (string?)arguments["reason"] ?? "The agent asks.";
        var spec = (JsonObject)arguments.DeepClone();
        spec.Remove("reason");
        if (kind == Forms.Identity && spec["fields"] is JsonArray fields)
        {
            spec["fields"] = new JsonArray([.. fields.Select(field => field?.GetValueKind() == JsonValueKind.String
                ? new JsonObject { ["key"] = (string)field!, ["required"] = true }
                : field?.DeepClone())]);
        }
        JsonObject form;
        try
        {
            form = Forms.Checked(kind, spec, "");
        }
        catch (ScriptException fault)
        {
            told.Result = fault.Message;
            yield break;
        }
        if (!play.Turn.Session.Words.Contains(Forms.WordOf(kind)))
        {
            told.Result = new JsonObject { ["mode"] = "conversational", ["kind"] = kind, ["spec"] = form, ["reason"] = reason };
            yield break;
        }
        var wait = play.Form(kind, form, reason);
        yield return wait;
        told.Result = wait.Answer ?? new JsonObject { ["status"] = "no_response" };
    }

    /// <summary>Returns the words of a text, each with the blank behind it; joined they are the text.</summary>
    private static IEnumerable<string> WordsOf(string text)
    {
        var parts = text.Split(' ');
        return text.Length == 0 ? [] : parts.Select((part, place) => place < parts.Length - 1 ? part + " " : part);
    }

    private static Usage Spend(Usage spent, JsonObject entry)
    {
        const double UsualPrompt = 10;
        const double UsualCompletion = 5;
        var usual = entry["text"] is not null || entry["toolCall"] is not null;
        var usage = entry["usage"] as JsonObject ?? (usual
            ? new JsonObject { ["promptTokens"] = UsualPrompt, ["completionTokens"] = UsualCompletion }
            : []);
        long? Sum(long? before, string name) => usage[name] is { } more ? (before ?? 0) + (long)more.GetValue<double>() : before;
        return spent with
        {
            PromptTokens = Sum(spent.PromptTokens, "promptTokens"),
            CompletionTokens = Sum(spent.CompletionTokens, "completionTokens"),
        };
    }

    /// <summary>What a tool said.</summary>
    private sealed class ToolOutcome
    {
        internal JsonNode? Result { get; set; }

        internal bool Failed { get; private set; }

        internal void Fail(string why) => (Result, Failed) = (why, true);
    }
}
