/** `latchkey/apollo`: a link for Apollo Client 4. */
import { ApolloLink, Observable } from '@apollo/client'
import type { Auth } from './auth.ts'
import { type AnswerError, findRefusal, ranInPart } from './errors.ts'

/**
 * A link that sends the token along, and an operation again, once, that was refused before anything of it ran, where there is
 * another token by then. Put it behind links that try again by themselves, and before `HttpLink`.
 */
export function createAuthLink(auth: Auth): ApolloLink {
  return new ApolloLink(
    (operation, forward) =>
      new Observable((observer) => {
        let subscription: { unsubscribe(): void } | undefined

        async function run(mayRetry: boolean): Promise<void> {
          const authorization = await auth.authorize()
          if (observer.closed) return
          const { headers, key: _key, ...rest } = authorization
          operation.setContext(({ headers: others }) => ({ ...rest, headers: { ...others, ...headers } }))
          let isFirst = true
          let retried: Promise<boolean> | undefined

          /** Hands on what comes behind a refusal only when that has not led to another try. */
          const deliver = (hand: () => void): void => {
            if (retried) retried.then((isRetried) => isRetried || hand(), fail)
            else hand()
          }

          subscription = forward(operation).subscribe({
            next(result) {
              if (isFirst) retried = retry(result)
              isFirst = false
              deliver(() => observer.next(result))
            },
            error: (error) => deliver(() => observer.error(error)),
            complete: () => deliver(() => observer.complete()),
          })

          function retry(result: ApolloLink.Result): Promise<boolean> | undefined {
            const { errors = [], data } = result as { errors?: readonly AnswerError[]; data?: unknown }
            if (findRefusal(errors) === null) return
            const isRepeatable = operation.operationType === 'query' || !ranInPart(data)
            return auth
              .shouldRetry(authorization, errors, mayRetry && isRepeatable)
              .then(async (isRetried) => {
                if (isRetried) {
                  subscription?.unsubscribe()
                  await run(false)
                }
                return isRetried
              })
          }
        }

        const fail = (error: unknown) => observer.error(error)
        run(true).catch(fail)
        return () => subscription?.unsubscribe()
      }),
  )
}
