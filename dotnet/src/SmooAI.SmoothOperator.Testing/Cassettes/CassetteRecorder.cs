using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>
/// Writes the frames of clients of a real server to a cassette, which <see cref="FakeServer.ReplayOf"/> gives back. Values
/// that the specification calls secret are masked; tokens and headers are in no frame.
/// </summary>
/// <example>
/// <code>
/// await using (var recorder = new CassetteRecorder("talk.cassette"))
/// {
///     await using var client = new SmoothAgentClient(recorder.Tap(new() { Url = url }));
///     await (await client.StartConversationAsync(new() { AgentId = agent })).AskAsync("hello");
/// }
/// </code>
/// </example>
public sealed class CassetteRecorder : IAsyncDisposable
{
    private const string Mask = "***";

    private readonly Lock _lock = new();
    private readonly string _path;
    private readonly TimeProvider _clock;
    private readonly List<string> _lines = [];
    private long? _begun;
    private int _links;
    private bool _written;

    /// <summary>Begins a cassette; the file is written, whole or not at all, at disposal.</summary>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="timeProvider">Source of time; the system's by default.</param>
    public CassetteRecorder(string path, TimeProvider? timeProvider = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        (_path, _clock) = (path, timeProvider ?? TimeProvider.System);
    }

    /// <summary>Returns the options of a client whose frames are recorded.</summary>
    /// <param name="options">The client's own options.</param>
    public SmoothAgentClientOptions Tap(SmoothAgentClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options with
        {
            Opener = async (request, cancellationToken) => new TappedSocket(this, Interlocked.Increment(ref _links), options.Opener is { } opener
                ? await opener(request, cancellationToken).ConfigureAwait(false)
                : await WebSocketTransport.OpenAsync(request, options, cancellationToken).ConfigureAwait(false)),
        };
    }

    /// <summary>Writes the file, whole or not at all. Twice is once.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public async ValueTask DisposeAsync()
    {
        string text;
        lock (_lock)
        {
            if (_written)
            {
                return;
            }
            _written = true;
            var head = new JsonObject { ["cassette"] = Cassette.Version, ["spec"] = WireCodec.SpecVersion };
            text = string.Concat(_lines.Prepend(head.ToJsonString()).Select(line => line + "\n"));
        }
        var beside = $"{_path}.{Guid.NewGuid():N}";
        try
        {
            await File.WriteAllTextAsync(beside, text).ConfigureAwait(false);
            File.Move(beside, _path, overwrite: true);
        }
        finally
        {
            File.Delete(beside);
        }
    }

    private void Frame(int link, string way, ReadOnlySpan<byte> text)
    {
        JsonObject frame;
        try
        {
            if (JsonNode.Parse(text) is not JsonObject read)
            {
                return; // what is no JSON object has no place in a cassette
            }
            frame = read;
        }
        catch (JsonException)
        {
            return;
        }
        Hide(frame, way == "out" ? ("action", Secrets.OfActions) : ("type", Secrets.OfEvents));
        Add(new() { ["link"] = link, ["way"] = way, ["frame"] = frame });
    }

    private void End(int link, int code) => Add(new() { ["link"] = link, ["way"] = "end", ["code"] = code });

    private void Add(JsonObject line)
    {
        lock (_lock)
        {
            var now = _clock.GetTimestamp();
            _begun ??= now;
            line.Insert(0, "at", (long)_clock.GetElapsedTime(_begun.Value, now).TotalMilliseconds);
            _lines.Add(line.ToJsonString());
        }
    }

    private static void Hide(JsonObject frame, (string Word, Dictionary<string, string[][]> Paths) secrets)
    {
        foreach (var path in secrets.Paths.GetValueOrDefault(Answering.TextOf(frame, secrets.Word) ?? "") ?? [])
        {
            JsonNode? owner = frame;
            foreach (var name in path.AsSpan(0, path.Length - 1))
            {
                owner = (owner as JsonObject)?[name];
            }
            if (owner is JsonObject members && members.ContainsKey(path[^1]))
            {
                members[path[^1]] = Mask;
            }
        }
    }

    /// <summary>A socket with the recording between it and its client.</summary>
    private sealed class TappedSocket(CassetteRecorder recorder, int link, ISocket inner) : ISocket
    {
        public async ValueTask<SocketMessage> ReceiveAsync()
        {
            var message = await inner.ReceiveAsync().ConfigureAwait(false);
            if (message.Kind == SocketMessageKind.Text)
            {
                recorder.Frame(link, "in", message.Data.Span);
            }
            else if (message.Kind is SocketMessageKind.Closed or SocketMessageKind.Lost)
            {
                recorder.End(link, message.Kind == SocketMessageKind.Closed ? message.Number : Reply.Abnormal);
            }
            return message;
        }

        public Task SendAsync(ReadOnlyMemory<byte> text)
        {
            recorder.Frame(link, "out", text.Span);
            return inner.SendAsync(text);
        }

        public Task CloseAsync(int code) => inner.CloseAsync(code);

        public void Abort() => inner.Abort();

        public void Dispose() => inner.Dispose();
    }
}
