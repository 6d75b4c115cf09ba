using System.Diagnostics;

namespace SmooAI.SmoothOperator.Tests.Support;

/// <summary>The reference server with its demonstration: the one at SMOOTH_OPERATOR_URL, else one of our own.</summary>
public sealed class DemoServer : IAsyncLifetime
{
    /// <summary>A program starts late on a loaded machine.</summary>
    private static readonly TimeSpan Start = TimeSpan.FromMinutes(2);

    private Process? _process;

    public string Url { get; private set; } = "";

    public async Task InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable("SMOOTH_OPERATOR_URL") is { Length: > 0 } given)
        {
            Url = given;
            return;
        }
        var program = Path.Combine(Repository.Root, ".venv", "bin", "smooth-operator-server");
        File.Exists(program).ShouldBeTrue("the README is run against the server of this repository: make setup-python");
        _process = Process.Start(new ProcessStartInfo(program, ["--demo", "--port", "0"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        while (await _process.StandardOutput.ReadLineAsync().WaitAsync(Start) is { } line)
        {
            if (line.IndexOf("ws://", StringComparison.Ordinal) is var at and >= 0)
            {
                Url = line[at..].Trim();
                return;
            }
        }
        throw new InvalidOperationException("The server ended before it listened.");
    }

    public async Task DisposeAsync()
    {
        if (_process is { } process)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync().Soon();
            process.Dispose();
        }
    }
}
