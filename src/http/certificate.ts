import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

/** Where a certificate and its key are, in PEM. */
export interface CertificateFiles {
  certFile: string
  keyFile: string
}

/** A certificate, with those that vouch for it, and its key. */
export interface Certificate {
  cert: Buffer
  key: Buffer
}

/** Reads a certificate and its key. Throws an `Error` that says what is wrong with them, and nothing of what they hold. */
export function openCertificate(files: CertificateFiles): Certificate {
  const certificate = read(files)
  requireUsable(certificate, files)
  return certificate
}

/**
 * Looks every `intervalMs` whether the files hold something else, however they were replaced, and hands it on. What cannot
 * be used is reported once it has stayed so for another look: of two files, one is replaced first. Returns what ends it.
 */
export function watchCertificate(
  files: CertificateFiles,
  inUse: Certificate,
  options: { intervalMs: number; take: (certificate: Certificate) => void; complain: (error: Error) => void },
): () => void {
  let current = inUse
  let problem = ''
  let complained = ''

  function look(): void {
    const found = read(files)
    if (isSame(found, current)) return
    requireUsable(found, files)
    current = found
    options.take(found)
  }

  const timer = setInterval(() => {
    let now = ''
    try {
      look()
    } catch (error) {
      now = (error as Error).message
      if (now === problem && now !== complained) options.complain(error as Error)
      complained = now === problem ? now : ''
    }
    problem = now
  }, options.intervalMs).unref()
  return () => clearInterval(timer)
}

/** Until when a certificate is valid. */
export function endOf({ cert }: Certificate): string {
  return new X509Certificate(cert).validToDate.toISOString()
}

function read({ certFile, keyFile }: CertificateFiles): Certificate {
  return { cert: readNamed(certFile), key: readNamed(keyFile) }
}

function readNamed(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`, { cause: error })
  }
}

function isSame(one: Certificate, other: Certificate): boolean {
  return one.cert.equals(other.cert) && one.key.equals(other.key)
}

function requireUsable({ cert, key }: Certificate, { certFile, keyFile }: CertificateFiles): void {
  const leaf = orSay(`${certFile} holds no certificate in PEM.`, () => new X509Certificate(cert))
  const own = orSay(`${keyFile} holds no private key in PEM, or one with a passphrase.`, () =>
    createPrivateKey(key),
  )
  if (!leaf.checkPrivateKey(own)) {
    throw new Error(`${keyFile} is not the key of the certificate in ${certFile}.`)
  }
  orSay(`${certFile} cannot be used for TLS.`, () => createSecureContext({ cert, key }))
}

function orSay<T>(sentence: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw new Error(sentence, { cause: error })
  }
}
