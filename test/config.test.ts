import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { configTable, withConfigTable } from '../scripts/config-table.ts'
import {
  ConfigError,
  loadConfig,
  readOptions,
  type SettingName,
  settings,
  variableOf,
} from '../src/config.ts'
import { describeSettings, findUnknownVariables } from '../src/effective-settings.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

interface Case {
  byDefault: unknown
  inProduction?: unknown
  accepts: Record<string, unknown>
  refuses: string[]
}

const aFlag = {
  accepts: { on: true, TRUE: true, yes: true, '1': true, off: false, False: false, no: false, '0': false },
  refuses: ['maybe', 'y', '2', 'on off'],
}

/** A secret of so many bytes, as Standard Webhooks writes it. */
function secretOf(bytes: number): string {
  return `whsec_${Buffer.alloc(bytes, 'secret').toString('base64')}`
}

function wholeNumber(least: number, most: number): Pick<Case, 'accepts' | 'refuses'> {
  return {
    accepts: { [least]: least, [most]: most, [` ${least} `]: least },
    refuses: [`${most + 1}`, '-1', '1.5', '1e3', '0x10', 'many', `${least} ${least}`, '99999999999'].concat(
      least > 0 ? [`${least - 1}`] : [],
    ),
  }
}

function duration(least: number): Pick<Case, 'accepts' | 'refuses'> {
  return {
    accepts: {
      '30d': 30 * day,
      '12h': 12 * hour,
      '15m': 15 * minute,
      ...(least <= 10 * second ? { '10s': 10 * second } : {}),
      [`${least}ms`]: least,
      '10000d': 10_000 * day,
    },
    refuses: [
      '10',
      '-1d',
      '1.5h',
      '1w',
      '1 d',
      '1D',
      'never',
      'Infinity',
      '10001d',
      '9999999999999999s',
    ].concat(least > 0 ? [`${least - 1}ms`, '0d'] : []),
  }
}

