import { createContext, type ReactNode, useContext } from 'react'
import { useQuery } from 'urql'
import { type ProfileFragment, ViewerDocument } from '../api/operations.ts'
import { refusalOf } from '../api/problems.ts'
import { Splash, Trouble } from '../parts/states.tsx'

const ViewerContext = createContext<ProfileFragment | null>(null)

/** Shows its children to who is signed in, and to everybody else `otherwise`, which learns why that is. */
export function SignedIn({
  children,
  otherwise,
}: {
  children: ReactNode
  /** The reason of `UNAUTHENTICATED`. */
  otherwise: (reason: string) => ReactNode
}) {
  const [{ data, error, fetching }, again] = useQuery({ query: ViewerDocument, context })
  if (data?.viewer) return <ViewerContext value={data.viewer}>{children}</ViewerContext>
  if (fetching) return <Splash />
  const refusal = refusalOf(error)
  if (error === undefined || refusal?.code === 'UNAUTHENTICATED') return otherwise(refusal?.reason ?? '')
  return (
    <main className="alone">
      <Trouble error={error} onRetry={() => again({ requestPolicy: 'network-only' })} />
    </main>
  )
}

/** Who is signed in. */
export function useViewer(): ProfileFragment {
  const viewer = useContext(ViewerContext)
  if (viewer === null) throw new Error('useViewer needs a SignedIn above it')
  return viewer
}

/** Here it is no surprise that nobody is signed in. */
const context = { asksWhoIsThere: true }
