import {
  baseUrl,
  bytes,
  cookieName,
  databaseAddress,
  duration,
  durationOrOff,
  file,
  flag,
  folder,
  headerName,
  integer,
  integerOrAuto,
  integerOrOff,
  link,
  mailServer,
  numberOrNames,
  oneOf,
  origins,
  path,
  postedEvents,
  prefix,
  proxies,
  redisAddress,
  replicaAddress,
  schemes,
  sender,
  someOf,
  text,
  webhookSecrets,
  webhookUrl,
} from './setting-parsers.ts'

/** One setting: how its text is read, what it is without any, and what it is for. */
export interface Setting<T> {
  /** Reads the text, or throws an `Error` that says what is accepted. */
  parse: (text: string) => T
  /** As it would be written; empty for none. In production another default may hold. */
  fallback: string
  production?: string
  about: string
  /** Whether the value may hold a password and is masked when printed. */
  secret?: true
}

/**
 * Every setting, by the name it has as an option of the plugin. The environment variable is the same in capitals:
 * `tokenTtl` is `TOKEN_TTL`. Durations are in milliseconds once they are read.
 */
export const settings = {
  host: setting(text, '127.0.0.1', 'The address to listen on.'),
  port: setting(integer(0, 65_535), '4000', 'The port to listen on; 0 for any that is free.'),
  workers: setting(
    integerOrAuto(1, 64),
    '1',
    'How many processes answer requests, on one file; `auto` for one per core.',
  ),
  adminPort: setting(
    integerOrOff(1, 65_535),
    'off',
    'The port of `/metrics`, and of `/healthz` and `/readyz` once more; `off` for none.',
  ),
  adminHost: setting(
    text,
    '127.0.0.1',
    'The address that `ADMIN_PORT` listens on. Whoever reaches it reads the metrics.',
  ),
  shutdownDelay: setting(
    duration(0),
    '0s',
    'How long requests are still taken after a signal to stop, while `/readyz` says no already: as long as load balancers take to notice.',
  ),
  databaseUrl: setting(
    databaseAddress,
    'sqlite:data/latchkey.db',
    'Where users and tokens are: `sqlite:<file>`, `sqlite::memory:` or `postgres://user:password@host/database`.',
    { secret: true },
  ),
  databasePoolSize: setting(
    integer(2, 1_000),
    '10',
    'With PostgreSQL: how many connections each process has at the most, beside the one that hears of changes. Half of them are for the look-ups of tokens alone.',
  ),
  databaseTimeout: setting(
    duration(100),
    '5s',
    'With PostgreSQL: how long a connection, or the answer to a statement, is waited for.',
  ),
  databaseChanges: setting(
    oneOf('listen', 'poll'),
    'listen',
    'With PostgreSQL: how a process hears of what others change: told by `LISTEN`, or, where the server or a pooler in front of it has none, read from a table 25 times a second.',
  ),
  databaseReplicaUrl: setting(
    replicaAddress,
    '',
    'With PostgreSQL: a replica of it that answers the lists of users and of audit events, which may miss the last moments then. Nobody is authenticated from there.',
    { secret: true },
  ),
  redisUrl: setting(
    redisAddress,
    '',
    'A Redis in which instances share their limits on requests, as `redis://…` or `rediss://…`; without one they share them in PostgreSQL.',
    { secret: true },
  ),
  graphqlPath: setting(path, '/graphql', 'The path of the API.'),
  logLevel: setting(
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'info',
    'The least level that is logged.',
  ),
  trustProxy: setting(
    proxies,
    'off',
    'Whose `X-Forwarded-*` headers count: addresses and CIDRs of proxies, separated by commas, or, where no client can reach the server past them, how many there are.',
  ),
  corsOrigins: setting(
    origins,
    '',
    'Origins whose pages may call the API and open WebSockets, with cookies too, separated by commas, each as `https://app.example.org`. An application that registers the plugin sends the headers of CORS itself.',
  ),
  tlsCertFile: setting(
    file,
    '',
    'The certificate, with those that vouch for it, in PEM: HTTPS is served then, by HTTP/2 and HTTP/1.1. Replaced files are taken up within 10 seconds, without a restart.',
  ),
  tlsKeyFile: setting(file, '', 'Its private key, in PEM, without a passphrase.'),
  requireHttps: setting(flag, 'off', 'Whether plain HTTP is refused, but from this machine.', {
    production: 'on',
  }),
  console: setting(flag, 'on', 'Whether the account console is served, at `/`.'),
  graphiql: setting(flag, 'on', 'Whether `/graphiql` is served.', { production: 'off' }),
  introspection: setting(
    flag,
    'on',
    'Whether clients may read the schema and are told what they may have meant.',
    { production: 'off' },
  ),
  signUp: setting(oneOf('open', 'closed'), 'open', 'Whether anyone may create an account.'),
  tokenPrefix: setting(prefix, 'lk_', 'What new tokens begin with; tokens with another prefix stay valid.'),
  tokenTtl: setting(
    duration(1_000),
    '30d',
    'How long a token lives from its issue, or with `TOKEN_RENEW` from its last use.',
  ),
  tokenIdleTtl: setting(durationOrOff(1_000), '14d', 'How long a token may go unused, or `off`.'),
  tokenRenew: setting(flag, 'off', 'Whether use moves the expiry on.'),
  tokenMaxTtl: setting(duration(1_000), '90d', 'With `TOKEN_RENEW`: how long a token may live at the most.'),
  tokenLimit: setting(integer(1, 10_000), '50', 'How many live tokens a user may have.'),
  tokenLimitPolicy: setting(
    oneOf('evict-oldest', 'deny'),
    'evict-oldest',
    'What one more sign-in does: end the least recently used token, or fail.',
  ),
  tokenRotationGrace: setting(
    duration(0),
    '30s',
    'How long a token works after `rotateToken` has replaced it, for requests that are under way. Shown later, it ends the one that followed it.',
  ),
  personalTokenLimit: setting(
    integer(1, 10_000),
    '20',
    'How many live tokens a user may have of those that `createToken` makes, and of those that the operator issues; one more is refused.',
  ),
  personalTokenMaxTtl: setting(
    duration(1_000),
    '365d',
    'How long such a token may live at the most; without `expiresIn` it lives for `TOKEN_TTL`. It does not go idle.',
  ),
  tokenRetention: setting(
    duration(0),
    '30d',
    'How long ended tokens are kept, so that their bearer is told why they ended.',
  ),
  tokenCache: setting(
    integerOrOff(1, 10_000_000),
    '100000',
    'How many tokens each process keeps in memory at the most, or `off`. What has changed in the database is never answered from there.',
  ),
  tokenFlushInterval: setting(duration(100), '10s', 'How often last uses and renewals are written.'),
  auditRetention: setting(
    durationOrOff(60_000),
    '180d',
    'How long audit events are kept, or `off` for keeping none.',
  ),
  tokenSchemes: setting(schemes, 'Token', 'The schemes accepted in the header, separated by commas.'),
  tokenHeader: setting(headerName, 'Authorization', 'The header that carries the token.'),
  tokenCookie: setting(
    cookieName,
    'latchkey',
    'The name of the cookie that browsers may keep their token in (`transport: COOKIE`), with `__Host-` before it over HTTPS, or `off`.',
  ),
  staleTokens: setting(
    oneOf('soft', 'strict'),
    'soft',
    'Whether a bad token counts as none (`soft`) or refuses the whole request (`strict`).',
  ),
  passwordMinLength: setting(
    integer(1, 1_024),
    '8',
    'The fewest characters of a new password. NIST asks for 15 where there is no second factor.',
  ),
  passwordTemporaryTtl: setting(
    duration(60_000),
    '24h',
    'How long a temporary password works that administrators have made for somebody.',
  ),
  passwordHashConcurrency: setting(
    integer(0, 64),
    '0',
    'How many passwords are hashed at once, by all workers together but at least one by each; 0 for one less than there are cores. An application that registers the plugin needs one thread more: `UV_THREADPOOL_SIZE`, which is 4 for Node.',
  ),
  passwordHashQueue: setting(
    integer(0, 100_000),
    '200',
    'How many sign-ins may wait for that; those of one address wait behind each other alone.',
  ),
  rateLimitRequests: setting(
    integerOrOff(1, 1_000_000_000),
    '3000',
    'Requests with a token, or else of an address, in a window, or `off`.',
  ),
  rateLimitWindow: setting(duration(1_000), '1m', 'The window of `RATE_LIMIT_REQUESTS`.'),
  rateLimitBadTokens: setting(
    integer(1, 1_000_000_000),
    '100',
    'Requests of an address with an unknown token, per minute.',
  ),
  rateLimitAccountFailures: setting(
    integer(1, 1_000),
    '5',
    'Failed sign-ins of an account before it has to wait.',
  ),
  rateLimitBackoff: setting(
    duration(1),
    '1s',
    'The first wait of an account; each further failure doubles it.',
  ),
  rateLimitBackoffMax: setting(duration(1), '15m', 'The longest wait of an account.'),
  rateLimitAddressFailures: setting(
    integer(1, 1_000_000),
    '10',
    'Failed sign-ins of an address (of a /64 with IPv6) per minute.',
  ),
  rateLimitLockAfter: setting(
    integer(10, 100),
    '100',
    'Failed sign-ins in a row after which a password stops working until it is set anew.',
  ),
  rateLimitSignUps: setting(
    integerOrOff(1, 1_000_000_000),
    '20',
    'Accounts that sign-ups of an address (of a /64 with IPv6) make per hour, or `off`.',
  ),
  smtpUrl: setting(
    mailServer,
    'log',
    'How mails are sent: `smtp://user:password@host:587` or `smtps://…`, to the log with their links (`log`), or not at all (`off`).',
    { production: 'off', secret: true },
  ),
  mailFrom: setting(sender, '', 'Whom mails are from, such as `Example <login@example.org>`.'),
  publicUrl: setting(baseUrl, 'http://localhost:4000', 'What links in mails begin with.'),
  mailLinkReset: setting(
    link,
    '/reset-password#token={token}',
    'The page that a mail opens to set a new password: it calls `resetPassword`. A path of `PUBLIC_URL`, or a whole address.',
  ),
  mailLinkVerify: setting(
    link,
    '/verify-email#token={token}',
    'The page that a mail opens to show or to change an address: it calls `verifyEmail`.',
  ),
  mailTemplates: setting(folder, '', 'A folder with texts of mails in the place of the built-in ones.'),
  mailResetTtl: setting(duration(1_000), '1h', 'How long the link to set a new password works.'),
  mailVerifyTtl: setting(duration(1_000), '24h', 'How long the link to verify an address works.'),
  mailLimit: setting(integer(1, 10_000), '5', 'How many mails of one kind an address gets per hour.'),
  queryTokens: setting(
    integer(50, 5_000),
    '1000',
    'The most lexical tokens of a document; more than 5,000 could nest deeper than the stack.',
  ),
  queryDepth: setting(integer(1, 1_000), '10', 'The most levels of fields, introspection apart.'),
  queryAliases: setting(integer(0, 10_000), '15', 'The most aliases.'),
  queryDirectives: setting(integer(0, 10_000), '50', 'The most directives.'),
  queryRootFields: setting(integer(1, 10_000), '20', 'The most fields at the root.'),
  queryFields: setting(integer(1, 1_000_000), '1000', 'The most fields in all, with fragments spelled out.'),
  queryNodes: setting(
    integer(1, 1_000_000_000),
    '2000',
    'The most rows of lists: `first` or `last` of each, times that of the lists around it.',
  ),
  queryTimeout: setting(
    duration(100),
    '10s',
    'How long an operation may run before it is answered `SERVICE_UNAVAILABLE`.',
  ),
  queryJit: setting(
    integer(0, 1_000_000),
    '5',
    'Executions after which an operation is compiled; 0 for never.',
  ),
  overloadDelay: setting(
    durationOrOff(10),
    '1s',
    'How late the event loop may come to its turns, three times in a row, before requests are answered `SERVICE_UNAVAILABLE`; or `off`.',
  ),
  metricsOperations: setting(
    numberOrNames(1_000),
    '100',
    'How many names of operations metrics are kept by: those that signed-in users send first, or a list of names. All others are told apart by their first field.',
  ),
  persistedQueries: setting(
    oneOf('on', 'off', 'only'),
    'on',
    'Whether clients may name a document by its hash once the server has seen it (`on`), or never (`off`), or whether nothing runs but what `PERSISTED_QUERIES_MANIFEST` has (`only`).',
  ),
  persistedQueriesManifest: setting(
    file,
    '',
    'A file of documents that are known from the start: the manifest of Apollo, or that of graphql-codegen.',
  ),
  persistedQueriesLimit: setting(
    integer(1, 1_000_000),
    '1000',
    'How many documents each process keeps for clients that name them by their hash.',
  ),
  persistedQueriesSize: setting(bytes, '4MiB', 'How large these may be in all.'),
  webhookUrl: setting(webhookUrl, '', 'Where events are posted to as webhooks.', { secret: true }),
  webhookSecret: setting(
    webhookSecrets,
    '',
    'What webhooks are signed with; two of them while one takes the place of the other.',
    { secret: true },
  ),
  webhookEvents: setting(someOf(...postedEvents), 'all', 'Which events are posted.'),
  bodyLimit: setting(bytes, '100KiB', 'The largest body of a request, and message of a socket.'),
  socketLimitUser: setting(integer(1, 1_000_000), '50', 'WebSockets of a user at once, in each process.'),
  socketLimitAddress: setting(
    integer(1, 1_000_000),
    '100',
    'WebSockets of an address (of a /64 with IPv6) at once that have no user, in each process.',
  ),
  socketOperations: setting(integer(1, 100_000), '50', 'Operations at once on one WebSocket.'),
  socketBuffer: setting(
    bytes,
    '1MiB',
    'How much may wait for a slow client before its WebSocket is closed; one message may be larger.',
  ),
  socketPingInterval: setting(
    duration(100),
    '20s',
    'How often clients are asked for a sign of life; one that gives none until the next time is gone.',
  ),
  socketIdleTimeout: setting(
    durationOrOff(100),
    '10m',
    'How long a WebSocket may stay open with nothing subscribed and no message, or `off`.',
  ),
} as const satisfies Record<string, Setting<unknown>>

/** The name of a setting. */
export type SettingName = keyof typeof settings

function setting<T>(
  parse: (text: string) => T,
  fallback: string,
  about: string,
  more: Pick<Setting<T>, 'production' | 'secret'> = {},
): Setting<T> {
  return { parse, fallback, about, ...more }
}
