/// <summary>What the runner asks for.</summary>
internal sealed class Options
{
    private readonly Dictionary<string, string> _given = new(StringComparer.Ordinal);

    public Options(string[] words)
    {
        for (var at = 0; at < words.Length; at++)
        {
            var hasValue = at + 1 < words.Length && !words[at + 1].StartsWith("--", StringComparison.Ordinal);
            _given[words[at]] = hasValue ? words[at + 1] : "";
            at += hasValue ? 1 : 0;
        }
    }

    public string Mode => _given["--mode"];

    public Uri Url => new(_given["--url"]);

    public int Events => Number("--events", 0);

    public string Reader => _given.GetValueOrDefault("--reader", "now");

    public TimeSpan Late => TimeSpan.FromMilliseconds(Number("--late-ms", 8_000));

    public int Turns => Number("--turns", 1);

    public int Clients => Number("--clients", 1);

    public bool Ping => _given.ContainsKey("--ping");

    private int Number(string name, int unset) => _given.TryGetValue(name, out var text) ? int.Parse(text) : unset;
}
