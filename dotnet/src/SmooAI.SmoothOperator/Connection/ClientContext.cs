namespace SmooAI.SmoothOperator;

/// <summary>What the rooms of one client share.</summary>
internal sealed class ClientContext(SmoothAgentClientOptions options)
{
    internal SmoothAgentClientOptions Options { get; } = options;

    internal TimeProvider Clock { get; } = options.TimeProvider;

    /// <summary>Host and port of the server, for the texts of errors.</summary>
    internal string Host { get; } = Endpoint.HostOf(options.Url);

    internal FastPaths FastPaths { get; } = new();

    internal Gate Gate { get; } = new();

    internal Dispatcher Dispatcher { get; } = new();

    internal Log Log { get; } = new(options.Logger);

    internal RequestIds Ids { get; } = new(options);
}
