using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SmooAI.SmoothOperator.Extensions.DependencyInjection;

namespace SmooAI.SmoothOperator.Tests.Extensions;

/// <summary>A client in a container, with its log and its clock.</summary>
public sealed class ServiceTests : ClientTest
{
    [Fact]
    public async Task AnAddressIsEnoughAndTheClientConnectsWithItsFirstAction()
    {
        await using var provider = new ServiceCollection().AddSmoothOperator(Peer.Url).BuildServiceProvider();
        var client = provider.GetRequiredService<ISmoothAgentClient>();
        client.ShouldBeSameAs(provider.GetRequiredService<ISmoothAgentClient>());
        client.State.ShouldBe(ConnectionState.Idle);
        var ping = client.PingAsync();
        var link = await Peer.LinkAsync();
        await link.AnswerAsync("ping", Frames.Pong);
        await ping.Soon();
        var closing = provider.DisposeAsync();
        (await link.ClosedAsync()).ShouldBe(1000);
        await closing.AsTask().Soon();
        await Should.ThrowAsync<ObjectDisposedException>(() => client.ConnectAsync());
    }

    [Fact]
    public async Task TheLogGoesToTheLoggerAndTimeComesFromTheContainer()
    {
        var lines = new Lines();
        var services = new ServiceCollection().AddSmoothOperator(_ => new() { Url = Peer.Url, AutoReconnect = false, CloseTimeout = TimeSpan.Zero });
        services.AddSingleton<TimeProvider>(Clock).AddSingleton<ILoggerFactory>(lines);
        await using var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredService<ISmoothAgentClient>();
        var connecting = client.ConnectAsync();
        var link = await Peer.LinkAsync();
        await connecting.Soon();
        Clock.ActiveTimers.ShouldBeGreaterThan(0);
        await link.SendAsync("no frame");
        await Waiting.UntilAsync(() => lines.Written.Any(line => line.Level == LogLevel.Warning));
        lines.Categories.ShouldBe([LoggerBridge.Category]);
    }

    [Fact]
    public async Task WhatTheOptionsSayComesFirst()
    {
        var lines = new Lines();
        var services = new ServiceCollection().AddSmoothOperator(_ => Usual with { CloseTimeout = TimeSpan.Zero }).AddSmoothOperator("ws://127.0.0.1:1/ws");
        services.AddSingleton<ILoggerFactory>(lines);
        await using var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredService<ISmoothAgentClient>();
        var connecting = client.ConnectAsync();
        var link = await Peer.LinkAsync();
        await connecting.Soon();
        await link.SendAsync("no frame");
        await Waiting.UntilAsync(() => Logged.Any(entry => entry.Severity == LogSeverity.Warning));
        lines.Written.ShouldBeEmpty();
    }

    [Fact]
    public async Task ClientsOfOneContainerAreToldApartByKeys()
    {
        var services = new ServiceCollection()
            .AddKeyedSmoothOperator("a", _ => Usual)
            .AddKeyedSmoothOperator("b", _ => Usual);
        await using var provider = services.BuildServiceProvider();
        provider.GetRequiredKeyedService<ISmoothAgentClient>("a")
            .ShouldNotBeSameAs(provider.GetRequiredKeyedService<ISmoothAgentClient>("b"));
        provider.GetService<ISmoothAgentClient>().ShouldBeNull();
    }

    [Theory]
    [InlineData(LogSeverity.Debug, LogLevel.Debug)]
    [InlineData(LogSeverity.Info, LogLevel.Information)]
    [InlineData(LogSeverity.Warning, LogLevel.Warning)]
    [InlineData(LogSeverity.Error, LogLevel.Error)]
    public void AnEntryKeepsItsSeverityAndItsCause(LogSeverity severity, LogLevel level)
    {
        var lines = new Lines();
        var cause = new IOException();
        lines.AsClientLogger()(new LogEntry(severity, "a {brace}", cause));
        lines.Written.ShouldBe([(level, "a {brace}", cause)]);
    }

    /// <summary>Keeps what is logged.</summary>
    private sealed class Lines : ILoggerFactory, ILogger
    {
        public List<string> Categories { get; } = [];

        public ConcurrentQueue<(LogLevel Level, string Text, Exception? Cause)> Written { get; } = [];

        public ILogger CreateLogger(string categoryName)
        {
            Categories.Add(categoryName);
            return this;
        }

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Enqueue((logLevel, formatter(state, exception), exception));

        public void Dispose()
        {
        }
    }
}