const cases: Record<SettingName, Case> = {
  persistedQueries: { byDefault: 'on', accepts: { off: 'off' }, refuses: ['yes', 'ONLY'] },
  persistedQueriesManifest: { byDefault: '', accepts: { 'a.json': 'a.json' }, refuses: ['a\0b'] },
  persistedQueriesLimit: { byDefault: 1_000, ...wholeNumber(1, 1_000_000) },
  persistedQueriesSize: { byDefault: 4_194_304, accepts: { '1KiB': 1_024 }, refuses: ['1', '0KiB', '4MB'] },
  tlsCertFile: { byDefault: '', accepts: {}, refuses: ['a\0b'] },
  tlsKeyFile: { byDefault: '', accepts: {}, refuses: ['a\0b'] },
  tokenCookie: {
    byDefault: 'latchkey',
    accepts: { off: 'off', my_app: 'my_app', 'my-app2': 'my-app2' },
    refuses: ['__Host-latchkey', '2app', 'my app', 'a=b', 'a;b', 'é', `a${'b'.repeat(64)}`],
  },
  smtpUrl: {
    byDefault: 'log',
    inProduction: 'off',
    accepts: { off: 'off', log: 'log' },
    refuses: ['on', 'mail.example.org', 'http://mail.example.org', 'smtp://'],
  },
  mailFrom: {
    byDefault: '',
    accepts: { 'a@example.org': 'a@example.org', 'Ada B <a@example.org>': 'Ada B <a@example.org>' },
    refuses: ['Ada', 'a@b@c', 'a@example.org, b@example.org', '<a@example.org>\nBcc: b@example.org'],
  },
  publicUrl: {
    byDefault: 'http://localhost:4000',
    accepts: { 'https://example.org/app/': 'https://example.org/app' },
    refuses: ['example.org', 'ftp://example.org', 'https://example.org/?a=b', 'https://'],
  },
  mailLinkReset: {
    byDefault: '/reset-password#token={token}',
    accepts: { 'https://example.org/r?t={token}': 'https://example.org/r?t={token}' },
    refuses: ['/reset', 'reset/{token}', '/{token}/{token}', 'javascript:{token}'],
  },
  mailLinkVerify: {
    byDefault: '/verify-email#token={token}',
    accepts: { '/v/{token}': '/v/{token}' },
    refuses: ['/verify'],
  },
  mailTemplates: { byDefault: '', accepts: { mails: 'mails' }, refuses: ['a\0b'] },
  mailResetTtl: { byDefault: hour, ...duration(second) },
  mailVerifyTtl: { byDefault: day, ...duration(second) },
  passwordTemporaryTtl: { byDefault: day, ...duration(60 * second) },
  mailLimit: { byDefault: 5, ...wholeNumber(1, 10_000) },
  host: { byDefault: '127.0.0.1', accepts: { '0.0.0.0': '0.0.0.0', '::': '::', ' a ': 'a' }, refuses: [] },
  port: { byDefault: 4000, ...wholeNumber(0, 65_535) },
  workers: {
    byDefault: 1,
    accepts: { '1': 1, '64': 64, auto: 'auto' },
    refuses: ['0', '65', '-1', '1.5', 'AUTO', 'all'],
  },
  adminPort: {
    byDefault: 0,
    accepts: { off: 0, '0': 0, '9464': 9464 },
    refuses: ['65536', '-1', 'on'],
  },
  adminHost: { byDefault: '127.0.0.1', accepts: { '::1': '::1' }, refuses: [] },
  shutdownDelay: { byDefault: 0, ...duration(0) },
  overloadDelay: {
    byDefault: second,
    accepts: { ...duration(10).accepts, off: Number.POSITIVE_INFINITY },
    refuses: duration(10).refuses,
  },
  metricsOperations: {
    byDefault: 100,
    accepts: { '0': 0, '1000': 1_000, 'GetViewer, _sign_in2': ['GetViewer', '_sign_in2'] },
    refuses: ['1001', '-1', ',', 'Get-Viewer', '2nd', 'a'.repeat(101)],
  },
  databaseUrl: {
    byDefault: 'sqlite:data/latchkey.db',
    accepts: {
      'sqlite::memory:': 'sqlite::memory:',
      'sqlite:/srv/a b.db': 'sqlite:/srv/a b.db',
      'postgres://ada:p%40ss@db.example.org/latchkey?sslmode=verify-full':
        'postgres://ada:p%40ss@db.example.org/latchkey?sslmode=verify-full',
      'postgresql:///latchkey?host=/run/postgresql': 'postgresql:///latchkey?host=/run/postgresql',
    },
    refuses: ['sqlite:', 'data/latchkey.db', 'mysql://localhost/latchkey', 'file:latchkey.db', 'postgres:x'],
  },
  databasePoolSize: { byDefault: 10, ...wholeNumber(2, 1_000) },
  databaseTimeout: { byDefault: 5_000, ...duration(100) },
  databaseReplicaUrl: {
    byDefault: '',
    accepts: {},
    refuses: ['sqlite:a.db', 'replica.example.org', 'postgres://replica.example.org', 'postgres://host/'],
  },
  databaseChanges: {
    byDefault: 'listen',
    accepts: { listen: 'listen', poll: 'poll' },
    refuses: ['on', 'off', 'LISTEN'],
  },
  redisUrl: {
    byDefault: '',
    accepts: {
      'redis://localhost': 'redis://localhost',
      'rediss://a:b@r.example.org:6380/1': 'rediss://a:b@r.example.org:6380/1',
    },
    refuses: ['localhost:6379', 'http://localhost', 'redis://', 'off'],
  },
  console: { byDefault: true, ...aFlag },
  graphqlPath: {
    byDefault: '/graphql',
    accepts: { '/': '/', '/api/v1/graphql': '/api/v1/graphql' },
    refuses: [
      'graphql',
      '/healthz',
      '/readyz',
      '/graph ql',
      '/:id',
      '/*',
      '/a?b',
      'https://example.org/graphql',
    ],
  },
  logLevel: {
    byDefault: 'info',
    accepts: { fatal: 'fatal', trace: 'trace', silent: 'silent' },
    refuses: ['INFO', 'verbose', '30'],
  },
  trustProxy: {
    byDefault: false,
    accepts: {
      off: false,
      false: false,
      '0': false,
      '1': 1,
      '99': 99,
      '127.0.0.1': ['127.0.0.1'],
      '10.0.0.0/8, fd00::/8,loopback': ['10.0.0.0/8', 'fd00::/8', 'loopback'],
      '::1': ['::1'],
    },
    refuses: [
      ...['true', 'on', '*', '100', ',', 'example.org', 'bad', '999.0.0.1', '1.2.3', '10.0.0.0/33'],
      ...['10.0.0.0/', '10.0.0.0/8/8', '0.0.0.0/0', '::/0', 'fd00::/129', '127.0.0.1, somewhere'],
    ],
  },
  corsOrigins: {
    byDefault: [],
    accepts: {
      'https://app.example.org': ['https://app.example.org'],
      'http://localhost:5173 , https://b.example': ['http://localhost:5173', 'https://b.example'],
    },
    refuses: [
      '*',
      'null',
      'app.example.org',
      'https://app.example.org/',
      'https://*.example.org',
      'file:///',
    ],
  },
  requireHttps: { byDefault: false, inProduction: true, ...aFlag },
  graphiql: { byDefault: true, inProduction: false, ...aFlag },
  introspection: { byDefault: true, inProduction: false, ...aFlag },
  signUp: { byDefault: 'open', accepts: { closed: 'closed' }, refuses: ['on', 'Open', 'true'] },
  tokenPrefix: {
    byDefault: 'lk_',
    accepts: { acme_: 'acme_', a_: 'a_', '1234567890123456789_': '1234567890123456789_' },
    refuses: ['acme', '_', 'my_app_', 'a-b_', '12345678901234567890_', 'ä_'],
  },
  tokenTtl: { byDefault: 30 * day, ...duration(1000) },
  tokenIdleTtl: {
    byDefault: 14 * day,
    accepts: { ...duration(1000).accepts, off: Number.POSITIVE_INFINITY },
    refuses: [...duration(1000).refuses, 'Off'],
  },
  auditRetention: {
    byDefault: 180 * day,
    accepts: { ...duration(60_000).accepts, off: Number.POSITIVE_INFINITY },
    refuses: duration(60_000).refuses,
  },
  tokenRenew: { byDefault: false, ...aFlag },
  tokenMaxTtl: { byDefault: 90 * day, ...duration(1000) },
  tokenLimit: { byDefault: 50, ...wholeNumber(1, 10_000) },
  tokenLimitPolicy: { byDefault: 'evict-oldest', accepts: { deny: 'deny' }, refuses: ['evict', 'allow'] },
  tokenRotationGrace: { byDefault: 30_000, ...duration(0) },
  personalTokenLimit: { byDefault: 20, ...wholeNumber(1, 10_000) },
  personalTokenMaxTtl: { byDefault: 365 * day, ...duration(1000) },
  tokenRetention: { byDefault: 30 * day, ...duration(0) },
  tokenCache: {
    byDefault: 100_000,
    accepts: { off: 0, '0': 0, '1': 1, '10000000': 10_000_000 },
    refuses: ['-1', '10000001', 'on'],
  },
  tokenFlushInterval: { byDefault: 10 * second, ...duration(100) },
  tokenSchemes: {
    byDefault: ['Token'],
    accepts: { Bearer: ['Bearer'], 'Token, Bearer': ['Token', 'Bearer'] },
    refuses: [',', 'To ken', 'Token:', '1Token', 'Tokén'],
  },
  tokenHeader: {
    byDefault: 'Authorization',
    accepts: { 'X-Api-Token': 'X-Api-Token' },
    refuses: ['X Token', 'Authorization:', '-x', 'x_y'],
  },
  staleTokens: { byDefault: 'soft', accepts: { strict: 'strict' }, refuses: ['hard', 'Soft', 'on'] },
  passwordMinLength: { byDefault: 8, ...wholeNumber(1, 1024) },
  passwordHashConcurrency: { byDefault: 0, ...wholeNumber(0, 64) },
  passwordHashQueue: { byDefault: 200, ...wholeNumber(0, 100_000) },
  rateLimitRequests: {
    byDefault: 3000,
    accepts: { off: 0, '0': 0, '1': 1, '1000000000': 1_000_000_000 },
    refuses: ['-1', 'none', '1.5', '1000000001'],
  },
  rateLimitWindow: { byDefault: minute, ...duration(1000) },
  rateLimitBadTokens: { byDefault: 100, ...wholeNumber(1, 1_000_000_000) },
  rateLimitAccountFailures: { byDefault: 5, ...wholeNumber(1, 1000) },
  rateLimitBackoff: { byDefault: second, ...duration(1) },
  rateLimitBackoffMax: { byDefault: 15 * minute, ...duration(1) },
  rateLimitAddressFailures: { byDefault: 10, ...wholeNumber(1, 1_000_000) },
  rateLimitSignUps: {
    byDefault: 20,
    accepts: { off: 0, '1': 1, '1000000000': 1_000_000_000 },
    refuses: ['-1', 'none', '1.5', '1000000001'],
  },
  rateLimitLockAfter: { byDefault: 100, ...wholeNumber(10, 100) },
  queryTokens: { byDefault: 1000, ...wholeNumber(50, 5_000) },
  queryDepth: { byDefault: 10, ...wholeNumber(1, 1000) },
  queryAliases: { byDefault: 15, ...wholeNumber(0, 10_000) },
  queryDirectives: { byDefault: 50, ...wholeNumber(0, 10_000) },
  queryRootFields: { byDefault: 20, ...wholeNumber(1, 10_000) },
  queryFields: { byDefault: 1000, ...wholeNumber(1, 1_000_000) },
  queryNodes: { byDefault: 2000, ...wholeNumber(1, 1_000_000_000) },
  queryTimeout: { byDefault: 10 * second, ...duration(100) },
  queryJit: { byDefault: 5, ...wholeNumber(0, 1_000_000) },
  webhookUrl: {
    byDefault: '',
    accepts: {
      'https://app.example.org/latchkey?x=1': 'https://app.example.org/latchkey?x=1',
      'http://localhost:8080/': 'http://localhost:8080/',
      'http://127.0.0.2': 'http://127.0.0.2',
      'http://[::1]:1/': 'http://[::1]:1/',
    },
    refuses: [
      'app.example.org',
      'http://app.example.org',
      'http://127.0.0.1.example.org',
      'ftp://localhost',
      'https://ada:secret@app.example.org',
      'https://ada@app.example.org',
    ],
  },
  webhookSecret: {
    byDefault: [],
    accepts: {
      [secretOf(24)]: [secretOf(24)],
      [`${secretOf(64)}, ${secretOf(32)}`]: [secretOf(64), secretOf(32)],
    },
    refuses: [secretOf(23), secretOf(65), secretOf(32).slice(6), 'whsec_', `whsec_${'-'.repeat(32)}`],
  },
  webhookEvents: {
    byDefault: settings.webhookEvents.parse('all'),
    accepts: {
      'user_created, user_deleted': ['user_created', 'user_deleted'],
      all: settings.webhookEvents.parse('all'),
    },
    refuses: [',', 'user_born', 'all, user_created'],
  },
  bodyLimit: {
    byDefault: 102_400,
    accepts: { '1KiB': 1024, '2MiB': 2_097_152, '5000': 5000, '100MiB': 104_857_600 },
    refuses: ['1023', '101MiB', '1KB', '1 KiB', '-1', '1.5MiB', 'big'],
  },
  socketLimitUser: { byDefault: 50, ...wholeNumber(1, 1_000_000) },
  socketLimitAddress: { byDefault: 100, ...wholeNumber(1, 1_000_000) },
  socketOperations: { byDefault: 50, ...wholeNumber(1, 100_000) },
  socketBuffer: { byDefault: 1_048_576, accepts: { '64KiB': 65_536 }, refuses: ['1KB'] },
  socketPingInterval: { byDefault: 20_000, ...duration(100) },
  socketIdleTimeout: {
    byDefault: 600_000,
    accepts: { ...duration(100).accepts, off: Number.POSITIVE_INFINITY },
    refuses: duration(100).refuses,
  },
}

