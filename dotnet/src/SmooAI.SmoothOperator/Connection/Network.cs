using System.Net.NetworkInformation;

namespace SmooAI.SmoothOperator;

/// <summary>
/// The platform's word that there is a network again (REQ-CONN-35). Listened to only while a link is wanted: the
/// platform's event is static and would keep a client alive.
/// </summary>
/// <param name="isWanted">Whether a link is wanted now.</param>
/// <param name="online">Called when there is a network again, from a thread of the platform.</param>
/// <param name="log">Hears of a platform that cannot tell.</param>
internal sealed class Network(Func<bool> isWanted, Action online, Log log)
{
    private readonly Lock _lock = new();
    private bool _listens;

    /// <summary>Listens from now on, or no longer; called outside the gate, as the platform takes locks of its own.</summary>
    internal void Follow()
    {
        lock (_lock)
        {
            var wanted = isWanted();
            if (wanted == _listens)
            {
                return;
            }
            _listens = wanted;
            try
            {
                if (wanted)
                {
                    NetworkChange.NetworkAvailabilityChanged += OnChange;
                }
                else
                {
                    NetworkChange.NetworkAvailabilityChanged -= OnChange;
                }
            }
            catch (Exception fault) when (fault is PlatformNotSupportedException or NetworkInformationException)
            {
                log.Debug($"The platform does not tell of its network: {fault.GetType().Name}.");
            }
        }
    }

    private void OnChange(object? sender, NetworkAvailabilityEventArgs change)
    {
        if (change.IsAvailable)
        {
            online();
        }
    }
}
