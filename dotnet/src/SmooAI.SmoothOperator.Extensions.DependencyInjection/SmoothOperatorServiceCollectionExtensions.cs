using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace SmooAI.SmoothOperator.Extensions.DependencyInjection;

/// <summary>Registers clients: one for the whole container, as <see cref="ISmoothAgentClient"/>.</summary>
/// <remarks>
/// Where the options leave them open, the log goes to the container's <see cref="ILoggerFactory"/> and time comes from its
/// <see cref="TimeProvider"/>. The container owns the client and closes it: dispose the container asynchronously, as hosts
/// do, because a link is closed asynchronously. Clients that share a container are told apart by keys.
/// </remarks>
public static class SmoothOperatorServiceCollectionExtensions
{
    /// <summary>Registers a client of a server that connects with its first action (<see cref="SmoothAgentClientOptions.Lazy"/>).</summary>
    /// <param name="services">The container to be.</param>
    /// <param name="url">Address of the server, <c>ws:</c> or <c>wss:</c>.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="ArgumentNullException">There are no services, or no address.</exception>
    public static IServiceCollection AddSmoothOperator(this IServiceCollection services, string url)
    {
        ArgumentNullException.ThrowIfNull(url);
        return services.AddSmoothOperator(_ => new SmoothAgentClientOptions { Url = url, Lazy = true });
    }

    /// <summary>Registers a client with options that the container helps to make.</summary>
    /// <param name="services">The container to be.</param>
    /// <param name="options">
    /// Makes the options, once, when the client is first wanted. They are checked then: what is malformed throws
    /// <see cref="ArgumentException"/> where the client is resolved. Without <c>Lazy</c> somebody has to call
    /// <see cref="ISmoothAgentClient.ConnectAsync"/>.
    /// </param>
    /// <returns>The same services.</returns>
    /// <exception cref="ArgumentNullException">There are no services, or no options.</exception>
    public static IServiceCollection AddSmoothOperator(
        this IServiceCollection services, Func<IServiceProvider, SmoothAgentClientOptions> options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        services.TryAddSingleton<ISmoothAgentClient>(provider => Make(provider, options(provider)));
        return services;
    }

    /// <summary>Registers one of several clients under a key.</summary>
    /// <param name="services">The container to be.</param>
    /// <param name="key">Tells the clients apart; <see cref="FromKeyedServicesAttribute"/> names it.</param>
    /// <param name="options">As for <see cref="AddSmoothOperator(IServiceCollection, Func{IServiceProvider, SmoothAgentClientOptions})"/>.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="ArgumentNullException">There are no services, no key, or no options.</exception>
    public static IServiceCollection AddKeyedSmoothOperator(
        this IServiceCollection services, object key, Func<IServiceProvider, SmoothAgentClientOptions> options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(options);
        services.TryAddKeyedSingleton<ISmoothAgentClient>(key, (provider, _) => Make(provider, options(provider)));
        return services;
    }

    private static SmoothAgentClient Make(IServiceProvider provider, SmoothAgentClientOptions options)
    {
        var logger = provider.GetService<ILoggerFactory>()?.CreateLogger(LoggerBridge.Category);
        var clock = ReferenceEquals(options.TimeProvider, TimeProvider.System) ? provider.GetService<TimeProvider>() : null;
        return new SmoothAgentClient(options with
        {
            Logger = options.Logger ?? logger?.AsClientLogger(),
            TimeProvider = clock ?? options.TimeProvider,
        });
    }
}
