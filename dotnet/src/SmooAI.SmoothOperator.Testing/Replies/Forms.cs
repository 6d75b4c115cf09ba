using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>The kinds of interactions: what may be asked, and which values are taken.</summary>
internal static partial class Forms
{
    internal const string Identity = "identity_intake";
    internal const string Choices = "choices";

    private const int MostQuestions = 4;
    private const int LongestHeader = 12;
    private static readonly string[] IdentityKeys = ["name", "email", "phone"];

    /// <summary>Returns the capability word of a client that can show a kind.</summary>
    internal static string WordOf(string kind) => kind == Identity ? "identity_form" : "choice_chips";

    /// <summary>Returns a copy of what a form asks for; refuses what the kind does not have.</summary>
    internal static JsonObject Checked(string kind, JsonObject spec, string where)
    {
        if (kind is not (Identity or Choices))
        {
            throw new ScriptException($"{where}'{kind}' is no kind of the protocol; expected '{Identity}' or '{Choices}'");
        }
        var tree = Frames.Element(spec);
        var shape = kind == Identity ? Shapes.IdentityIntakeSpec : Shapes.ChoicesSpec;
        var told = Faults.Find(tree, Check.Of(shape.Name), "") is { } found
            ? $"{found.Pointer} is {(found.Kind == "missing" ? "missing" : "of the wrong type")}"
            : kind == Identity ? IdentityFault(tree) : ChoicesFault(tree);
        return told is null
            ? (JsonObject)spec.DeepClone()
            : throw new ScriptException($"{where}the spec of {kind}: {told}");
    }

    /// <summary>Returns what is wrong with an answer, by field; of choices the field is a header.</summary>
    internal static List<FieldError> Of(string kind, JsonObject spec, JsonElement values)
    {
        var faults = kind == Identity ? IdentityFaults(spec, values) : ChoicesFaults(spec, values);
        return [.. faults.Select(fault => new FieldError { Field = fault.Field, Message = fault.Message })];
    }

    private static string? IdentityFault(JsonElement spec)
    {
        var keys = spec.GetProperty("fields").EnumerateArray().Select(field => field.GetProperty("key").GetString()!).ToArray();
        return keys.Length == 0 ? "/fields has no field"
            : keys.FirstOrDefault(key => !IdentityKeys.Contains(key)) is { } strange ? $"/fields: '{strange}' is not name, email or phone"
            : null;
    }

    private static string? ChoicesFault(JsonElement spec)
    {
        var questions = spec.GetProperty("questions").EnumerateArray().ToArray();
        var headers = questions.Select(question => question.GetProperty("header").GetString()!).ToArray();
        if (headers.Length is < 1 or > MostQuestions || headers.Distinct().Count() < headers.Length)
        {
            return "/questions takes one to four questions with different headers";
        }
        for (var number = 0; number < questions.Length; number++)
        {
            if (headers[number].Length > LongestHeader)
            {
                return $"/questions/{number}/header is longer than {LongestHeader}";
            }
            var labels = Labels(questions[number]).ToArray();
            if (labels.Length is < 2 or > MostQuestions || labels.Distinct().Count() < labels.Length)
            {
                return $"/questions/{number}/options takes two to four options with different labels";
            }
        }
        return null;
    }

    private static IEnumerable<string> Labels(JsonElement question) =>
        question.GetProperty("options").EnumerateArray().Select(option => option.GetProperty("label").GetString()!);

    private static IEnumerable<(string Field, string Message)> IdentityFaults(JsonObject spec, JsonElement values)
    {
        var needed = spec["fields"]!.AsArray()
            .Where(field => (bool?)field!["required"] == true).Select(field => (string)field!["key"]!).ToHashSet();
        foreach (var key in IdentityKeys)
        {
            if (!values.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null
                || (value.ValueKind == JsonValueKind.String && value.GetString()!.Length == 0))
            {
                if (needed.Contains(key))
                {
                    yield return (key, "is required");
                }
            }
            else if (value.ValueKind != JsonValueKind.String)
            {
                yield return (key, "must be text");
            }
            else if (key == "email" && !Email().IsMatch(value.GetString()!.Trim()))
            {
                yield return (key, "must be a valid email address");
            }
            else if (key == "phone" && !Phone().IsMatch(Separators().Replace(value.GetString()!, "")))
            {
                yield return (key, "must be a valid phone number");
            }
        }
    }

    private static IEnumerable<(string Field, string Message)> ChoicesFaults(JsonObject spec, JsonElement values)
    {
        if (!values.TryGetProperty("answers", out var answers) || answers.ValueKind != JsonValueKind.Array)
        {
            yield return ("answers", "must be a list");
            yield break;
        }
        var given = new Dictionary<string, JsonElement>();
        foreach (var answer in answers.EnumerateArray().Where(one => one.ValueKind == JsonValueKind.Object))
        {
            if (answer.TryGetProperty("header", out var header) && header.ValueKind == JsonValueKind.String)
            {
                given[header.GetString()!] = answer;
            }
        }
        var asked = Frames.Element(spec).GetProperty("questions").EnumerateArray()
            .ToDictionary(question => question.GetProperty("header").GetString()!);
        if (!given.Keys.All(asked.ContainsKey))
        {
            yield return ("answers", "answers what was not asked");
        }
        foreach (var (header, question) in asked)
        {
            if (AnswerFault(question, given.TryGetValue(header, out var answer) ? answer : null) is { } fault)
            {
                yield return (header, fault);
            }
        }
    }

    private static string? AnswerFault(JsonElement question, JsonElement? answer)
    {
        JsonElement options = default, other = default;
        var chosen = answer?.TryGetProperty("options", out options) == true && options.ValueKind != JsonValueKind.Null;
        if (chosen && (options.ValueKind != JsonValueKind.Array || options.EnumerateArray().Any(one => one.ValueKind != JsonValueKind.String)))
        {
            return "must name options by their labels";
        }
        var labels = chosen ? options.EnumerateArray().Select(one => one.GetString()!).ToHashSet() : [];
        if (!labels.IsSubsetOf(Labels(question)))
        {
            return "names an option that was not offered";
        }
        var hasOther = answer?.TryGetProperty("other", out other) == true && other.ValueKind == JsonValueKind.String && other.GetString()!.Length > 0;
        var several = question.TryGetProperty("multiSelect", out var multiple) && multiple.ValueKind == JsonValueKind.True;
        return (labels.Count + (hasOther ? 1 : 0)) switch
        {
            0 => "needs an answer",
            > 1 when !several => "takes exactly one answer",
            _ => null,
        };
    }

    [GeneratedRegex(@"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$")]
    private static partial Regex Email();

    [GeneratedRegex(@"^\+?[0-9]{10,15}$")]
    private static partial Regex Phone();

    [GeneratedRegex(@"[\s\-.()]")]
    private static partial Regex Separators();
}
