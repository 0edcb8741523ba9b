import type { Page } from '../auth/pages.ts'
import type { PageInfo } from './schema-types.ts'

/** The fields of a Relay connection over a page (https://relay.dev/graphql/connections.htm). */
export const connection = {
  nodes: <T>({ items }: Page<T>): T[] => items.map(({ node }) => node),
  edges: <T>({ items }: Page<T>): { cursor: string; node: T }[] => items,
  pageInfo: ({ items, hasNextPage, hasPreviousPage, endCursor }: Page<unknown>): PageInfo => ({
    hasNextPage,
    hasPreviousPage,
    startCursor: items[0]?.cursor ?? null,
    endCursor,
  }),
}
