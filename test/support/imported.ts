import { v7 as uuidv7 } from 'uuid'
import type { Database } from '../../src/db/open.ts'
import { insertToken, type NewTokenRow } from '../../src/db/tokens.ts'

const knoxDigits = '77e72d5172a063f945567d51bcf7cd38c5b9dfd0e16275b83a0f5b0e72b0e685'

/** A token from elsewhere; the digests were made by Python's `hashlib`, in hexadecimal digits as Knox stores them. */
export interface ForeignToken {
  what: string
  form: 'drf' | 'knox'
  token: string
  digest: string
}

export const foreignTokens: readonly ForeignToken[] = [
  {
    what: 'a token of Django REST Framework',
    form: 'drf',
    token: '9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b',
    digest: '5cc1e9113bbaa7040c4e0fbe80ea6aa743e34add380c596abe5fe584ece883ec',
  },
  {
    what: 'a token of Knox 5',
    form: 'knox',
    token: knoxDigits,
    digest:
      'c7fabe000b05bb5d5751f9cac2df9a89e5230a87ecf16d7bb9578d855e4da04e06fadc70df10141e0777849a10f016c316b3d9454d3aaa66d19d73bca552ceef',
  },
  {
    what: 'a token of Knox 5 with a prefix',
    form: 'knox',
    token: `acme-1.0$_${knoxDigits}`,
    digest:
      'a8dc0046ff95c3c58cd374314500302bbff91fcf3c37a0ee5a6288f30aeffccd6bf721c258a2c45798b386dc6964676ab76e984ccb1fe2544c2b5ef85f8fd471',
  },
  {
    what: 'a token of Knox 4',
    form: 'knox',
    token: knoxDigits,
    digest:
      '0fb5951409690e79d175484750e6faf708e0cfec18f36282261738f670ccd9696f99282e9afdf97531e135abd33c5c8b6de9ff97ee0d54814bfb4e5b3dac67f2',
  },
]

/** Stores a token as if it had been imported; it lives for 30 days unless `more` says otherwise. Returns its id. */
export async function storeForeignToken(
  database: Database,
  { digest }: ForeignToken,
  { userId, now, ...more }: { userId: string; now: number } & Partial<NewTokenRow>,
): Promise<string> {
  const id = uuidv7({ msecs: now })
  const expiresAt = now + 30 * 86_400_000
  await insertToken(database.kysely, {
    id,
    userId,
    digest: Buffer.from(digest, 'hex').toString('base64url'),
    name: 'Imported',
    deviceId: null,
    deviceName: null,
    devicePlatform: null,
    userAgent: null,
    createdAt: now,
    expiresAt,
    maxExpiresAt: expiresAt,
    lastUsedAt: null,
    lastUsedAddress: null,
    revokedAt: null,
    provenAt: 0,
    ...more,
  })
  return id
}
