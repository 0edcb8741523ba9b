import type { GraphQLFormattedError } from 'graphql'
import type { ReportEvent } from '../auth/origin.ts'
import type { Principal } from '../auth/principal.ts'
import { LatchkeyError } from '../errors.ts'
import { missing } from './authorization.ts'
import type { Deadlines } from './deadlines.ts'
import { describeFailure, refuseExcess, tooLate } from './failure.ts'
import type { OperationRunner, RunnableOperation, RunningSubscription } from './graphql-route.ts'
import { overloaded } from './overload.ts'
import { type GraphQLParameters, requireParameters } from './parameters.ts'
import { reportRefusals } from './refusals.ts'
import type { CountRequest } from './request-counter.ts'
import { logSocketOperation, type ObserveRequest } from './request-log.ts'
import { createEvents, type Events } from './socket-events.ts'
import { countKeyOf, deriveExchange, type Exchange } from './socket-request.ts'
import { findRefusal, type ResponseBody } from './status.ts'

/** What an operation answers: once, event after event, or that it cannot run. */
export type Outcome = ResponseBody | Events<ResponseBody> | Refused

/** An operation that cannot run, or not any more. */
export class Refused extends Error {
  readonly errors: readonly GraphQLFormattedError[]

  constructor(errors: readonly GraphQLFormattedError[]) {
    super('refused')
    this.errors = errors
  }
}

/** The socket, as far as its operations see it. */
export interface Bearer extends Exchange {
  /** Who has the socket at this moment; null once it closes. Where somebody asks for something, the token is used by that. */
  findPrincipal(isUse: boolean): Promise<Principal | null>
  readToken(): string | null
  /** Operations that run, or may still. */
  readonly operations: Set<AbortController>
}

export interface OperationDeps {
  runner: OperationRunner
  countRequest: CountRequest | null
  deadlines: Deadlines
  report: ReportEvent
  /** Whether there is more to do than can be done. */
  isOverloaded: () => boolean
  /** Null where nobody counts. */
  observe: ObserveRequest | null
  createId: () => string
  /** Operations of one socket at once. */
  limit: number
}

/** An operation while it runs. */
interface Run extends Exchange {
  readonly bearer: Bearer
  readonly deps: OperationDeps
  readonly signal: AbortSignal
  /** Lets go of what it holds; once more does no harm. */
  finish(): void
  /** How many there were on its socket when it came, itself included. */
  readonly ordinal: number
  /** Once its document has been read. */
  operation: RunnableOperation | null
}

/** Runs one `subscribe` message, under the rules of a request over HTTP; null where the socket closes. */
export async function runOperation(
  bearer: Bearer,
  payload: unknown,
  deps: OperationDeps,
): Promise<Outcome | null> {
  const begun = performance.now()
  const run = createRun(bearer, deps)
  const outcome = await begin(run, payload).catch((error) => {
    run.finish()
    return toRefused(error, run)
  })
  if (outcome === null) return null
  const errors = ('errors' in outcome && outcome.errors) || []
  const refusal = findRefusal(errors)
  reportRefusals(run.request, deps.report, errors, refusal)
  const durationMs = performance.now() - begun
  deps.observe?.(run.operation, refusal, run.request.principal, durationMs)
  logSocketOperation(run.request, { operation: run.operation, refusal }, durationMs)
  return outcome
}

function createRun(bearer: Bearer, deps: OperationDeps): Run {
  const controller = new AbortController()
  const { signal } = controller
  const finish = (): void => {
    bearer.operations.delete(controller)
    controller.abort()
  }
  const ordinal = bearer.operations.add(controller).size
  const exchange = deriveExchange(bearer, deps.createId(), missing)
  return { ...exchange, bearer, deps, signal, finish, ordinal, operation: null }
}

async function begin(run: Run, payload: unknown): Promise<Outcome | null> {
  const { request, bearer, deps } = run
  if (deps.isOverloaded()) throw overloaded
  const principal = await bearer.findPrincipal(true)
  if (principal === null) return null
  request.principal = principal
  if (run.ordinal > deps.limit) throw tooMany(deps.limit)
  const counted = await deps.countRequest?.(countKeyOf(request, principal))
  const refusal = counted && refuseExcess(counted)
  if (refusal !== undefined) throw refusal
  const parameters = requireParameters(payload)
  const operation = deps.runner.prepare(parameters, parameters.operationName, true)
  if ('errors' in operation) throw new Refused(operation.errors)
  run.operation = operation
  return operation.kind === 'subscription'
    ? subscribe(run, operation, parameters)
    : execute(run, operation, parameters)
}

