import rateLimit, { type CreateRateLimitOptions } from '@fastify/rate-limit'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Limiter, ThrottleKind, ThrottleOptions, ThrottleStore } from '../auth/throttle.ts'

/** How many requests are answered. */
export interface RequestLimits {
  /** Requests of one user, or without a user of one address, in a window; 0 for no limit. */
  max: number
  windowMs: number
  /** Requests with an unknown token from one address in a minute. */
  badTokens: number
}

/** Counts one for `key` and says whether that is too many, with the milliseconds until it is not. */
export type CountRequest = (key: string) => Promise<{ isExceeded: boolean; ttl: number }>

/** Keys that the in-memory counters keep at once. */
const memoryKeys = 50_000

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

/** Counters in this process's memory, for requests and unknown tokens. */
export async function createRequestCounters(
  limits: RequestLimits,
): Promise<{ countRequest: CountRequest | null; countBadToken: CountRequest }> {
  const host = Fastify()
  await host.register(rateLimit, { global: false, cache: memoryKeys })
  await host.ready()

  function create(max: number, timeWindow: number): CountRequest {
    const limit = host.createRateLimit({ ...byKey, max, timeWindow })
    return async (key) => {
      return (await limit(asRequest(key))) as Counted
    }
  }

  return {
    countRequest: limits.max > 0 ? create(limits.max, limits.windowMs) : null,
    countBadToken: create(limits.badTokens, 60_000),
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
