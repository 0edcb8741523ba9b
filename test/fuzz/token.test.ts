import { crc32 } from 'node:zlib'
import t from 'tap'
import { fc, requireMeant, runs, send, startApp, unlimited, visit } from './fuzz.ts'

t.setTimeout(3_600_000) // a campaign takes as long as it is told to

const query = '{"query":"{ viewer { id } }"}'
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A token with another part, and maybe with the checksum that fits. */
type Mutation = (token: string) => string

const positions = fc.nat({ max: 51 })
const characters = fc.oneof(
  fc.constantFrom(...alphabet),
  fc.constantFrom('_', '-', '.', '+', '/', '=', '%', '\\'),
)

const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(positions, characters).map(
    ([at, to]) =>
      (token: string) =>
        token.slice(0, at) + to + token.slice(at + 1),
  ),
  fc.tuple(positions, characters).map(
    ([at, to]) =>
      (token: string) =>
        token.slice(0, at) + to + token.slice(at),
  ),
  positions.map((at) => (token: string) => token.slice(0, at) + token.slice(at + 1)),
  positions.map((at) => (token: string) => token.slice(0, at)),
  positions.map((at) => (token: string) => token.slice(at)),
  fc.tuple(positions, positions).map(([one, other]) => (token: string) => {
    const letters = [...token]
    ;[letters[one], letters[other]] = [letters[other] ?? '', letters[one] ?? '']
    return letters.join('')
  }),
  positions.map((at) => (token: string) => {
    const letter = token[at] ?? ''
    const swapped = letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase()
    return token.slice(0, at) + swapped + token.slice(at + 1)
  }),
  fc.constantFrom<Mutation[]>(
    (token) => token.toUpperCase(),
    (token) => token.toLowerCase(),
    (token) => [...token].reverse().join(''),
    (token) => token + token,
    (token) => encodeURIComponent(token).replace('_', '%5F'),
    (token) => Buffer.from(token).toString('base64'),
    (token) => `"${token}"`,
    (token) => token.replace('lk_', ''),
    (token) => token.replace('lk_', 'xx_'),
  ),
)

/** Gives a mutated token the checksum that fits, so that it reaches the database. */
const repairs: Mutation = (token) => {
  const body = token.slice(0, -6)
  let rest = crc32(body)
  let text = ''
  for (let index = 0; index < 6; index++) {
    text = alphabet[rest % 62] + text
    rest = Math.floor(rest / 62)
  }
  return body + text
}

t.test('a token with anything changed is nobody, and beside it the right one is always hers', async (t) => {
  const server = await startApp(t, unlimited)
  const visitors = [await visit(server, 'ada'), await visit(server, 'grace')] as const
  const live: readonly string[] = visitors.map(({ token }) => token)
  const requests = fc.oneof(
    fc.record({ who: fc.constantFrom(0, 1), mutate: fc.constant(null), repair: fc.constant(false) }),
    fc.record({
      who: fc.constantFrom(0, 1),
      mutate: fc.array(mutations, { minLength: 1, maxLength: 3 }),
      repair: fc.boolean(),
    }),
  )
  const seen = { own: 0, invalid: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(requests, { minLength: 2, maxLength: 12 }), async (batch) => {
      await Promise.all(
        batch.map(async ({ who, mutate, repair }) => {
          const { id, token } = visitors[who as 0 | 1]
          let sent = (mutate ?? []).reduce((text, change) => change(text), token)
          if (repair) sent = repairs(sent)
          const answer = await send(server.app, {
            headers: { authorization: `Token ${sent}` },
            payload: query,
          })
          requireMeant(answer)
          const user = answer.body.data?.viewer?.id
          if (!live.includes(sent)) {
            if (user !== undefined) throw new Error(`${sent} signed in as ${user}`)
            const { reason } = answer.body.errors[0].extensions
            if (!['INVALID', 'MALFORMED'].includes(reason)) throw new Error(`${sent} is said to be ${reason}`)
            seen.invalid++
          } else if (sent === token) {
            if (user !== id) throw new Error(`${who} is said to be ${user}`)
            seen.own++
          }
        }),
      )
    }),
    runs(700),
  )
  t.ok(seen.own > 0)
  t.ok(seen.invalid > 0)
})
