using System.Reflection;

namespace SmooAI.SmoothOperator.Tests.Client;

/// <summary>The public surface is a file: a change of it shows in the review.</summary>
public sealed class PublicApiTests
{
    private static readonly string Listing = Path.Combine(
        Repository.Root, "dotnet", "tests", "SmooAI.SmoothOperator.Tests", "Client", "PublicApi.txt");

    [Fact]
    public void TheListingIsUpToDate()
    {
        var now = string.Concat(Describe(typeof(SmoothAgentClient).Assembly)
            .Concat(Describe(typeof(SmooAI.SmoothOperator.Extensions.AI.ConversationChatClient).Assembly))
            .Concat(Describe(typeof(SmooAI.SmoothOperator.Extensions.DependencyInjection.LoggerBridge).Assembly))
            .Concat(Describe(typeof(SmooAI.SmoothOperator.Testing.VirtualTimeProvider).Assembly))
            .Select(line => line + "\n"));
        if (Environment.GetEnvironmentVariable("UPDATE_PUBLIC_API") == "1")
        {
            File.WriteAllText(Listing, now);
        }
        now.ShouldBe(File.ReadAllText(Listing), "run the tests with UPDATE_PUBLIC_API=1 and review the difference");
    }

    private static IEnumerable<string> Describe(Assembly assembly) =>
        assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal).SelectMany(Describe);

    private static IEnumerable<string> Describe(Type type)
    {
        const BindingFlags Own = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        yield return $"{Kind(type)} {type.FullName}{(type.BaseType is { } parent && parent != typeof(object) ? $" : {Name(parent)}" : "")}";
        var members = type.GetMembers(Own)
            .Where(member => !IsCompilers(member))
            .Select(member => $"  {Describe(member)}")
            .Order(StringComparer.Ordinal);
        foreach (var member in members)
        {
            yield return member;
        }
    }

    private static string Kind(Type type) => type.IsInterface ? "interface" : type.IsEnum ? "enum" : type.IsValueType ? "struct" : type.IsAbstract ? "abstract class" : "class";

    private static bool IsCompilers(MemberInfo member) =>
        member is Type
        || member.Name is "<Clone>$" or "PrintMembers" or "op_Equality" or "op_Inequality" or "GetHashCode" or "Deconstruct" or "value__"
        || (member.Name == "Equals" && member is MethodInfo)
        || member is MethodInfo { IsSpecialName: true } and not { Name: "op_Implicit" };

    private static string Describe(MemberInfo member) => member switch
    {
        FieldInfo field => $"{field.Name} = {(field.IsLiteral ? field.GetRawConstantValue() : Name(field.FieldType))}",
        PropertyInfo property => $"{property.Name} {{ {(property.CanRead ? "get; " : "")}{(property.SetMethod?.IsPublic == true ? "init; " : "")}}} {Name(property.PropertyType)}",
        EventInfo raised => $"event {raised.Name} {Name(raised.EventHandlerType!)}",
        MethodBase method => $"{method.Name}({string.Join(", ", method.GetParameters().Select(Describe))}) {(method is MethodInfo info ? Name(info.ReturnType) : "")}".TrimEnd(),
        _ => member.Name,
    };

    private static string Describe(ParameterInfo parameter) =>
        $"{Name(parameter.ParameterType)} {parameter.Name}{(parameter.HasDefaultValue ? " = " + (parameter.DefaultValue ?? "default") : "")}";

    private static string Name(Type type)
    {
        if (!type.IsGenericType)
        {
            return type.Name;
        }
        return $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
    }
}
