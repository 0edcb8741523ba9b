import t from 'tap'
import { sendRaw } from '../http/raw.ts'
import { fc, parseAnswer, requireMeant, runs, send, startApp, unlimited, visit } from './fuzz.ts'

t.setTimeout(3_600_000) // a campaign takes as long as it is told to

const query = '{"query":"{ viewer { id } }"}'

const schemes = fc.oneof(
  fc.constantFrom(
    'Token',
    'token',
    'TOKEN',
    'tOkEn',
    'Bearer',
    'Basic',
    '',
    'Tokens',
    'To ken',
    '\u212aoken',
  ),
  fc.string({ maxLength: 8 }),
)
const blanks = fc.oneof(
  fc.constantFrom(' ', '  ', '\t', ' \t ', '', '\u00a0', '\u2003', '\v', '\f', ','),
  fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 600 }),
)
const rests = fc.oneof(
  fc.constantFrom('', '', ' ', '\t', ' x', ',', ';', '"', '=', '\u0000', '\u0080', '\u00ff'),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

/** Whom a header value stands for, by RFC 9110 §11.4 and the words of our own contract. */
function expectUser(value: string, token: string): boolean {
  const trimmed = value.replace(/^[ \t]+|[ \t]+$/g, '')
  return (
    trimmed.length <= 512 && /^token[ \t]+(\S+)$/i.exec(trimmed)?.[1] === token && /^[!-~ \t]*$/.test(trimmed)
  )
}

t.test('a header of any text is the user whose token it carries as it should, or nobody', async (t) => {
  const server = await startApp(t, unlimited)
  const { id, token } = await visit(server, 'ada')
  const tokens = fc.oneof(fc.constant(token), fc.string({ maxLength: 60 }), fc.constant(`${token}${token}`))
  const values = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(schemes, blanks, tokens, rests).map((parts) => parts.join('')) },
    fc.string({ unit: 'binary', maxLength: 700 }),
    fc.constant(`Token ${token}`),
  )
  let signedIn = 0
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      const answer = await send(server.app, { headers: { authorization: value }, payload: query })
      requireMeant(answer)
      // Without a socket nobody trims the value before it is read.
      const expected = expectUser(value, token) && value === value.replace(/^[ \t]+|[ \t]+$/g, '')
      if ((answer.body.data?.viewer?.id === id) !== expected) throw new Error(JSON.stringify(answer.body))
      if (expected) signedIn++
    }),
    { ...runs(2_000), examples: [[`Token ${token}`]] },
  )
  t.ok(signedIn > 0)
})

t.test(
  'a header of any bytes on a socket is the user whose token it carries, nobody, or no HTTP',
  async (t) => {
    const server = await startApp(t, { ...unlimited, listen: true })
    const { id, token } = await visit(server, 'ada')
    const parts = fc.oneof(
      fc.constantFrom(
        'Token ',
        'token\t',
        token,
        ' ',
        '\t',
        '\r',
        '\n',
        '\r\n',
        '\r\n ',
        '\0',
        ': ',
        'Authorization: ',
      ),
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    )
    const values = fc.oneof(
      fc.array(parts, { maxLength: 6 }).map((texts) => texts.join('')),
      fc.tuple(schemes, blanks, fc.constant(token), rests).map((texts) => texts.join('')),
    )
    let signedIn = 0
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const head = [
          'POST /graphql HTTP/1.1',
          'Host: 127.0.0.1',
          'Connection: close',
          'Accept: application/graphql-response+json',
          'Content-Type: application/json',
          `Content-Length: ${query.length}`,
          `Authorization: ${value}`,
        ]
        const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n${query}`, 'latin1')
        const answer = await sendRaw(server.url, bytes)
        if (answer.text === '') return // the server hung up
        const body = parseAnswer(answer.body.split('HTTP/1.1 ')[0] ?? '')
        requireMeant({ status: answer.status, body })
        const user = (body as { data?: { viewer?: { id: string } } }).data?.viewer?.id
        if (user !== undefined && user !== id) throw new Error(`signed in as ${user}`)
        // A line break ends the value: what follows may be a header of its own, or the body.
        const line = Buffer.from(value, 'latin1').toString('latin1')
        if (/[\r\n\0]/.test(line)) {
          if (user !== undefined && !value.includes(token)) throw new Error('signed in without a token')
        } else if ((user === id) !== (expectUser(line, token) && answer.status !== 400)) {
          throw new Error(`${answer.status} ${JSON.stringify(body)}`)
        }
        if (user === id) signedIn++
      }),
      { ...runs(500), examples: [[`Token ${token}`]] },
    )
    t.ok(signedIn > 0)
    t.equal((await fetch(`${server.url}/healthz`)).status, 200)
  },
)
