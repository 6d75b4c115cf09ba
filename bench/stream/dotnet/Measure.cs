using System.Diagnostics;
using System.Text.Json.Nodes;

/// <summary>What one run cost, as the runner reads it.</summary>
internal sealed class Measure
{
    private readonly Process _process = Process.GetCurrentProcess();
    private readonly long _rssBefore = Memory("VmRSS:");
    private readonly TimeSpan _cpuBefore;
    private readonly long _began;

    public Measure()
    {
        _cpuBefore = _process.TotalProcessorTime;
        _began = Stopwatch.GetTimestamp();
    }

    /// <summary>Milliseconds from the start of the process to the first token; the runner says when it started.</summary>
    public double? StartupMs { get; private set; }

    public double? PingMs { get; set; }

    public double? DrainSeconds { get; set; }

    /// <summary>Time in which nothing was read on purpose.</summary>
    public TimeSpan Waited { get; set; }

    public void FirstToken()
    {
        if (StartupMs is null && Environment.GetEnvironmentVariable("BENCH_T0") is { } started)
        {
            var now = (DateTime.UtcNow - DateTime.UnixEpoch).TotalMilliseconds;
            StartupMs = now - (long.Parse(started) / 1e6);
        }
    }

    public void Print(long events, long chars, int copies)
    {
        var seconds = (Stopwatch.GetElapsedTime(_began) - Waited).TotalSeconds;
        _process.Refresh();
        var row = new JsonObject
        {
            ["events"] = events,
            ["chars"] = chars,
            ["copies"] = copies,
            ["seconds"] = seconds,
            ["cpu_seconds"] = (_process.TotalProcessorTime - _cpuBefore).TotalSeconds,
            ["rss_before_bytes"] = _rssBefore,
            ["peak_rss_bytes"] = Memory("VmHWM:"),
            ["startup_ms"] = StartupMs,
            ["ping_ms"] = PingMs,
            ["drain_seconds"] = DrainSeconds,
        };
        Console.WriteLine(row.ToJsonString());
    }

    private static long Memory(string name)
    {
        var line = File.ReadLines("/proc/self/status").First(text => text.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
    }
}
