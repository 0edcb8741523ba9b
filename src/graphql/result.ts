import type { GraphQLFormattedError } from 'graphql'

/** A GraphQL response: `data` is absent where nothing ran. */
export interface ExecutionResult {
  data?: Record<string, unknown> | null
  errors?: readonly GraphQLFormattedError[]
}
