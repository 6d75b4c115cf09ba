namespace Wire;

/// <summary>A member that may be absent, null or a value. The default is absent.</summary>
/// <typeparam name="T">Type of the value.</typeparam>
public readonly record struct Optional<T>
{
    private readonly byte _state;

    private Optional(byte state, T? value)
    {
        _state = state;
        Value = value;
    }

    /// <summary>The member is there and null.</summary>
    public static Optional<T> Null { get; } = new(1, default);

    /// <summary>The value; the default of the type when absent or null.</summary>
    public T? Value { get; }

    /// <summary>Whether the member is not there at all.</summary>
    public bool IsAbsent => _state == 0;

    /// <summary>Whether the member is there and null.</summary>
    public bool IsNull => _state == 1;

    /// <summary>Whether there is a value.</summary>
    public bool HasValue => _state == 2;

    /// <summary>Returns the value as an optional; null becomes <see cref="Null"/>.</summary>
    public static Optional<T> Of(T? value) => value is null ? Null : new(2, value);

    /// <summary>Takes a value as it is; null becomes <see cref="Null"/>.</summary>
    public static implicit operator Optional<T>(T? value) => Of(value);

    /// <summary>The value's own text, or one of <c>absent</c> and <c>null</c>.</summary>
    public override string ToString() => HasValue ? Value?.ToString() ?? "" : IsNull ? "null" : "absent";
}
