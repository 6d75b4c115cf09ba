// Decode of one frame in C# against the concrete type by System.Text.Json source generation,
// in alternating rounds of one process.
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using SmooAI.SmoothOperator;

const int Rounds = 25;
const int Count = 10_000;

var frames = JsonSerializer.Deserialize(File.ReadAllText(args[0]), Plain.Default.DictionaryStringString)!;
foreach (var (frame, text) in frames)
{
    var bytes = Encoding.UTF8.GetBytes(text);
    Action parse = frame switch
    {
        "token" => () => JsonSerializer.Deserialize(bytes, Plain.Default.Token),
        "answer" => () => JsonSerializer.Deserialize(bytes, Plain.Default.Answer),
        _ => () => JsonDocument.Parse(bytes).Dispose(),
    };
    Action decode = () => WireCodec.Decode(bytes.AsMemory());
    List<double> plain = [], decoded = [];
    for (var round = 0; round < Rounds + 15; round++)
    {
        var (one, two) = (Nanoseconds(parse), Nanoseconds(decode));
        if (round < 15)
        {
            continue; // the tiered compiler is still at work
        }

        plain.Add(one);
        decoded.Add(two);
    }

    Console.WriteLine(JsonSerializer.Serialize(new Row(frame, plain, decoded), Plain.Default.Row));
}

static double Nanoseconds(Action run)
{
    var start = Stopwatch.GetTimestamp();
    for (var i = 0; i < Count; i++)
    {
        run();
    }

    return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Count;
}

internal sealed record Row(
    [property: JsonPropertyName("frame")] string Frame,
    [property: JsonPropertyName("plain")] List<double> Plain,
    [property: JsonPropertyName("decode")] List<double> Decode);

internal sealed record TokenData(string RequestId, string Token);

internal sealed record Token(string Type, string? RequestId, [property: JsonPropertyName("token")] string? Text, TokenData Data, long? Timestamp);

internal sealed record Citation(string Id, string Title, string? Url, string Snippet, double Score);

internal sealed record Usage(double? CostUsd, long? PromptTokens, long? CompletionTokens);

internal sealed record Inner(string MessageId, JsonElement Response, bool? NeedsEscalation, Usage? Usage, List<Citation>? Citations);

internal sealed record AnswerData(string RequestId, long Status, Inner Data);

internal sealed record Answer(string Type, string? RequestId, long? Status, AnswerData Data, long? Timestamp);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(Row))]
[JsonSerializable(typeof(Token))]
[JsonSerializable(typeof(Answer))]
internal sealed partial class Plain : JsonSerializerContext;