async function execute(
  { request, reply, bearer, deps, finish }: Run,
  operation: RunnableOperation,
  { variables }: GraphQLParameters,
): Promise<Outcome> {
  const work = Promise.resolve(deps.runner.execute(operation, variables, request, reply, bearer.readToken))
  void work.then(finish, finish) // though nobody may wait for it any more
  const body = await within(deps.deadlines, work)
  // What has no data has errors.
  if (body.data === undefined) throw new Refused(body.errors as readonly GraphQLFormattedError[])
  return requireSayable(body)
}

async function subscribe(
  run: Run,
  operation: RunnableOperation,
  { variables }: GraphQLParameters,
): Promise<Outcome> {
  const { request, reply, bearer, deps, signal, finish } = run
  const work = deps.runner.subscribe(operation, variables, request, reply, bearer.readToken, signal)
  const subscription = await within(deps.deadlines, work, endUnheard)
  if ('errors' in subscription) throw new Refused(subscription.errors)
  const { events: source, explain } = subscription
  const events = createEvents({
    source: { next: () => explained(run, () => source.next(), explain), return: () => endSource(source) },
    answer: (event) =>
      answer(run, subscription, event).catch((error) => {
        throw toRefused(error, run)
      }),
    onEnd: finish,
  })
  const end = (): void => void events.return()
  signal.addEventListener('abort', end)
  if (signal.aborted) end() // the socket ended while it began
  return events
}

/** Answers an event under the rights that the bearer has now. */
async function answer(run: Run, subscription: RunningSubscription, event: unknown): Promise<ResponseBody> {
  const { bearer, deps } = run
  const principal = await bearer.findPrincipal(false)
  if (principal === null) throw new Refused([]) // which nobody hears: the socket has closed
  const each = deriveExchange(bearer, String(run.request.id), principal)
  const body = await within(deps.deadlines, subscription.answer(event, each.request, each.reply))
  const lost = body.errors?.find(isRefusedWhole)
  if (lost !== undefined) throw new Refused([lost]) // who may not see this event may see none that follow
  try {
    return requireSayable(body)
  } catch (error) {
    return { data: null, errors: [describeFailure(error, each.request)] } // the next event may be one
  }
}

function isRefusedWhole({ path, extensions }: GraphQLFormattedError): boolean {
  return path?.length === 1 && (extensions?.code === 'FORBIDDEN' || extensions?.code === 'UNAUTHENTICATED')
}

function toRefused(error: unknown, { request }: Run): Refused {
  if (!(error instanceof Refused)) return new Refused([describeFailure(error, request)])
  try {
    requireSayable(error.errors)
    return error
  } catch (unsayable) {
    return new Refused([describeFailure(unsayable, request)])
  }
}

/** Throws where no JSON can say it: a resolver may give a BigInt, or what contains itself. */
function requireSayable<T>(value: T): T {
  JSON.stringify(value) // graphql-ws does it again, where what it throws would end the socket
  return value
}

function tooMany(limit: number): LatchkeyError {
  return new LatchkeyError('RATE_LIMITED', `At most ${limit} operations run on one WebSocket at once.`, {
    reason: 'OPERATIONS',
    retryAfter: 1,
  })
}

/** What work comes to, or `tooLate`; `unheard` is given what it comes to after that. */
function within<T>(deadlines: Deadlines, work: Promise<T>, unheard?: (late: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = deadlines.begin(() => reject(tooLate()))
    work.then(
      (value) => {
        if (deadlines.end(deadline)) resolve(value)
        else unheard?.(value)
      },
      (error) => {
        deadlines.end(deadline)
        reject(error)
      },
    )
  })
}

/** Ends a subscription that took too long to begin. */
function endUnheard(late: RunningSubscription | { errors: unknown }): void {
  if ('events' in late) endSource(late.events).catch(() => {})
}

async function explained<T>(
  run: Run,
  work: () => Promise<T>,
  explain: (thrown: unknown) => GraphQLFormattedError,
): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    throw toRefused(new Refused([explain(thrown)]), run)
  }
}

async function endSource(source: AsyncIterator<unknown>): Promise<IteratorResult<unknown>> {
  return (await source.return?.()) ?? { done: true, value: undefined }
}
