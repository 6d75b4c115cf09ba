using System.Globalization;
using System.Text.Json;

namespace Wire;

internal enum UnionKind
{
    Tagged,
    Keyed,
    Typed,
}

/// <summary>How the branch of a union is told, and what every branch asks.</summary>
internal sealed record UnionShape(
    string Name, UnionKind Kind, string Tag, JsonKinds TagKind, (string Mark, Check Check)[] Branches)
{
    /// <summary>Returns what the branch of a value asks; null when it is of none.</summary>
    internal Check? Choose(JsonElement value)
    {
        foreach (var (mark, check) in Branches)
        {
            if (Fits(value, mark))
            {
                return check;
            }
        }
        return null;
    }

    /// <summary>Returns the mark of the next value's branch; empty for none, a fault when there can be none.</summary>
    internal string MarkOf(Utf8JsonReader reader) => Kind switch
    {
        UnionKind.Typed => TypedMark(reader.TokenType),
        UnionKind.Keyed => KeyedMark(reader),
        _ => TaggedMark(reader),
    };

    private bool Fits(JsonElement value, string mark)
    {
        if (Kind == UnionKind.Typed)
        {
            var kind = Faults.KindOf(value);
            return WordOf(kind) == mark || (WordOf(kind) == "integer" && mark == "number");
        }
        if (value.ValueKind != JsonValueKind.Object)
        {
            return false;
        }
        if (Kind == UnionKind.Keyed)
        {
            return value.TryGetProperty(mark, out _);
        }
        return value.TryGetProperty(Tag, out var tag) && Tells(tag) && TagWord(tag) == mark;
    }

    /// <summary>Whether a value can be the tag.</summary>
    internal bool Tells(JsonElement tag) => (Faults.KindOf(tag) & TagKind) != 0;

    private static string TagWord(JsonElement tag) => Faults.KindOf(tag) switch
    {
        JsonKinds.String => tag.GetString()!,
        JsonKinds.Integer => tag.TryGetInt64(out var whole)
            ? whole.ToString(CultureInfo.InvariantCulture)
            : tag.GetDouble().ToString("0", CultureInfo.InvariantCulture),
        _ => tag.GetRawText(),
    };

    private string TypedMark(JsonTokenType token)
    {
        var kind = token switch
        {
            JsonTokenType.StartObject => "object",
            JsonTokenType.StartArray => "array",
            JsonTokenType.String => "string",
            JsonTokenType.True or JsonTokenType.False => "boolean",
            JsonTokenType.Number => Has("number") ? "number" : "integer",
            _ => "",
        };
        return Has(kind) ? kind : throw WireFault.Type();
    }

    private string KeyedMark(Utf8JsonReader reader)
    {
        Json.Begin(ref reader);
        var found = Branches.Length;
        while (Json.NextMember(ref reader))
        {
            for (var at = 0; at < found; at++)
            {
                if (reader.ValueTextEquals(Branches[at].Mark))
                {
                    found = at;
                }
            }
            reader.Read();
            reader.Skip();
        }
        return found < Branches.Length ? Branches[found].Mark : "";
    }

    private string TaggedMark(Utf8JsonReader reader)
    {
        Json.Begin(ref reader);
        JsonElement? found = null;
        while (Json.NextMember(ref reader))
        {
            var named = reader.ValueTextEquals(Tag);
            reader.Read();
            if (named)
            {
                found = JsonElement.ParseValue(ref reader);
            }
            reader.Skip();
        }
        if (found is not { } tag)
        {
            throw WireFault.Missing();
        }
        var word = Tells(tag) ? TagWord(tag) : throw WireFault.Type();
        return Has(word) ? word : "";
    }

    private bool Has(string mark) => Array.Exists(Branches, branch => branch.Mark == mark);

    private static string WordOf(JsonKinds kind) => kind switch
    {
        JsonKinds.Object => "object",
        JsonKinds.Array => "array",
        JsonKinds.String => "string",
        JsonKinds.Integer or JsonKinds.Large => "integer",
        JsonKinds.Number => "number",
        JsonKinds.Boolean => "boolean",
        _ => "",
    };
}
