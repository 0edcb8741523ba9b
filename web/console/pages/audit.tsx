import { type ReactNode, useState } from 'react'
import { useQuery } from 'urql'
import { eventWords } from '../api/event-words.ts'
import { type AuditEventFilter, AuditEventsDocument, type NextPageFragment } from '../api/operations.ts'
import { Button } from '../parts/button.tsx'
import { Events } from '../parts/events.tsx'
import { Choice, Field } from '../parts/field.tsx'
import { Page } from '../parts/page.tsx'
import { Pages } from '../parts/pages.tsx'
import { Empty, Skeleton, Trouble } from '../parts/states.tsx'
import { Link, navigate } from '../router.tsx'

const kinds: [kind: string, text: string, events: string[] | null][] = [
  ['all', 'Everything', null],
  [
    'trouble',
    'Failures and refusals',
    Object.keys(eventWords)
      .filter((event) => /_fail|_lock|_reuse|exceeded|reported/.test(event))
      .slice(0, 20),
  ],
  [
    'sign-in',
    'Sign-ins',
    [
      'authn_login_success',
      'authn_login_successafterfail',
      'authn_login_fail',
      'authn_login_fail_max',
      'authn_login_lock',
    ],
  ],
  ['password', 'Passwords', Object.keys(eventWords).filter((event) => event.startsWith('authn_password'))],
  [
    'token',
    'Devices and tokens',
    [...Object.keys(eventWords).filter((event) => event.startsWith('authn_token')), 'token_reported'],
  ],
  ['account', 'Accounts', Object.keys(eventWords).filter((event) => /^(user|email)_/.test(event))],
]

/** What happened to all accounts, for administrators. */
export function AuditPage({ userId }: { userId: string | null }) {
  const [kind, setKind] = useState('all')
  const [since, setSince] = useState('')
  const [until, setUntil] = useState('')
  const [address, setAddress] = useState('')
  const filter: AuditEventFilter = {
    userId,
    events: kinds.find(([name]) => name === kind)?.[2] ?? null,
    since: startOf(since),
    until: startOf(until, 1),
    address: address.trim() === '' ? null : address.trim(),
  }

  return (
    <Page title="Audit" about="What happened to all accounts, newest first.">
      <search className="filters">
        <Choice
          label="What"
          value={kind}
          onChange={setKind}
          options={kinds.map(([name, text]) => [name, text] as const)}
        />
        <Field label="From" type="date" value={since} onChange={setSince} max={until} />
        <Field label="To" type="date" value={until} onChange={setUntil} min={since} />
        <Field
          label="Address"
          placeholder="203.0.113.7"
          value={address}
          onChange={setAddress}
          autoComplete="off"
          spellCheck={false}
        />
      </search>
      {userId !== null && (
        <p className="row">
          Only events of one user.
          <Button kind="quiet" onClick={() => navigate('/audit')}>
            Show those of all
          </Button>
        </p>
      )}
      <Pages key={JSON.stringify(filter)}>
        {(after, more) => <EventList filter={filter} after={after} more={more} />}
      </Pages>
    </Page>
  )
}

function EventList({
  filter,
  after,
  more,
}: {
  filter: AuditEventFilter
  after: string | null
  more: (pageInfo: NextPageFragment) => ReactNode
}) {
  const [{ data, error }, again] = useQuery({
    query: AuditEventsDocument,
    variables: { first: 30, after, filter },
    requestPolicy: 'cache-and-network',
  })
  const list = data?.auditEvents
  if (error && !list) return <Trouble error={error} onRetry={again} />
  if (!list) return <Skeleton rows={6} />
  if (list.nodes.length === 0 && after === null && !list.pageInfo.hasNextPage) {
    return (
      <Empty icon="list" title="No events">
        Nothing of this kind was recorded in this time.
      </Empty>
    )
  }
  return (
    <>
      <Events
        events={list.nodes}
        extra={({ event, userId, actorId }) => (
          <p className="faint">
            <code>{event}</code>
            {userId !== null && (
              <Link to="/user" query={`?id=${userId}`}>
                user
              </Link>
            )}
            {actorId !== null && actorId !== userId && (
              <Link to="/user" query={`?id=${actorId}`}>
                administrator
              </Link>
            )}
          </p>
        )}
      />
      {more(list.pageInfo)}
    </>
  )
}

/** The beginning of a day in the reader's time zone, or of one some days after it. */
function startOf(day: string, later = 0): string | null {
  const [year, month, date] = day.split('-').map(Number)
  if (year === undefined || month === undefined || date === undefined) return null
  return new Date(year, month - 1, date + later).toISOString()
}
