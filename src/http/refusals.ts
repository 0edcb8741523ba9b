import type { FastifyRequest } from 'fastify'
import type { GraphQLFormattedError } from 'graphql'
import { LRUCache } from 'lru-cache'
import type { ReportEvent } from '../auth/origin.ts'
import { originOf } from './authenticate.ts'
import type { Refusal } from './status.ts'

/** Reports an answer's refusals that the security log is to have. */
export function reportRefusals(
  request: FastifyRequest,
  report: ReportEvent,
  errors: readonly GraphQLFormattedError[],
  refusal: Refusal | null,
): void {
  const forbidden = errors.find(isBeyondRights)
  if (forbidden !== undefined)
    reportRefusal(request, report, 'authz_fail', String(forbidden.extensions?.reason))
  if (refusal?.code === 'RATE_LIMITED' && refusal.reason === 'REQUESTS')
    reportRefusal(request, report, 'excess_rate_limit_exceeded')
}

/** Whether somebody asked for what the role of the user, or the scopes of the token, do not reach to. */
function isBeyondRights({ extensions }: GraphQLFormattedError): boolean {
  return extensions?.code === 'FORBIDDEN' && (extensions.reason === 'ROLE' || extensions.reason === 'SCOPE')
}

function reportRefusal(
  request: FastifyRequest,
  report: ReportEvent,
  event: 'authz_fail' | 'excess_rate_limit_exceeded',
  detail?: string,
): void {
  const { principal } = request
  const who = principal.kind === 'user' ? { userId: principal.user.id, tokenId: principal.token.id } : {}
  report({ ...originOf(request), ...who, event, ...(detail === undefined ? {} : { detail }) })
}

/** Passes on one event of a kind a minute of each user or address: each request has its line, and a flood must not drown the log. */
export function onceAMinute(report: ReportEvent): ReportEvent {
  const reported = new LRUCache<string, true>({ max: 1_000, ttl: 60_000 })
  return (event) => {
    const key = `${event.event} ${event.userId ?? event.network}`
    if (reported.has(key)) return
    reported.set(key, true)
    report(event)
  }
}
