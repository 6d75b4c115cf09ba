// Testee for the .NET client: drives it by JSON lines, decides nothing (PROTOCOL.md).
using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;

var lines = Channel.CreateUnbounded<string>();
var input = new Thread(() =>
{
    using var reader = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
    while (reader.ReadLine() is { } line)
    {
        lines.Writer.TryWrite(line);
    }
    lines.Writer.Complete();
})
{ IsBackground = true };
var loop = new Loop();
SynchronizationContext.SetSynchronizationContext(loop);
var testee = new Testee(new Output(Console.OpenStandardOutput()));
var serving = ServeAsync();
input.Start();
loop.Run(serving);
return 0;

async Task ServeAsync()
{
    await foreach (var line in lines.Reader.ReadAllAsync())
    {
        if (await testee.TakeAsync((JsonObject)JsonNode.Parse(line, null, new() { MaxDepth = 512 })!))
        {
            return;
        }
    }
    await testee.ResetAsync();
}

/// <summary>One thread for everything that the testee awaits, so that reports come in the order of events.</summary>
internal sealed class Loop : SynchronizationContext
{
    private readonly BlockingCollection<(SendOrPostCallback, object?)> _work = [];

    public override void Post(SendOrPostCallback callback, object? state) => _work.Add((callback, state));

    public void Run(Task until)
    {
        until.ContinueWith(_ => _work.CompleteAdding(), TaskScheduler.Default);
        foreach (var (callback, state) in _work.GetConsumingEnumerable())
        {
            callback(state);
        }
        until.GetAwaiter().GetResult();
    }
}
