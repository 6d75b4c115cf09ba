// The fake server of the .NET client as a program, for `conform pair --servers`.
//
//     kit [--script FILE] [--port N]
//
// Listens on 127.0.0.1, says where in its first line, and ends with SIGTERM, or with its stdin where that is a pipe.

using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using SmooAI.SmoothOperator.Testing;

var (script, port) = ((string?)null, 0);
for (var at = 0; at < args.Length; at += 2)
{
    var value = at + 1 < args.Length ? args[at + 1] : "";
    switch (args[at])
    {
        case "--script":
            script = value;
            break;
        case "--port" when int.TryParse(value, out var number):
            port = number;
            break;
        default:
            await Console.Error.WriteLineAsync($"kit: {args[at]} is not --script FILE or --port N");
            return 2;
    }
}

var over = new TaskCompletionSource();
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
{
    signal.Cancel = true;
    over.TrySetResult();
});
try
{
    await using var server = new FakeServer();
    if (script is not null)
    {
        server.Script(JsonNode.Parse(await File.ReadAllTextAsync(script))!.AsObject());
    }
    Console.WriteLine($"listening on {await server.ListenAsync(port)}");
    if (Console.IsInputRedirected && new FileInfo("/dev/stdin") is { LinkTarget: { } input } && input.StartsWith("pipe:", StringComparison.Ordinal))
    {
        _ = Console.In.ReadToEndAsync().ContinueWith(_ => over.TrySetResult(), TaskScheduler.Default);
    }
    await over.Task;
    return 0;
}
catch (Exception fault) when (fault is ScriptException or IOException or System.Net.Sockets.SocketException or System.Text.Json.JsonException)
{
    await Console.Error.WriteLineAsync($"kit: {fault.Message}");
    return 1;
}