const names = Object.keys(settings) as SettingName[]

t.test('each setting has its default, one of its own in production where it says so', async (t) => {
  t.strictSame(Object.keys(cases).sort(), [...names].sort())
  const development = loadConfig({})
  const production = loadConfig({ NODE_ENV: 'production' })
  for (const name of names) {
    const { byDefault, inProduction = byDefault } = cases[name]
    t.strictSame(development[name], byDefault, name)
    t.strictSame(production[name], inProduction, `${name} in production`)
    t.strictSame(loadConfig({ [variableOf(name)]: '  ' })[name], byDefault, `${name} left empty`)
  }
  for (const mode of ['test', 'development', 'Production', '']) {
    t.strictSame(loadConfig({ NODE_ENV: mode }), development, `NODE_ENV=${mode}`)
  }
})

t.test('what the environment says comes before the default', async (t) => {
  for (const name of names) {
    for (const [text, value] of Object.entries(cases[name].accepts)) {
      // Beside these, any other value makes sense.
      const others = {
        TOKEN_IDLE_TTL: 'off',
        TOKEN_FLUSH_INTERVAL: '100ms',
        RATE_LIMIT_BACKOFF: '1ms',
        RATE_LIMIT_BACKOFF_MAX: '10000d',
        WEBHOOK_SECRET: secretOf(24),
        CONSOLE: 'off',
      }
      const env = { NODE_ENV: 'production', ...others, [variableOf(name)]: text }
      t.strictSame(loadConfig(env)[name], value, `${variableOf(name)}=${text}`)
    }
  }
})

