using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace SmooAI.SmoothOperator;

/// <summary>Trusts added roots beside the platform's own (REQ-CONN-13).</summary>
internal static class RootTrust
{
    /// <summary>Returns the check for a handshake; null leaves it to the platform alone.</summary>
    internal static RemoteCertificateValidationCallback? Validation(X509Certificate2Collection? added) =>
        added is null or { Count: 0 } ? null : (_, leaf, chain, errors) => Trusts(added, leaf, chain, errors);

    private static bool Trusts(
        X509Certificate2Collection added, X509Certificate? leaf, X509Chain? sent, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return true;
        }
        // Only an unknown root is mended; a wrong name or no certificate at all stays refused.
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || leaf is not X509Certificate2 certificate)
        {
            return false;
        }
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(added);
        if (sent is not null)
        {
            foreach (var element in sent.ChainElements)
            {
                chain.ChainPolicy.ExtraStore.Add(element.Certificate);
            }
        }
        return chain.Build(certificate);
    }
}
