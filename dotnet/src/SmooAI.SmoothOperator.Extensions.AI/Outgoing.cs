using Microsoft.Extensions.AI;

namespace SmooAI.SmoothOperator.Extensions.AI;

/// <summary>Reads what is to be said out of a talk. Pure.</summary>
internal static class Outgoing
{
    /// <summary>Returns the text of what is new: what the person said behind the last answer.</summary>
    /// <exception cref="ArgumentException">There is nothing to say.</exception>
    internal static string Of(IReadOnlyCollection<ChatMessage> messages)
    {
        var text = string.Join("\n\n", New(messages).Select(message => message.Text).Where(part => part.Length > 0));
        return text.Length > 0 || Attached(messages).Any()
            ? text
            : throw new ArgumentException("The messages hold nothing to say: behind the last answer there is no text of a user.", nameof(messages));
    }

    /// <summary>Returns the optional fields of the message.</summary>
    internal static SendOptions OptionsOf(
        IChatClient client, IReadOnlyCollection<ChatMessage> messages, ChatOptions? options, bool stream)
    {
        var given = options?.RawRepresentationFactory?.Invoke(client) as SendOptions ?? new SendOptions();
        var images = Attached(messages).Where(IsImage).Select(content => new ImageAttachment { Url = UrlOf(content) }).ToArray();
        var files = Attached(messages).Where(content => !IsImage(content)).Select(FileOf).ToArray();
        return given with
        {
            Stream = given.Stream ?? stream,
            Model = given.Model ?? options?.ModelId,
            Images = images.Length > 0 ? [.. given.Images ?? [], .. images] : given.Images,
            Files = files.Length > 0 ? [.. given.Files ?? [], .. files] : given.Files,
        };
    }

    private static IEnumerable<ChatMessage> New(IReadOnlyCollection<ChatMessage> messages) => messages
        .Reverse().TakeWhile(message => message.Role != ChatRole.Assistant && message.Role != ChatRole.Tool).Reverse()
        .Where(message => message.Role == ChatRole.User);

    private static IEnumerable<AIContent> Attached(IReadOnlyCollection<ChatMessage> messages) =>
        New(messages).SelectMany(message => message.Contents).Where(content => content is UriContent or DataContent);

    private static bool IsImage(AIContent content) => content switch
    {
        UriContent uri => uri.HasTopLevelMediaType("image"),
        DataContent data => data.HasTopLevelMediaType("image"),
        _ => false,
    };

    private static string UrlOf(AIContent content) => content is DataContent data ? data.Uri : ((UriContent)content).Uri.AbsoluteUri;

    private static FileAttachment FileOf(AIContent content) => content is DataContent data
        ? new() { Name = data.Name is { Length: > 0 } name ? name : "file", MimeType = data.MediaType, Url = data.Uri }
        : new() { Name = NameOf(((UriContent)content).Uri), MimeType = ((UriContent)content).MediaType, Url = UrlOf(content) };

    private static string NameOf(Uri address) =>
        address.IsAbsoluteUri && Path.GetFileName(Uri.UnescapeDataString(address.AbsolutePath)) is { Length: > 0 } name ? name : "file";
}
