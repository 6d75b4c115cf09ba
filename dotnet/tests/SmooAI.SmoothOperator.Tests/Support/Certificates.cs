using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace SmooAI.SmoothOperator.Tests.Support;

/// <summary>A throw-away authority and a certificate of it for the loopback.</summary>
internal sealed class Certificates : IDisposable
{
    private readonly RSA _authorityKey = RSA.Create(2048);
    private readonly RSA _serverKey = RSA.Create(2048);

    public Certificates(bool rightName = true)
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var authority = new CertificateRequest("CN=Test Root", _authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        Root = authority.CreateSelfSigned(from, to);
        var request = new CertificateRequest("CN=Test Server", _serverKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(rightName ? IPAddress.Loopback : IPAddress.Parse("192.0.2.1"));
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(Root, from, to.AddHours(-1), [1, 2, 3, 4]);
        using var whole = signed.CopyWithPrivateKey(_serverKey);
        Server = X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pfx), null);
    }

    public X509Certificate2 Root { get; }

    public X509Certificate2 Server { get; }

    public void Dispose()
    {
        Root.Dispose();
        Server.Dispose();
        _authorityKey.Dispose();
        _serverKey.Dispose();
    }
}
