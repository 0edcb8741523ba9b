import { createHmac } from 'node:crypto'
import type { Database } from '../db/open.ts'
import type { FollowEvents } from './follow-up.ts'
import type { AuthEvent, AuthEventName } from './origin.ts'
import { type Delivery, type Outbox, type OutboxTrouble, Undeliverable } from './outbox.ts'

/** Where events are posted to. */
export interface WebhookOptions {
  url: string
  /** What each request is signed with, in base64 after `whsec_`; a receiver that knows one of them believes it. */
  secrets: readonly string[]
  /** The events that are posted. */
  events: readonly AuthEventName[]
  /** How long the receiver may take to answer, in milliseconds. */
  timeoutMs: number
}

/** The body of a webhook. It names nobody: who receives it asks for what it may know. */
interface WebhookBody {
  type: AuthEventName
  /** When it happened (RFC 3339). */
  timestamp: string
  data: Pick<AuthEvent, 'userId' | 'tokenId' | 'actorId' | 'count' | 'requestId'>
}

const kind = 'webhook'

/**
 * Posts events by Standard Webhooks (https://www.standardwebhooks.com), at least once each, in no order that is sure. They
 * are stored before the use case that reports them is answered, and tried again for a day.
 */
export function createWebhooks(deps: {
  outbox: Outbox
  database: Database
  clock: () => number
  options: WebhookOptions
  onTrouble: (trouble: OutboxTrouble) => void
}): FollowEvents {
  const { outbox, database, clock, options, onTrouble } = deps
  const posted = new Set(options.events)
  outbox.handle(kind, {
    deliver: (payload, delivery) => post(JSON.stringify(payload), delivery, clock(), options),
  })

  return async (events) => {
    const payloads = events.filter(({ event }) => posted.has(event)).map((event) => toBody(event, clock()))
    if (payloads.length === 0) return
    try {
      await database.transaction(async (db) => {
        for (const payload of payloads) await outbox.add(db, { kind, payload })
      })
    } catch (error) {
      onTrouble({ error }) // what they tell of is done, and stays in the log
    }
  }
}

function toBody({ event, userId, tokenId, actorId, count, requestId }: AuthEvent, now: number): WebhookBody {
  return {
    type: event,
    timestamp: new Date(now).toISOString(),
    data: { userId, tokenId, actorId, count, requestId } as WebhookBody['data'], // JSON leaves out what is undefined
  }
}

/** Any 2xx is a delivery, 410 that there will never be one, and all else, redirects included, a failure. */
async function post(
  body: string,
  { id, signal }: Delivery,
  now: number,
  options: WebhookOptions,
): Promise<void> {
  const timestamp = String(Math.floor(now / 1_000))
  const response = await fetch(options.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Latchkey',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': options.secrets
        .map((secret) => sign(secret, `${id}.${timestamp}.${body}`))
        .join(' '),
    },
    body,
    redirect: 'manual', // whoever it points to was not chosen by the operator
    signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
  })
  await response.body?.cancel()
  if (response.ok) return
  const sentence = `The receiver of webhooks answered ${response.status}.`
  throw response.status === 410 ? new Undeliverable(sentence) : new Error(sentence)
}

function sign(secret: string, content: string): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`
}
