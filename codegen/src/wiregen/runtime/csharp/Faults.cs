using System.Globalization;
using System.Text.Json;

namespace Wire;

/// <summary>Finds the first fault of a repaired tree: members in table order, depth first, mirrors last.</summary>
internal static class Faults
{
    internal static FrameProblem? Find(JsonElement value, Check check, string at)
    {
        if ((KindOf(value) & Numbers.Wider(check.Allowed)) == 0)
        {
            return new("type", at);
        }
        if (check.Text is { } text)
        {
            return value.ValueEquals(text) ? null : new("const", at);
        }
        if (check.Shape is { } shape)
        {
            return FindMember(value, shape, at);
        }
        // only with unions {
        if (check.Branches is { } union)
        {
            return FindBranch(value, union, at);
        }
        // }
        return check.Item is { } item ? FindItem(value, check, item, at) : null;
    }

    internal static FrameProblem? FindMirror(JsonElement root, Mirror[] mirrors)
    {
        foreach (var mirror in mirrors)
        {
            if (mirror.Needed && !Has(root, mirror.Nested) && !Has(root, [mirror.Top]))
            {
                return new("missing", "/" + mirror.Top);
            }
        }
        return null;
    }

    private static FrameProblem? FindMember(JsonElement value, Shape shape, string at)
    {
        foreach (var field in shape.Fields)
        {
            var here = Below(at, field.Wire);
            if (!value.TryGetProperty(field.Wire, out var member))
            {
                if (field.Required)
                {
                    return new("missing", here);
                }
                continue;
            }
            if (field.Nullable && member.ValueKind == JsonValueKind.Null)
            {
                continue;
            }
            if (Find(member, field.Check, here) is { } found)
            {
                return found;
            }
        }
        return null;
    }

    // only with unions {
    private static FrameProblem? FindBranch(JsonElement value, UnionShape union, string at)
    {
        if (union.Choose(value) is { } chosen)
        {
            return Find(value, chosen, at);
        }
        if (union.Kind == UnionKind.Typed || value.ValueKind != JsonValueKind.Object)
        {
            return new("type", at);
        }
        if (union.Kind == UnionKind.Keyed)
        {
            return null;
        }
        if (!value.TryGetProperty(union.Tag, out var tag))
        {
            return new("missing", Below(at, union.Tag));
        }
        return union.Tells(tag) ? null : new("type", Below(at, union.Tag));
    }

    // }
    private static FrameProblem? FindItem(JsonElement value, Check check, Check item, string at)
    {
        IEnumerable<(string Name, JsonElement Value)> entries = value.ValueKind == JsonValueKind.Array
            ? value.EnumerateArray().Select((entry, index) => (index.ToString(CultureInfo.InvariantCulture), entry))
            : value.EnumerateObject().Select(entry => (entry.Name, entry.Value));
        foreach (var (name, entry) in entries)
        {
            if (check.LooseItem && entry.ValueKind == JsonValueKind.Null)
            {
                continue;
            }
            if (Find(entry, item, Below(at, name)) is { } found)
            {
                return found;
            }
        }
        return null;
    }

    private static bool Has(JsonElement root, string[] path)
    {
        var current = root;
        foreach (var segment in path)
        {
            if (current.ValueKind != JsonValueKind.Object || !current.TryGetProperty(segment, out current))
            {
                return false;
            }
        }
        return true;
    }

    private static string Below(string at, string name) =>
        $"{at}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    internal static JsonKinds KindOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => JsonKinds.Object,
        JsonValueKind.Array => JsonKinds.Array,
        JsonValueKind.String => JsonKinds.String,
        JsonValueKind.Number => Numbers.KindOf(value),
        JsonValueKind.True or JsonValueKind.False => JsonKinds.Boolean,
        _ => JsonKinds.Null,
    };
}
