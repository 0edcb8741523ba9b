/** What holds the event loop longest within the default limits, for the tests of the limits and for measuring. */
export interface HeavyDocument {
  name: string
  query: string
  variables?: Record<string, unknown>
  operationName?: string
}

const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(' ')

const chain = (open: string, close: string, count: number, leaf: unknown): unknown =>
  JSON.parse(open.repeat(count) + JSON.stringify(leaf) + close.repeat(count))

const withDevice =
  'mutation ($d: DeviceInput) { tokenAuth(username: "a", password: "b", device: $d) { token } }'

/** Each is one request of at most 100 KiB. */
export const heavyDocuments: readonly HeavyDocument[] = [
  {
    name: 'an object field 240 times, each compared with each other',
    query: `{ viewer { ${times(240, () => 'tokens { totalCount }')} } }`,
  },
  { name: 'one field 970 times', query: `{ viewer { ${times(970, () => 'id')} } }` },
  {
    name: 'the same on four levels',
    query: `{ ${times(5, () => `viewer { ${times(5, () => `tokens { ${times(5, () => 'nodes { id name }')} }`)} }`)} }`,
  },
  {
    name: 'many fragments of one field',
    query: `{ viewer { ${times(110, (index) => `...F${index}`)} } } ${times(110, (index) => `fragment F${index} on User { id }`)}`,
  },
  {
    name: 'many fragments that have to be merged below',
    query: `{ viewer { ${times(60, (index) => `...F${index}`)} } } ${times(60, (index) => `fragment F${index} on User { tokens { nodes { id } } }`)}`,
  },
  {
    name: 'fragments that spread each other in circles',
    query: `{ ...F0 } ${times(27, (index) => `fragment F${index} on Query { ${times(15, (step) => `...F${(index + step + 1) % 27}`)} }`)}`,
  },
  {
    name: 'one of 140 operations',
    query: `${times(140, (index) => `query Q${index} { __typename ...F }`)} fragment F on Query { __typename }`,
    operationName: 'Q1',
  },
  {
    name: 'unknown fields that are nearly known',
    query: `{ viewer { ${times(900, (index) => `u${'sername'.repeat(12)}${index}`)} } }`,
  },
  {
    name: 'unknown fields with long names',
    query: `{ ${'a'.repeat(45_000)} viewer { ${'b'.repeat(45_000)} } }`,
  },
  {
    name: 'unknown arguments',
    query: `{ viewer { tokens(${times(320, (index) => `fisrt${index}: 1`)}) { totalCount } } }`,
  },
  {
    name: 'variables that are not used',
    query: `query (${times(240, (index) => `$v${index}: Int`)}) { __typename }`,
  },
  {
    name: 'a list in lists',
    query: `{ viewer { tokens(first: ${'['.repeat(470)}${']'.repeat(470)}) { totalCount } } }`,
  },
  {
    name: 'a block string of empty lines',
    query: `mutation { tokenAuth(username: """${' \n'.repeat(30_000)}""", password: "x") { token } }`,
  },
  { name: 'nothing but commas', query: `{ __typename${','.repeat(95_000)} }` },
  { name: 'an error behind empty lines', query: `{ __typename ${'\n'.repeat(48_000)} "` },
  {
    name: 'an input object with thousands of unknown keys',
    query: withDevice,
    variables: { d: Object.fromEntries(Array.from({ length: 8_000 }, (_, index) => [`k${index}`, 1])) },
  },
  {
    name: 'an input object whose one key is known, and long',
    query: withDevice,
    variables: {
      d: {
        name: 'x'.repeat(90_000),
        ...Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 1])),
      },
    },
  },
  {
    name: 'a list where none is meant',
    query: withDevice,
    variables: { d: Array.from({ length: 20_000 }, () => ({})) },
  },
  {
    name: 'values within values',
    query:
      'query ($v: String) { a: __typename @include(if: true) ...F } fragment F on Query { serverInfo { name } }',
    variables: { v: chain('[', ']', 4_000, 1) },
  },
  {
    name: 'a name that grows when it is made canonical',
    query: 'mutation ($u: String!) { tokenAuth(username: $u, password: "b") { token } }',
    variables: { u: '\ufdfa'.repeat(1_010) },
  },
]
