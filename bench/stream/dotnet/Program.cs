// One language's program of the streaming bench: the client, or what it is measured against.
var options = new Options(args);
try
{
    await (options.Mode == "client" ? new Client(options).RunAsync() : new Bare(options).RunAsync());
    return 0;
}
catch (Exception fault)
{
    Console.Error.WriteLine($"stream: {fault.Message}");
    return 1;
}
