using System.Text.Json.Nodes;
using SmooAI.SmoothOperator;

/// <summary>Scripted handlers: they report their calls, and give what the case says.</summary>
internal sealed partial class Testee
{
    private readonly Dictionary<string, List<TaskCompletionSource<JsonObject>>> _waiting = [];

    private Handlers? HandlersOf(JsonObject c)
    {
        if (c["handlers"] is not JsonObject told)
        {
            return null;
        }
        var forms = (told["interaction"] as JsonObject)?.ToDictionary(form => form.Key, form => Form(Scripted(form.Value!)));
        return new Handlers
        {
            Confirm = told["confirm"] is { } confirm ? Confirm(Scripted(confirm)) : null,
            Otp = told["otp"] is { } otp ? Code(Scripted(otp)) : null,
            Interaction = forms ?? [],
        };
    }

    private static ConfirmHandler Confirm(Func<JsonObject, CancellationToken, Task<JsonNode?>> script) =>
        async (ask, signal) => (bool)(await script(Bodies.Ask(ask), signal))!;

    private static OtpHandler Code(Func<JsonObject, CancellationToken, Task<JsonNode?>> script) =>
        async (ask, signal) => (string?)await script(Bodies.Ask(ask), signal);

    private static InteractionHandler Form(Func<JsonObject, CancellationToken, Task<JsonNode?>> script) =>
        async (ask, signal) => (JsonObject?)await script(Bodies.Ask(ask), signal);

    private Func<JsonObject, CancellationToken, Task<JsonNode?>> Scripted(JsonNode told)
    {
        var (name, gives) = ((string)told["as"]!, new Queue<JsonObject>(told["gives"]!.AsArray().Select(given => (JsonObject)given!.DeepClone())));
        return async (ask, signal) =>
        {
            Task<JsonObject> coming;
            lock (_waiting) // a signal that comes at once is told before the next call is
            {
                output.Event("called", "as", name, ask);
                var next = gives.Count > 1 ? gives.Dequeue() : gives.Peek();
                coming = next.ContainsKey("wait") ? WaitAsync(name, signal) : Task.FromResult(next);
            }
            var given = await coming;
            return given.ContainsKey("raise") || given.ContainsKey("nonsense")
                ? throw new InvalidOperationException("as the case says")
                : given["value"]?.DeepClone();
        };
    }

    private async Task<JsonObject> WaitAsync(string name, CancellationToken signal)
    {
        var asked = new TaskCompletionSource<JsonObject>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_waiting)
        {
            if (!_waiting.TryGetValue(name, out var calls))
            {
                _waiting[name] = calls = [];
            }
            calls.Add(asked);
        }
        await using var signalled = signal.Register(() =>
        {
            if (asked.TrySetCanceled(signal))
            {
                output.Event("signalled", "as", name, []);
            }
        });
        return await asked.Task;
    }

    private JsonObject? Give(JsonObject c)
    {
        lock (_waiting)
        {
            var calls = _waiting.GetValueOrDefault(Text(c, "handler"));
            var asked = calls?.Find(call => !call.Task.IsCompleted)
                ?? throw new Refused("unknown-handle", $"{c["handler"]} waits for nothing");
            asked.TrySetResult((JsonObject)c.DeepClone());
        }
        return null;
    }
}
