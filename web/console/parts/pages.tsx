import { type ReactNode, useState } from 'react'
import type { NextPageFragment } from '../api/operations.ts'
import { Button } from './button.tsx'

/**
 * A list in pages: `children` draws the page behind a cursor, and puts what `more` gives for its `pageInfo` below it.
 * Each page asks for itself, so that a change reads all of them anew.
 */
export function Pages({
  children,
}: {
  children: (after: string | null, more: (pageInfo: NextPageFragment) => ReactNode) => ReactNode
}) {
  const [cursors, setCursors] = useState<(string | null)[]>([null])
  const last = cursors.at(-1)
  return cursors.map((after) => (
    <Page key={after ?? ''}>
      {children(after, ({ hasNextPage, endCursor }) =>
        hasNextPage && after === last ? (
          <div className="more">
            <Button onClick={() => setCursors([...cursors, endCursor])}>Show more</Button>
          </div>
        ) : null,
      )}
    </Page>
  ))
}

function Page({ children }: { children: ReactNode }) {
  return children
}
