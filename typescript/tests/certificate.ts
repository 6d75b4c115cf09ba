// A throw-away certificate for 127.0.0.1 that is its own authority, written by hand: Node can read
// certificates but not make them.
import { generateKeyPairSync, sign } from 'node:crypto';

const DAY_MS = 86_400_000;

function der(tag: number, ...parts: (Buffer | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as Buffer)));
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), body]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), body]);
}

const sequence = (...parts: (Buffer | readonly number[])[]): Buffer => der(0x30, ...parts);
const oid = (...bytes: number[]): Buffer => der(0x06, bytes);
const time = (date: Date): Buffer =>
  der(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
const extension = (id: number, critical: boolean, value: Buffer): Buffer =>
  sequence(oid(0x55, 0x1d, id), ...(critical ? [der(0x01, [0xff])] : []), der(0x04, value));

const SHA256_WITH_ECDSA = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));

/** Returns key and certificate as PEM; the certificate is good as a root, too. */
export function throwAwayCertificate(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const name = sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from('test')))));
  const now = Date.now();
  const validity = sequence(time(new Date(now - DAY_MS)), time(new Date(now + DAY_MS)));
  const basics = extension(0x13, true, sequence(der(0x01, [0xff])));
  const address = extension(0x11, false, sequence(der(0x87, [127, 0, 0, 1])));
  const body = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, [1]),
    SHA256_WITH_ECDSA,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(basics, address)),
  );
  const signature = sign('sha256', body, privateKey);
  const made = sequence(body, SHA256_WITH_ECDSA, der(0x03, [0], signature));
  const lines = made.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
  };
}