t.test(
  'a value that cannot be used stops the start by the name of its setting, never its value',
  async (t) => {
    for (const name of names) {
      for (const text of cases[name].refuses) {
        const variable = variableOf(name)
        const error = refusal(() => loadConfig({ [variable]: text }), `${variable}=${text}`)
        t.equal(error.problems.length, 1, `${variable}=${text}`)
        t.match(error.problems[0], new RegExp(`^${variable} must be .+\\.$`))
      }
    }
    const { message } = refusal(() =>
      loadConfig({ DATABASE_URL: 'postgres://u:s3cret@db/x', PORT: 's3cret' }),
    )
    t.notMatch(message, 's3cret')
  },
)

const mailing = { NODE_ENV: 'production', SMTP_URL: 'smtp://mail.example.org', MAIL_FROM: 'a@example.org' }

t.test('settings that contradict each other are refused by both names', async (t) => {
  for (const [env, problem] of [
    [{ TOKEN_RENEW: 'on', TOKEN_MAX_TTL: '7d' }, 'TOKEN_MAX_TTL must not be shorter than TOKEN_TTL.'],
    [{ TOKEN_IDLE_TTL: '10s' }, 'TOKEN_IDLE_TTL must be longer than TOKEN_FLUSH_INTERVAL.'],
    [
      { WORKERS: 'auto', DATABASE_URL: 'sqlite::memory:' },
      'WORKERS must be 1 for a database in memory, as set by DATABASE_URL.',
    ],
    [
      { WEBHOOK_URL: 'https://app.example.org' },
      'WEBHOOK_SECRET must be set, to sign what is posted to WEBHOOK_URL.',
    ],
    [
      { GRAPHQL_PATH: '/users' },
      'GRAPHQL_PATH must be a path that is no page of the account console, such as /graphql, while that is switched on by CONSOLE.',
    ],
    [
      { DATABASE_REPLICA_URL: 'postgres://replica.example.org/latchkey' },
      'DATABASE_URL must be the PostgreSQL that is followed by the one of DATABASE_REPLICA_URL.',
    ],
    [{ RATE_LIMIT_BACKOFF: '16m' }, 'RATE_LIMIT_BACKOFF_MAX must not be shorter than RATE_LIMIT_BACKOFF.'],
    [
      { SMTP_URL: 'smtp://mail.example.org' },
      'MAIL_FROM must say whom mails are from, which are sent by SMTP_URL.',
    ],
    ...[{}, { MAIL_LINK_RESET: 'https://example.org/#{token}' }, { PUBLIC_URL: 'http://127.0.0.1' }].map(
      (more) =>
        [
          { ...mailing, ...more },
          'PUBLIC_URL must be an address that users can open, for the links in mails that are sent by SMTP_URL.',
        ] as const,
    ),
  ] as const) {
    t.strictSame(refusal(() => loadConfig(env), problem).problems, [problem])
  }
  t.equal(loadConfig({ TOKEN_MAX_TTL: '7d' }).tokenMaxTtl, 7 * day, 'without renewal it has no say')
  for (const env of [
    { ...mailing, NODE_ENV: '' },
    { ...mailing, SMTP_URL: 'smtp://localhost:1025' },
    { ...mailing, PUBLIC_URL: 'https://example.org' },
    {
      ...mailing,
      MAIL_LINK_RESET: 'https://example.org/#{token}',
      MAIL_LINK_VERIFY: 'https://example.org/#{token}',
    },
  ]) {
    t.equal(loadConfig(env).mailFrom, 'a@example.org', 'links lead somewhere')
  }
})

