import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate that nobody but the test vouches for, and its key, in PEM. */
export interface TestCertificate {
  cert: string
  key: string
}

const thisMachine = 'DNS:localhost,IP:127.0.0.1'

/** Makes a certificate for this machine, or for others; the name tells one from another. */
export function makeCertificate(name = 'latchkey-test', hosts = thisMachine): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-certificate-'))
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${hosts}`]
  try {
    execFileSync(
      'openssl',
      ['req', '-x509', ...curve, '-keyout', keyFile, '-out', certFile, '-days', '30', ...names],
      { stdio: 'ignore' },
    )
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
