import rateLimit, { type CreateRateLimitOptions } from '@fastify/rate-limit'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Limiter, ThrottleKind, ThrottleOptions, ThrottleStore } from '../auth/throttle.ts'
import { type AskForLease, createLeasedCounter } from './leased-counter.ts'
import { type CountAtOnce, type CountRequest, createCounter, type Limit } from './request-counter.ts'

/** How many requests are answered. */
export interface RequestLimits {
  /** Requests of one user, or without a user of one address, in a window; 0 for no limit. */
  max: number
  windowMs: number
  /** Requests with an unknown token from one address in a minute. */
  badTokens: number
}

/**
 * Makes @fastify/rate-limit's limiters on an instance of Fastify of their own: an application that uses the plugin
 * itself has decorated its instance with its own store, which would take the place of Latchkey's.
 */
export async function createLimiters(
  Store: new () => ThrottleStore,
  throttle: ThrottleOptions,
): Promise<Record<ThrottleKind, Limiter>> {
  const host = Fastify()
  await host.register(rateLimit, { global: false, store: Store as never })
  await host.ready()

  function create(kind: ThrottleKind, max: number): Limiter {
    const limit = host.createRateLimit({ ...byKey, max, kind } as CreateRateLimitOptions)
    return async (key, { peek }) => {
      return (await limit(asRequest(key), { increment: !peek })) as Counted
    }
  }

  return { account: create('account', throttle.accountFree), address: create('address', throttle.addressMax) }
}

/** How many messages of sockets there may be for each request: such as need no answer, or one without any work. */
const messagesPerRequest = 10

/**
 * The counters of requests and of unknown tokens: in this process's memory, or leased where several share the limits. And
 * that of messages of sockets, each process's own: they cost so little that to ask others of them would cost more.
 */
export function createRequestCounters(
  { max, windowMs, badTokens }: RequestLimits,
  ask?: AskForLease,
): { countRequest: CountRequest | null; countBadToken: CountRequest; countMessage: CountAtOnce | null } {
  const create = (name: string, limit: Limit): CountRequest =>
    ask === undefined ? createCounter(limit) : createLeasedCounter({ name, ...limit }, ask)
  return {
    countRequest: max > 0 ? create('requests', { max, windowMs }) : null,
    countBadToken: create('bad tokens', { max: badTokens, windowMs: 60_000 }),
    countMessage: max > 0 ? createCounter({ max: max * messagesPerRequest, windowMs }) : null,
  }
}

/** What the plugin answers without an allow list, which is not used here. */
type Counted = Exclude<
  Awaited<ReturnType<ReturnType<FastifyInstance['createRateLimit']>>>,
  { isAllowed: true }
>

const byKey = { keyGenerator: (request: FastifyRequest) => (request as unknown as Keyed).key }

interface Keyed {
  key: string
  routeOptions: object
}

/** What the plugin reads of a request: the key, and the route's options for a group that is not used here. */
function asRequest(key: string): FastifyRequest {
  return { key, routeOptions: {} } satisfies Keyed as unknown as FastifyRequest
}
