import fc from 'fast-check'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { type ErrorCode, statusOfCode } from '../../src/errors.ts'
import { type Answer, graphqlJson, startApp, type TestApp } from '../support/app.ts'

/** How often a property is tried: a number that suits the suite, or `FUZZ_RUNS` for a campaign. */
export function runs(usual: number): { numRuns: number; endOnFailure?: boolean } {
  const { FUZZ_RUNS } = process.env
  return { numRuns: Number(FUZZ_RUNS || usual) }
}

/** No limit of requests stands before what is looked at; sign-ins are as limited as ever. */
export const unlimited = { rateLimitBadTokens: 1_000_000_000 }

/** Stands in what a client sends as a value, and must not come back in a message. */
export const marker = 'xq7-value-of-a-client'

export interface Visitor {
  id: string
  username: string
  token: string
}

/** An account with a token of its own, without the cost of a sign-in. */
export async function visit({ app, createUser }: TestApp, username: string): Promise<Visitor> {
  const { id } = await createUser({ username, email: `${username}@example.org` })
  return { id, username, token: await issueToken(app, id) }
}

export async function issueToken(app: FastifyInstance, userId: string): Promise<string> {
  return (await app.latchkey.auth.createToken(userId, { name: 'fuzz', expiresIn: null })).token
}

/** Sends what no well-behaved client would. */
export async function send(app: FastifyInstance, request: InjectOptions): Promise<Answer> {
  const response = await app.inject({
    method: 'POST',
    url: '/graphql',
    ...request,
    headers: { 'content-type': 'application/json', accept: graphqlJson, ...request.headers },
  })
  return { status: response.statusCode, headers: response.headers, body: parseAnswer(response.body) }
}

/** Says what was asked where an answer was not meant. */
export function requireMeantFor(request: object, answer: Pick<Answer, 'status' | 'body'>): void {
  try {
    requireMeant(answer)
  } catch (error) {
    throw new Error(`${(error as Error).message}\nto ${JSON.stringify(request)}`)
  }
}

export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`this is no JSON: ${text}`)
  }
}

const faults = new Set<unknown>(['INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE'])

/** What only our own code or the machine knows: stacks, paths, SQL, the driver's words, a printed object. */
const internals =
  /node_modules|file:\/\/|\/(?:src|work|home|tmp)\/|\.[cm]?[jt]s:\d|\n\s+at |SQLITE_|latchkey_|\b(?:select|insert|update|delete)\b.*\b(?:from|into|set)\b|\[object |TypeError|RangeError|is not a function|Cannot read prop|undefined/i

/** Throws unless an answer is one that we meant to give. */
export function requireMeant({ status, body }: Pick<Answer, 'status' | 'body'>): void {
  if (status >= 500 || status < 200) throw new Error(`it answered ${status}: ${JSON.stringify(body)}`)
  if (body.data === undefined && !Array.isArray(body.errors)) {
    throw new Error(`neither data nor errors: ${JSON.stringify(body)}`)
  }
  if (body.errors !== undefined && body.errors.length === 0) throw new Error('an empty list of errors')
  for (const error of body.errors ?? []) {
    const { message, extensions } = error
    const code = extensions?.code
    if (!Object.hasOwn(statusOfCode, String(code)) || faults.has(code as ErrorCode)) {
      throw new Error(`an error of another code: ${JSON.stringify(error)}`)
    }
    if (typeof message !== 'string' || message === '') throw new Error('an error without a message')
    const said = JSON.stringify({ message, extensions })
    if (internals.test(message)) throw new Error(`it tells of its insides: ${said}`)
    if (said.includes(marker)) throw new Error(`it says a value back: ${said}`)
  }
}

export { fc, graphqlJson, startApp }
