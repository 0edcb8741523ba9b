/** `latchkey/urql`: an exchange for urql 5 and @urql/core 6. */
import {
  type Exchange,
  makeErrorResult,
  makeOperation,
  type Operation,
  type OperationResult,
} from '@urql/core'
import { filter, fromPromise, fromValue, makeSubject, merge, mergeMap, pipe, share, takeUntil } from 'wonka'
import type { Auth, Authorization } from './auth.ts'
import { type AnswerError, findRefusal, ranInPart } from './errors.ts'

/** What an operation carries in its context behind this exchange. */
interface Sent {
  authorization: Authorization
  isRetry: boolean
}

/**
 * An exchange that sends the token along, and an operation again, once, that was refused before anything of it ran, where
 * there is another token by then. Put it behind `cacheExchange` and exchanges that try again by themselves, and before
 * `fetchExchange`.
 */
export function authExchange(auth: Auth): Exchange {
  return ({ forward }) =>
    (operations$) => {
      const incoming$ = share(operations$)
      const retries = makeSubject<Operation>()
      const failures = makeSubject<OperationResult>()

      /** The operation with what is to be sent along, or null where that could not be found out. */
      async function authorize(operation: Operation, isRetry: boolean): Promise<Operation | null> {
        try {
          return withAuthorization(operation, { authorization: await auth.authorize(), isRetry })
        } catch (error) {
          failures.next(makeErrorResult(operation, error as Error))
          return null
        }
      }

      /** The result, or null where the operation is sent again. */
      async function settle(
        result: OperationResult,
        errors: readonly AnswerError[],
        sent: Sent,
      ): Promise<OperationResult | null> {
        const { operation, data } = result
        const isRepeatable = !sent.isRetry && (operation.kind === 'query' || !ranInPart(data))
        const again = await auth.shouldRetry(sent.authorization, errors, isRepeatable)
        if (again) retries.next(operation)
        return again ? null : result
      }

      const send = (isRetry: boolean) => (operation: Operation) => {
        if (operation.kind === 'teardown') return fromValue(operation)
        const isTeardown = ({ kind, key }: Operation) => kind === 'teardown' && key === operation.key
        return pipe(
          fromPromise(authorize(operation, isRetry)),
          takeUntil(pipe(incoming$, filter(isTeardown))),
          filter((authorized) => authorized !== null),
        )
      }

      const results$ = pipe(
        merge([pipe(incoming$, mergeMap(send(false))), pipe(retries.source, mergeMap(send(true)))]),
        forward,
        mergeMap((result) => {
          const sent = result.operation.context.latchkey as Sent | undefined // set below
          const errors = result.error?.graphQLErrors ?? []
          if (!sent || findRefusal(errors) === null) return fromValue(result)
          return pipe(
            fromPromise(settle(result, errors, sent)),
            filter((settled) => settled !== null),
          )
        }),
      )
      return merge([results$, failures.source])
    }
}

function withAuthorization(operation: Operation, sent: Sent): Operation {
  const { fetchOptions, ...context } = operation.context
  const { headers, ...others } = (typeof fetchOptions === 'function' ? fetchOptions() : fetchOptions) ?? {}
  const { headers: own, key: _key, ...rest } = sent.authorization
  const merged = { ...Object.fromEntries(new Headers(headers)), ...own }
  return makeOperation(operation.kind, operation, {
    ...context,
    fetchOptions: { ...others, ...rest, headers: merged },
    latchkey: sent,
  })
}
