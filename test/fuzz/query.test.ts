import t from 'tap'
import type { Answer } from '../support/app.ts'
import { type FuzzedRequest, mutateText, writeRequest } from './documents.ts'
import { fc, issueToken, requireMeantFor, runs, send, startApp, unlimited, visit } from './fuzz.ts'

t.setTimeout(3_600_000) // a campaign takes as long as it is told to

/** Every kind of input there is; each field says what reached its resolver. */
const schema = `
  enum Colour { RED GREEN }
  input Inner { a: Int! = 7, b: [String!], c: Colour = RED, d: Inner, e: DateTime }
  input Outer { inner: Inner! = { a: 1 }, list: [Inner!]! = [], id: ID, f: Float, g: Boolean = true }
  interface Named { name: String! }
  type Cat implements Named { name: String! lives: Int! friend: Named }
  type Dog implements Named { name: String! barks(loud: Boolean! = true): String! friends(first: Int = 2): [Pet!]! }
  union Pet = Cat | Dog
  extend type Query {
    echo(outer: Outer = { id: "x" }, list: [[Int!]], colour: Colour! = GREEN, text: String, f: Float): String @public
    pets(first: Int! = 2, kind: Colour): [Pet] @public
    named(id: ID!): Named @public
    mine(at: DateTime): String @auth
    admins(outer: Outer!): String @auth(role: ADMIN)
  }
  extend type Mutation { put(outer: Outer!, ids: [ID!]): String @public }
`

interface Pet {
  __typename: string
  name: string
  lives: number
  depth: number
}
const pet = (depth: number, __typename = 'Dog'): Pet => ({ __typename, name: 'one', lives: 9, depth })
/** The order of arguments is nobody's business, and that of fields one of compiled queries. */
const inOrder = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value
const say = (_parent: unknown, args: object): string => `got ${JSON.stringify(args, inOrder)}`
const resolvers = {
  Cat: { friend: ({ depth }: Pet) => (depth > 0 ? pet(depth - 1) : null) },
  Dog: {
    barks: (_pet: Pet, { loud }: { loud: boolean }) => (loud ? 'WOOF' : 'woof'),
    friends: ({ depth }: Pet, { first }: { first: number | null }) =>
      Array.from({ length: Math.min(Math.max(first ?? 1, 0), 3) }, () => pet(depth - 1)),
  },
  Query: {
    echo: say,
    pets: (_parent: unknown, { first }: { first: number }) =>
      first > 3 ? [] : [pet(2), null, pet(1, 'Cat')],
    named: () => pet(2, 'Cat'),
    mine: say,
    admins: say,
  },
  Mutation: { put: say },
}

const oneInFour = fc.constantFrom(true, false, false, false)

/** A password costs its hash, and wrong ones their wait. */
const costly = new Set(['tokenAuth', 'signUp', 'changePassword'])

t.test(
  'whatever is asked, it gets an answer that was meant, compiled or not, and nobody sees another',
  async (t) => {
    const server = await startApp(t, {
      ...unlimited,
      queryJit: 1,
      tokenLimit: 100,
      plugin: { schema, resolvers },
    })
    const ada = await visit(server, 'ada')
    await visit(server, 'a-bystander')
    const counts: Record<string, number> = {}
    await fc.assert(
      fc.asyncProperty(fc.gen(), fc.boolean(), oneInFour, async (draw, signedIn, mutated) => {
        const request = writeRequest(draw, server.app.graphql.schema, (name) => !costly.has(name))
        if (mutated) request.query = mutateText(draw, request.query)
        const answers: Answer[] = []
        for (let turn = 0; turn < 4; turn++) answers.push(await ask(request, signedIn))
        for (const answer of answers) {
          requireMeantFor(request, answer)
          if (JSON.stringify(answer.body).includes('a-bystander'))
            throw new Error('it tells of somebody else')
        }
        const [first, ...others] = answers.map(({ body }) => JSON.stringify(body, inOrder))
        const isRead = /^\s*(query|\{)/.test(request.query) && !/lastUsed|tokens|@/.test(request.query)
        if (isRead && others.some((other) => other !== first))
          throw new Error(`not the same: ${[first, ...others].join('\n')}\nto ${JSON.stringify(request)}`)
        const errors: { extensions: { code: string } }[] = answers[0]?.body.errors ?? []
        const codes = new Set(errors.map(({ extensions }) => extensions.code))
        for (const code of codes.size > 0 ? codes : ['none']) counts[code] = (counts[code] ?? 0) + 1
      }),
      runs(1_000),
    )
    for (const code of ['none', 'GRAPHQL_VALIDATION_FAILED', 'GRAPHQL_PARSE_FAILED', 'UNAUTHENTICATED']) {
      t.ok(counts[code], `${code}: ${counts[code]}`)
    }

    async function ask(request: FuzzedRequest, signedIn: boolean, again = false): Promise<Answer> {
      const headers = signedIn ? { authorization: `Token ${ada.token}` } : {}
      const answer = await send(server.app, { headers, payload: JSON.stringify(request) })
      const hasEnded = answer.body.errors?.some(
        (error: { extensions: { reason?: string } }) => error.extensions.reason === 'REVOKED',
      )
      if (!signedIn || !hasEnded || again) return answer
      ada.token = await issueToken(server.app, ada.id) // an earlier mutation has ended it
      return ask(request, signedIn, true)
    }
  },
)

t.test('whatever is asked of passwords, it gets an answer that was meant', async (t) => {
  const server = await startApp(t, { ...unlimited, queryJit: 1, passwordHashConcurrency: 2 })
  const ada = await visit(server, 'ada')
  await fc.assert(
    fc.asyncProperty(fc.gen(), oneInFour, async (draw, mutated) => {
      const request = writeRequest(
        draw,
        server.app.graphql.schema,
        (name) => costly.has(name) || name === 'viewer',
      )
      if (mutated) request.query = mutateText(draw, request.query)
      const headers = { authorization: `Token ${ada.token}` }
      requireMeantFor(request, await send(server.app, { headers, payload: JSON.stringify(request) }))
    }),
    runs(300),
  )
  t.pass('and it did')
})
