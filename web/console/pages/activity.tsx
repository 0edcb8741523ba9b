import type { ReactNode } from 'react'
import { useQuery } from 'urql'
import { ActivityDocument, type NextPageFragment } from '../api/operations.ts'
import { Events } from '../parts/events.tsx'
import { Page } from '../parts/page.tsx'
import { Pages } from '../parts/pages.tsx'
import { Empty, Skeleton, Trouble } from '../parts/states.tsx'

/** What happened to the reader's account. */
export function ActivityPage() {
  return (
    <Page
      title="Recent activity"
      about="What happened to your account. If something was not you, change your password and sign out other devices."
    >
      <Pages>{(after, more) => <ActivityList after={after} more={more} />}</Pages>
    </Page>
  )
}

function ActivityList({
  after,
  more,
}: {
  after: string | null
  more: (pageInfo: NextPageFragment) => ReactNode
}) {
  const [{ data, error }, again] = useQuery({
    query: ActivityDocument,
    variables: { first: 30, after },
    requestPolicy: 'cache-and-network',
  })
  const list = data?.viewer?.auditEvents
  if (error && !list) return <Trouble error={error} onRetry={again} />
  if (!list) return <Skeleton rows={6} />
  if (list.nodes.length === 0 && after === null) {
    return (
      <Empty icon="clock" title="Nothing yet">
        Sign-ins and changes of your account will be listed here.
      </Empty>
    )
  }
  return (
    <>
      <Events events={list.nodes} />
      {more(list.pageInfo)}
    </>
  )
}
