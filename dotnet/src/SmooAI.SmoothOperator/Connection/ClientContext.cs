namespace SmooAI.SmoothOperator;

/// <summary>What the rooms of one client share.</summary>
internal sealed class ClientContext
{
    internal ClientContext(SmoothAgentClientOptions options)
    {
        Options = options;
        Clock = options.TimeProvider;
        Host = Endpoint.HostOf(options.Url);
        Log = new(options.Logger);
        Ids = new(options);
        Watch = new(options.Observer, Dispatcher, Log);
    }

    internal SmoothAgentClientOptions Options { get; }

    internal TimeProvider Clock { get; }

    /// <summary>Host and port of the server, for the texts of errors.</summary>
    internal string Host { get; }

    internal FastPaths FastPaths { get; } = new();

    internal Gate Gate { get; } = new();

    internal Dispatcher Dispatcher { get; } = new();

    internal Beside Beside { get; } = new();

    internal Log Log { get; }

    internal RequestIds Ids { get; }

    internal Tally Tally { get; } = new();

    internal Watch Watch { get; }

    /// <summary>Draws one number of the random source; a source that breaks ends nothing.</summary>
    internal double Draw()
    {
        const double Middle = 0.5;
        try
        {
            var drawn = Options.Random();
            if (drawn is >= 0 and < 1)
            {
                return drawn;
            }
            Log.Warning($"{nameof(SmoothAgentClientOptions.Random)} drew a number that is not from 0 up to 1.");
        }
        catch (Exception fault)
        {
            Log.Warning($"{nameof(SmoothAgentClientOptions.Random)} threw.", fault);
        }
        return Middle;
    }
}
