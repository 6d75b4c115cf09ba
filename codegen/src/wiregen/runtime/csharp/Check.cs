using System.Text;
using System.Text.Json;

namespace Wire;

/// <summary>What the reader view asks of one value.</summary>
internal sealed class Check
{
    private readonly string? _shape;
    // only with unions {

    private string? _union;
    // }

    private Check(JsonKinds kinds, string? shape = null, Check? item = null, bool loose = false, string? constant = null)
    {
        Allowed = kinds;
        _shape = shape;
        Item = item;
        LooseItem = loose;
        Text = constant;
    }

    internal static Check Any { get; } = new(JsonKinds.Any);

    internal JsonKinds Allowed { get; }

    internal Shape? Shape => _shape is null ? null : Shapes.ByName[_shape];

    internal Check? Item { get; }

    internal bool LooseItem { get; }

    internal string? Text { get; }

    internal static Check Of(string shape) => new(JsonKinds.Object, shape);

    // only with unions {
    internal UnionShape? Branches => _union is null ? null : UnionShapes.ByName[_union];

    internal static Check Union(string union) => new(JsonKinds.Any) { _union = union };

    // }
    internal static Check Kinds(JsonKinds kinds) => new(kinds);

    internal static Check Constant(string text) => new(JsonKinds.String, constant: text);

    internal static Check Array(Check item, bool loose) => new(JsonKinds.Array, item: item, loose: loose);

    internal static Check Map(Check item, bool loose) => new(JsonKinds.Object, item: item, loose: loose);
}

/// <summary>The repair table of one object.</summary>
internal sealed record Shape(string Name, ShapeField[] Fields)
{
    internal ShapeField? Find(string wire) => Array.Find(Fields, field => field.Wire == wire);

    /// <summary>Goes to the value of the member that a reader stands at; its row, or -1 without a move.</summary>
    internal int Enter(ref Utf8JsonReader reader)
    {
        for (var row = 0; row < Fields.Length; row++)
        {
            if (reader.ValueTextEquals(Fields[row].Utf8))
            {
                reader.Read();
                return row;
            }
        }
        return -1;
    }
}

/// <summary>One member of a repair table.</summary>
internal sealed record ShapeField(string Wire, bool Required, bool Nullable, Check Check)
{
    internal byte[] Utf8 { get; } = Encoding.UTF8.GetBytes(Wire);
}

/// <summary>The same fact at a nested and at a top-level place.</summary>
internal sealed record Mirror(string[] Nested, string Top, bool Fill, bool Needed);