t.test('all problems are said at once, with what is accepted', async (t) => {
  const env = {
    PORT: '70000',
    TOKEN_TTL: 'forever',
    TOKEN_IDLE_TTL: 'never',
    GRAPHIQL: 'maybe',
    SIGN_UP: 'ask',
    TRUST_PROXY: 'true',
    RATE_LIMIT_REQUESTS: 'none',
    TOKEN_LIMIT: '5',
  }
  const error = refusal(() => loadConfig(env))
  t.strictSame(error.problems, [
    'PORT must be a whole number from 0 to 65535.',
    'TRUST_PROXY must be off, a number of proxies, or addresses and CIDRs such as 10.0.0.0/8, separated by commas.',
    'GRAPHIQL must be on or off.',
    'SIGN_UP must be one of open, closed.',
    'TOKEN_TTL must be a duration such as 30d, 12h, 15m or 10s, at least 1s.',
    'TOKEN_IDLE_TTL must be off or a duration such as 30d, 12h, 15m or 10s, at least 1s.',
    'RATE_LIMIT_REQUESTS must be off or a whole number from 1 to 1000000000.',
  ])
  t.equal(error.name, 'ConfigError')
  t.equal(error.message.split('\n').length, 1 + error.problems.length)
})

t.test('options of the plugin are the values themselves, or text as in the environment', async (t) => {
  const read = readOptions(
    {
      tokenTtl: 5000,
      tokenIdleTtl: Number.POSITIVE_INFINITY,
      tokenMaxTtl: '60d',
      tokenRenew: true,
      graphiql: 'on',
      introspection: false,
      tokenSchemes: ['Token', 'Bearer'],
      rateLimitRequests: 0,
      bodyLimit: 2048,
      passwordMinLength: 15,
      signUp: 'closed',
      tokenLimit: undefined,
    },
    true,
  )
  t.has(read, {
    tokenTtl: 5000,
    tokenIdleTtl: Number.POSITIVE_INFINITY,
    tokenMaxTtl: 60 * day,
    tokenRenew: true,
    graphiql: true,
    introspection: false,
    tokenSchemes: ['Token', 'Bearer'],
    rateLimitRequests: 0,
    bodyLimit: 2048,
    passwordMinLength: 15,
    signUp: 'closed',
    tokenLimit: 50,
    requireHttps: true,
  })
  const withoutConsole = loadConfig({ CONSOLE: 'off' }) // which only the service has
  t.strictSame(readOptions({}, false), withoutConsole)
  t.strictSame(
    readOptions(withoutServerSettings(loadConfig({})), true),
    withoutConsole,
    'what was read reads again',
  )
})

