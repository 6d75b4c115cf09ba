using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using SmooAI.SmoothOperator;

/// <summary>Writes lines, numbers events, damages them for a canary.</summary>
internal sealed class Output(Stream stream)
{
    private static readonly JsonSerializerOptions Plain = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = 600,
    };

    private readonly Lock _lock = new();
    private int _n;
    private int _items;

    public string Canary { get; set; } = "";

    public bool Muted { get; set; }

    public void Line(JsonObject line)
    {
        lock (_lock)
        {
            stream.Write(Encoding.UTF8.GetBytes(line.ToJsonString(Plain) + "\n"));
            stream.Flush();
        }
    }

    public void Event(string ev, string key, string name, JsonObject body)
    {
        lock (_lock)
        {
            _items += ev == "item" ? 1 : 0;
            if (Muted || (Canary == "drop-3rd-item" && ev == "item" && _items == 3))
            {
                return;
            }
            if (Canary == "alter-text" && ev == "ended")
            {
                body["text"] += "!";
            }
            if (Canary == "drop-error-code")
            {
                (body["error"] as JsonObject)?.Remove("code");
            }
            body["ev"] = ev;
            body[key] = name;
            body["n"] = _n++;
            Line(body);
        }
    }

    public void Returned(string name, JsonNode? value) => Event("returned", "as", name, new() { ["value"] = value });

    public void Returned(string name, Exception error) =>
        Event("returned", "as", name, new() { ["error"] = Bodies.Error(error) });
}
