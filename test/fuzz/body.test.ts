import t from 'tap'
import { fc, marker, parseAnswer, requireMeant, runs, send, startApp, unlimited, visit } from './fuzz.ts'

t.setTimeout(3_600_000) // a campaign takes as long as it is told to

const keys = fc.oneof(
  fc.constantFrom('query', 'operationName', 'variables', 'extensions', 'first', 'id', 'name'),
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', ''),
  fc.string({ maxLength: 5 }),
)
const leaves = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    0,
    -1,
    1e308,
    0.1,
    2 ** 53,
    '',
    marker,
    '{ __typename }',
    '{ viewer { id } }',
  ),
  fc.string({ unit: 'binary', maxLength: 10 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const { value: json } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    leaves,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(keys, tie('value')), { maxLength: 5 }).map(toObject),
  ),
}))

/** Written out, so that `__proto__` is a key like any other, and a key may come twice. */
class Written {
  readonly entries: readonly (readonly [string, unknown])[]
  constructor(entries: readonly (readonly [string, unknown])[]) {
    this.entries = entries
  }
}

function toObject(entries: [string, unknown][]): Written {
  return new Written(entries)
}

function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (value instanceof Written) {
    return `{${value.entries.map(([key, entry]) => `${JSON.stringify(key)}:${write(entry)}`).join(',')}}`
  }
  return JSON.stringify(value)
}

/** Objects that have the shape of a request, more or less. */
const requests = fc
  .record(
    {
      query: fc.oneof(
        {
          weight: 3,
          arbitrary: fc.constant(
            'query A($id: ID, $first: Int! = 3) { viewer { id tokens(first: $first) { totalCount } } }',
          ),
        },
        {
          weight: 3,
          arbitrary: fc.constant(
            'mutation A($id: ID!, $name: String!) { renameToken(id: $id, name: $name) { token { id } } }',
          ),
        },
        json,
      ),
      operationName: fc.oneof(fc.constantFrom('A', 'B', '', null, '__proto__'), json),
      variables: fc.oneof(fc.array(fc.tuple(keys, json), { maxLength: 4 }).map(toObject), json),
      extensions: json,
    },
    { requiredKeys: ['query'] },
  )
  .map((request) => new Written(Object.entries(request)))

const bodies = fc.oneof(
  { weight: 2, arbitrary: json.map(write) },
  { weight: 3, arbitrary: requests.map(write) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(requests.map(write), fc.nat(), fc.nat({ max: 3 }), fc.string({ unit: 'binary', maxLength: 3 }))
      .map(([text, at, cut, put]) => {
        const place = at % (text.length + 1)
        return text.slice(0, place) + put + text.slice(place + cut)
      }),
  },
  fc.tuple(requests, requests).map(([one, other]) => write(new Written([...one.entries, ...other.entries]))),
  fc
    .tuple(
      fc.constantFrom('[', '{"a":', '{"query":"{ __typename }","variables":{"a":', '{"variables":['),
      fc.nat({ max: 20_000 }),
    )
    .map(([open, times]) => open.repeat(Math.min(times, 100_000 / open.length))),
)
const types = fc.oneof(
  { weight: 9, arbitrary: fc.constant('application/json') },
  fc.constantFrom(
    'application/json; charset=utf-8',
    'text/plain',
    'application/json;charset=latin1',
    '',
    'a/b/c',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

t.test('whatever the body is, it gets an answer that was meant', async (t) => {
  const server = await startApp(t, unlimited)
  const { id, token } = await visit(server, 'ada')
  const prototype = Object.getOwnPropertyNames(Object.prototype).join()
  await fc.assert(
    fc.asyncProperty(bodies, types, async (body, type) => {
      const headers = { 'content-type': type, authorization: `Token ${token}` }
      const answer = await send(server.app, { headers, payload: body })
      requireMeant(answer)
      const user = answer.body.data?.viewer?.id
      if (user !== undefined && user !== id) throw new Error(`signed in as ${user}`)
      if (Object.getOwnPropertyNames(Object.prototype).join() !== prototype)
        throw new Error('a prototype has changed')
    }),
    runs(2_000),
  )
  t.equal((await send(server.app, { payload: '{"query":"{ __typename }"}' })).status, 200)
})

t.test('whatever the bytes of the body are, it gets an answer that was meant', async (t) => {
  const { app } = await startApp(t, unlimited)
  const valid = Buffer.from('{"query":"query A($a: ID) { __typename }","variables":{"a":"\u00e9\u{1f600}"}}')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 6 }),
      async (changes) => {
        const bytes = Buffer.from(valid)
        for (const [at, to] of changes) bytes[at % bytes.length] = to
        requireMeant(await send(app, { payload: bytes }))
      },
    ),
    runs(1_000),
  )
  t.pass('and it did')
})

t.test('whatever the URL is, it gets an answer that was meant', async (t) => {
  const { app } = await startApp(t, unlimited)
  const texts = fc.oneof(
    json.map(write),
    fc.constantFrom(
      '{ __typename }',
      'query A($a: Int) { __typename }',
      '{"a":1}',
      '%',
      '%00',
      '%ff',
      '[]',
      '&query={a}',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  )
  const parts = fc.tuple(
    fc.constantFrom('query', 'query', 'variables', 'operationName', 'extensions', 'query[]', '__proto__'),
    texts,
    fc.boolean(),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(parts, { maxLength: 5 }), async (parameters) => {
      const search = parameters
        .map(
          ([name, text, encoded]) =>
            `${name}=${encoded ? encodeURIComponent(text.toWellFormed()) : text.replace(/[^!-~]|[#]/g, '')}`,
        )
        .join('&')
      const response = await app.inject({ url: `/graphql?${search}` })
      requireMeant({ status: response.statusCode, body: parseAnswer(response.body) })
    }),
    runs(1_000),
  )
  t.pass('and it did')
})