t.test('options that cannot be used are named as the application wrote them', async (t) => {
  const wrong = {
    tokenTtl: 1.5,
    tokenMaxTtl: Number.NaN,
    graphiql: 1.5,
    signUp: true,
    queryDepth: null,
    port: 4000,
    tokenTTL: '7d',
    toString: '1',
  }
  // What TypeScript would refuse reaches a plain JavaScript application's plugin all the same.
  const error = refusal(() => readOptions(wrong as never, true, ['first of all']))
  t.equal(error.problems[0], 'first of all')
  t.strictSame(
    error.problems.map((problem) => problem.split(' ')[0]),
    ['first', 'port', 'tokenTTL', 'toString', 'graphiql', 'signUp', 'tokenTtl', 'tokenMaxTtl', 'queryDepth'],
  )
})

t.test('a variable that looks like a setting but is none is told, and no other', async (t) => {
  const cases: [variable: string, meant: string | null][] = [
    ['TOKEN_TLL', 'TOKEN_TTL'],
    ['TOKENTTL', 'TOKEN_TTL'],
    ['STALE_TOKEN', 'STALE_TOKENS'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['RATE_LIMIT_SOMETHING_ELSE', null],
    ['PASSWORD_PEPPER', null],
  ]
  for (const [variable, meant] of cases) {
    const [warning = '', ...more] = findUnknownVariables({ [variable]: 's3cret' })
    t.match(warning, variable)
    t.match(warning, meant ?? 'latchkey config')
    t.notMatch(warning, 's3cret')
    t.strictSame(more, [])
  }
  const known = Object.fromEntries(names.map((name) => [variableOf(name), '1']))
  t.strictSame(findUnknownVariables(known), [])
  const others = {
    PATH: '/bin',
    HOME: '/',
    NODE_ENV: 'test',
    TERM: 'x',
    LANG: 'C',
    USER: 'ada',
    PWD: '/',
    npm_config_x: '1',
    SSL_CERT_FILE: '/etc/ca.pem', // OpenSSL's own
  }
  t.strictSame(findUnknownVariables(others), [])
})

t.test('the settings in force are described as the environment would have them', async (t) => {
  const described = new Map(
    describeSettings({ NODE_ENV: 'production', TOKEN_TTL: ' 7d ', DATABASE_URL: 'sqlite:a.db' }).map(
      ({ variable, ...rest }) => [variable, rest],
    ),
  )
  t.strictSame([...described.keys()], names.map(variableOf))
  t.strictSame(described.get('TOKEN_TTL'), { text: '7d', given: true, secret: false })
  t.strictSame(described.get('DATABASE_URL'), { text: 'sqlite:a.db', given: true, secret: true })
  t.strictSame(described.get('GRAPHIQL'), { text: 'off', given: false, secret: false })
  t.throws(() => describeSettings({ PORT: 'none' }), ConfigError)
})

t.test("the README's table is the table of settings", async (t) => {
  const readme = new URL('../README.md', import.meta.url)
  for (const name of names) t.match(configTable(), `\`${variableOf(name)}\``)
  const dir = t.testdir({ 'a.md': 'above\n<!-- settings -->\nold\n<!-- /settings -->\nbelow\n' })
  execFileSync(process.execPath, ['scripts/config-table.ts', `${dir}/a.md`])
  t.equal(
    readFileSync(`${dir}/a.md`, 'utf8'),
    `above\n<!-- settings -->\n\n${configTable()}\n\n<!-- /settings -->\nbelow\n`,
  )
  const text = readFileSync(readme, 'utf8')
  t.match(text, '<!-- settings -->')
  t.equal(text, withConfigTable(text), 'run `node scripts/config-table.ts README.md`')
})

function refusal(act: () => unknown, what = 'It'): ConfigError {
  try {
    act()
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error(`${what} was accepted.`)
}

function withoutServerSettings(all: ReturnType<typeof loadConfig>): Parameters<typeof readOptions>[0] {
  const {
    host: _host,
    port: _port,
    logLevel: _level,
    trustProxy: _proxy,
    adminHost: _adminHost,
    adminPort: _adminPort,
    shutdownDelay: _delay,
    workers: _workers,
    tlsCertFile: _certFile,
    tlsKeyFile: _keyFile,
    console: _console,
    ...own
  } = all
  return own
}
