/** A request that is meant to hold the event loop for long. `{round}` makes it another document each time. */
export interface HostileRequest {
  name: string
  query: string
  variables?: unknown
}

/** Settings as they come: 1,000 lexical tokens, 10 levels, 15 aliases, 50 directives, 20 root fields, 1,000 fields, 100 KiB. */
const kib100 = 102_400

const tokenFields =
  'id name createdAt lastUsedAt lastUsedAddress userAgent expiresAt current device { id name platform }'

/** Documents and variables near all limits at once. */
export const hostileRequests: readonly HostileRequest[] = [
  {
    name: '15 aliases of 100 tokens, all fields',
    query: `query q{round} { viewer { ${many(15, (index) => `a${index}: tokens(first: 100) { totalCount nodes { ...t } }`)} } } fragment t on Token { ${tokenFields} }`,
  },
  {
    name: 'the same, 10 levels deep, with 48 directives',
    query: `query q{round} { ${many(15, (index) => `a${index}: viewer { ...v }`)} } fragment v on User { tokens(first: 100) { edges { node { ${tokenFields.replaceAll(/(\w+)( |$)/g, '$1 ')} } } ${many(24, () => 'nodes @include(if: true) @skip(if: false) { id }')} } }`,
  },
  {
    name: '990 times one field',
    query: `query q{round} { serverInfo { ${'name '.repeat(980)}} }`,
  },
  {
    name: '490 fields with selections, to be merged in pairs',
    query: `query q{round} { viewer { ${'tokens { totalCount } '.repeat(150)}tokens { ${'nodes { id } '.repeat(60)}} } }`,
  },
  {
    name: '75 fragments, each spread beside all others',
    query: `query q{round} { viewer { ${many(75, (index) => `...f${index}`)} } } ${many(75, (index) => `fragment f${index} on User { id username }`)}`,
  },
  {
    name: '60 fragments in a chain, each brings the next one twice',
    query: `query q{round} { viewer { ...f0 } } ${many(60, (index) => `fragment f${index} on User { ...f${index + 1} ...f${index + 1} }`)} fragment f60 on User { id }`,
  },
  {
    name: '800 fields by fragments that double',
    query: `query q{round} { viewer { tokens(first: 100) { nodes { ...f0 } } } } ${many(6, (index) => `fragment f${index} on Token { ...f${index + 1} ...f${index + 1} }`)} fragment f6 on Token { ${tokenFields} }`,
  },
  {
    name: '480 unknown fields, like known ones',
    query: `query q{round} { viewer { ${many(480, (index) => `usernam${index}`)} } }`,
  },
  {
    name: '200 unknown arguments and variables',
    query: `query q{round}(${many(100, (index) => `$v${index}: Strin`)}) { viewer { tokens(${many(100, (index) => `firs${index}: $w${index}`)}) { totalCount } } }`,
  },
  {
    name: 'introspection of all types, and of one by 15 aliases',
    query: `query q{round} { __schema { types { ...a } } ${many(15, (index) => `t${index}: __type(name: "Mutation") { ...a }`)} } fragment a on __Type { fields { args { type { ...t } } type { ...t } } inputFields { type { ...t } } } fragment t on __Type { name kind ofType { name kind ofType { name ofType { name ofType { name } } } } }`,
  },
  {
    name: 'a variable 100 KiB long, and wrong',
    query: 'query q{round}($n: Int!) { viewer { tokens(first: $n) { totalCount } } }',
    variables: { n: 'x'.repeat(kib100 - 300) },
  },
  {
    name: 'a list of 50,000 where one number is due',
    query: 'query q{round}($n: Int!) { viewer { tokens(first: $n) { totalCount } } }',
    variables: { n: Array.from({ length: 50_000 }, () => 1) },
  },
  {
    name: 'an object of 9,000 unknown fields',
    query:
      'mutation q{round}($d: DeviceInput) { tokenAuth(username: "nobody", password: "nothing", device: $d) { token } }',
    variables: { d: Object.fromEntries(Array.from({ length: 9_000 }, (_, index) => [`f${index}`, 1])) },
  },
  {
    name: 'JSON nested 7,000 deep',
    query: 'query q{round}($n: Int) { viewer { id } }',
    variables: { n: JSON.parse(`${'['.repeat(7_000)}${']'.repeat(7_000)}`) },
  },
  {
    name: 'a name of 100 KiB that grows when it is normalized',
    query: 'mutation q{round}($u: String!) { tokenAuth(username: $u, password: "nothing") { token } }',
    variables: { u: '\ufdfa'.repeat(33_000) },
  },
  {
    name: 'a password of 100 KiB',
    query: 'mutation q{round}($p: String!) { tokenAuth(username: "nobody", password: $p) { token } }',
    variables: { p: 'e\u0301'.repeat(33_000) },
  },
  {
    name: 'a new account with a password of 1,024 characters',
    query: 'mutation q{round}($p: String!) { signUp(username: "new-{round}", password: $p) { user { id } } }',
    variables: { p: `${'ab'.repeat(511)}c` },
  },
  {
    name: 'a block string of 50,000 lines',
    query: `query q{round} { viewer { tokens(after: """${'\n '.repeat(33_000)}""") { totalCount } } }`,
  },
  {
    name: 'a comment and commas of 100 KiB',
    query: `query q{round} { viewer { id ${','.repeat(50_000)} } } #${'x'.repeat(50_000)}`,
  },
  {
    name: 'a name 100 KiB long',
    query: `query q{round} { viewer { ${'i'.repeat(kib100 - 300)} } }`,
  },
]

function many(count: number, write: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => write(index)).join(' ')
}
