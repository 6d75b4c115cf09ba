using System.Diagnostics;
using SmooAI.SmoothOperator;

/// <summary>The public client: iterate, read each token, await the result.</summary>
internal sealed class Client(Options options)
{
    private const string Agent = "6b1f0c3e-2d4a-4f5b-8c6d-7e8f90a1b2c3";

    private Measure _measure = null!;
    private long _events;
    private long _chars;

    public async Task RunAsync()
    {
        var clients = new List<(SmoothAgentClient Client, string Session)>();
        for (var made = 0; made < options.Clients; made++)
        {
            var client = new SmoothAgentClient(new() { Url = options.Url.ToString() });
            await client.ConnectAsync();
            var session = await client.CreateConversationSessionAsync(new() { AgentId = Agent });
            clients.Add((client, session.SessionId));
        }
        _measure = new Measure();
        await Task.WhenAll(clients.SelectMany(one => Enumerable.Range(0, options.Turns).Select(_ => TurnAsync(one.Client, one.Session))));
        _measure.Print(_events, _chars, options.Clients * options.Turns);
        foreach (var (client, _) in clients)
        {
            await client.DisposeAsync();
        }
    }

    private async Task TurnAsync(SmoothAgentClient client, string session)
    {
        var turn = client.SendMessage(new() { SessionId = session, Message = options.Events.ToString() });
        if (options.Reader == "late")
        {
            await Task.Delay(options.Late);
            _measure.Waited = options.Late;
        }
        var (events, chars) = options.Reader == "never" ? (options.Events, -1L) : await ReadAsync(client, turn);
        var result = await turn;
        if (events != options.Events || (chars >= 0 && chars != result.Text.Length))
        {
            throw new InvalidOperationException($"{events} of {options.Events} events, {chars} of {result.Text.Length} characters");
        }
        Interlocked.Add(ref _events, events);
        Interlocked.Add(ref _chars, result.Text.Length);
    }

    private async Task<(int Events, long Chars)> ReadAsync(SmoothAgentClient client, ITurn turn)
    {
        var (events, chars) = (0, 0L);
        var ping = Task.CompletedTask;
        var began = Stopwatch.GetTimestamp();
        await foreach (var item in turn)
        {
            if (item is StreamTokenEvent piece)
            {
                if (events == 0)
                {
                    _measure.FirstToken();
                    ping = options.Ping ? PingAsync(client) : ping;
                }
                events += piece.Merged;
                chars += piece.Token.Length;
            }
        }
        if (options.Reader == "late")
        {
            _measure.DrainSeconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
        await ping;
        return (events, chars);
    }

    private async Task PingAsync(SmoothAgentClient client)
    {
        await Task.Delay(50);
        var sent = Stopwatch.GetTimestamp();
        await client.PingAsync();
        _measure.PingMs = Stopwatch.GetElapsedTime(sent).TotalMilliseconds;
    }
}
