import { useQuery } from 'urql'
import { UserDocument } from '../api/operations.ts'
import { Events } from '../parts/events.tsx'
import { Icon } from '../parts/icon.tsx'
import { Page, Section } from '../parts/page.tsx'
import { Skeleton, Trouble } from '../parts/states.tsx'
import { ago, dayOf } from '../parts/time.ts'
import { Link } from '../router.tsx'
import type { User } from './users/user.ts'
import { UserRights } from './users/user-rights.tsx'
import { UserSignIn } from './users/user-sign-in.tsx'
import { UserTokens } from './users/user-tokens.tsx'

/** One account, for administrators. */
export function UserPage({ id }: { id: string }) {
  const [{ data, error }, again] = useQuery({ query: UserDocument, variables: { id }, context: touched })
  const user = data?.user
  return (
    <>
      <Link to="/users" className="back">
        <Icon name="back" />
        All users
      </Link>
      {user ? (
        <Account user={user} />
      ) : (
        <Page title="User">{error ? <Trouble error={error} onRetry={again} /> : <Skeleton />}</Page>
      )}
    </>
  )
}

const touched = { additionalTypenames: ['User', 'Token'] }

function Account({ user }: { user: User }) {
  const { username, email, emailVerified, role, active, createdAt, lastSignInAt, auditEvents } = user
  return (
    <Page
      title={username}
      about={
        <>
          {email ?? 'No email address'}
          {email !== null && (emailVerified ? ' (verified)' : ' (not verified)')} · since {dayOf(createdAt)} ·{' '}
          {lastSignInAt === null ? 'never signed in' : `signed in ${ago(lastSignInAt)}`}
        </>
      }
      actions={
        <>
          {role === 'ADMIN' && <span className="badge accent">Administrator</span>}
          {active === false && <span className="badge bad">Disabled</span>}
        </>
      }
    >
      <UserTokens user={user} />
      <UserRights user={user} />
      <UserSignIn user={user} />
      <Section title="Recent activity" about="What happened to this account.">
        {auditEvents && <Events events={auditEvents.nodes} />}
        <Link to="/audit" query={`?user=${user.id}`}>
          All events of this user
        </Link>
      </Section>
    </Page>
  )
}
