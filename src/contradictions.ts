import { consolePages } from './console-pages.ts'
import { isLocalHost } from './setting-parsers.ts'

/** The settings that depend on each other; durations in milliseconds. */
export interface JointSettings {
  tokenRenew: boolean
  tokenTtl: number
  tokenMaxTtl: number
  tokenIdleTtl: number
  tokenFlushInterval: number
  rateLimitBackoff: number
  rateLimitBackoffMax: number
  webhookUrl: string
  webhookSecret: readonly string[]
  smtpUrl: string
  mailFrom: string
  publicUrl: string
  mailLinkReset: string
  mailLinkVerify: string
  workers: number | 'auto'
  port: number
  adminPort: number
  databaseUrl: string
  databaseReplicaUrl: string
  tlsCertFile: string
  tlsKeyFile: string
  persistedQueries: 'on' | 'off' | 'only'
  persistedQueriesManifest: string
  graphqlPath: string
  console: boolean
}

type Name = keyof JointSettings

/** Settings that are right each by itself, but not together: a sentence for each such pair. */
export function findContradictions(
  read: JointSettings,
  nameOf: (name: Name) => string,
  production: boolean,
): string[] {
  const rules: [broken: boolean, settings: [Name, Name], rule: string][] = [
    [read.tokenRenew && read.tokenMaxTtl < read.tokenTtl, ['tokenMaxTtl', 'tokenTtl'], 'not be shorter than'],
    [read.tokenIdleTtl <= read.tokenFlushInterval, ['tokenIdleTtl', 'tokenFlushInterval'], 'be longer than'],
    [
      read.rateLimitBackoffMax < read.rateLimitBackoff,
      ['rateLimitBackoffMax', 'rateLimitBackoff'],
      'not be shorter than',
    ],
    [
      read.webhookUrl !== '' && read.webhookSecret.length === 0,
      ['webhookSecret', 'webhookUrl'],
      'be set, to sign what is posted to',
    ],
    [
      /^smtps?:/.test(read.smtpUrl) && read.mailFrom === '',
      ['mailFrom', 'smtpUrl'],
      'say whom mails are from, which are sent by',
    ],
    [
      production && mailsLinkToThisMachine(read),
      ['publicUrl', 'smtpUrl'],
      'be an address that users can open, for the links in mails that are sent by',
    ],
    [read.adminPort > 0 && read.adminPort === read.port, ['adminPort', 'port'], 'be another port than'],
    [
      read.tlsCertFile !== '' && read.tlsKeyFile === '',
      ['tlsKeyFile', 'tlsCertFile'],
      'name the key of the certificate that is named by',
    ],
    [
      read.tlsKeyFile !== '' && read.tlsCertFile === '',
      ['tlsCertFile', 'tlsKeyFile'],
      'name the certificate of the key that is named by',
    ],
    [
      read.persistedQueries === 'only' && read.persistedQueriesManifest === '',
      ['persistedQueriesManifest', 'persistedQueries'],
      'name the file of the operations that are to run, and no others, by',
    ],
    [
      read.persistedQueries === 'off' && read.persistedQueriesManifest !== '',
      ['persistedQueries', 'persistedQueriesManifest'],
      'be on or only, for clients to name the operations of',
    ],
    [
      read.workers !== 1 && read.databaseUrl.endsWith(':memory:'),
      ['workers', 'databaseUrl'],
      'be 1 for a database in memory, as set by',
    ],
    [
      read.databaseReplicaUrl !== '' && !read.databaseUrl.startsWith('postgres'),
      ['databaseUrl', 'databaseReplicaUrl'],
      'be the PostgreSQL that is followed by the one of',
    ],
    [
      read.console && (consolePages as readonly string[]).includes(read.graphqlPath),
      ['graphqlPath', 'console'],
      'be a path that is no page of the account console, such as /graphql, while that is switched on by',
    ],
  ]
  return rules
    .filter(([broken]) => broken)
    .map(([, [one, other], rule]) => `${nameOf(one)} must ${rule} ${nameOf(other)}.`)
}

/** Whether mails leave this machine with links that lead back to it, where no user is. */
function mailsLinkToThisMachine({
  smtpUrl,
  publicUrl,
  mailLinkReset,
  mailLinkVerify,
}: JointSettings): boolean {
  return (
    /^smtps?:/.test(smtpUrl) &&
    !isLocalHost(new URL(smtpUrl).hostname) &&
    isLocalHost(new URL(publicUrl).hostname) &&
    (mailLinkReset.startsWith('/') || mailLinkVerify.startsWith('/'))
  )
}
